"""What the resolver function keeps open: the product, and who answers AppSync's events with it."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import msgspec
from graphql import GraphQLSchema

from app.appsync.identity import Identities
from app.appsync.invocation import Invocations
from app.appsync.publishing import SECONDS, AppSyncPublisher
from app.appsync.selection import SelectionPlans
from app.appsync.subscribing import ask_again
from app.auth_settings import auth_config
from app.aws_session import AwsSession
from app.product import bound_schema, open_product, operation_limits
from app.repairs import REPAIRS
from app.settings import Settings
from domain.callers import USER_MODES, Mode
from resolvers import registry
from resolvers.records import BY_TYPE


@asynccontextmanager
async def open_resolver(settings: Settings) -> AsyncIterator[Invocations]:
    """Raises SettingsFault, BindingError."""
    config = auth_config(settings)
    user_modes = config.modes & USER_MODES
    schema = bound_schema(user_modes)
    async with (
        open_product(without_queues(settings)) as product,
        open_publisher(settings, schema, user_modes, product.aws) as publisher,
    ):
        yield Invocations(
            schema,
            registry,
            BY_TYPE,
            user_modes,
            identify=Identities(config).caller,
            admit=product.accounts.admit,
            context=product.contexts(publisher.publish, ask_again),
            limits=operation_limits(settings),
            seconds=settings.request_seconds,
            selections=SelectionPlans() if settings.execution == "plans" else None,
        )


def without_queues(settings: Settings) -> Settings:
    """For functions that are brought messages, or have nothing to do with any: so nothing listens to queues here."""
    return msgspec.structs.replace(settings, meeting_events_queue_url=None, mail_feedback_queue_url=None)


@asynccontextmanager
async def open_publisher(
    settings: Settings, schema: GraphQLSchema, user_modes: frozenset[Mode], aws: AwsSession
) -> AsyncIterator[AppSyncPublisher]:
    async with AsyncExitStack() as stack:
        endpoint = None
        if settings.appsync_url is not None:
            from datasources.aws.appsync import open_appsync

            opened = open_appsync(settings.appsync_url, region=settings.aws_region, seconds=SECONDS, session=aws.get())
            endpoint = await stack.enter_async_context(opened)
        relayed = {repair.mutation for repair in REPAIRS}
        yield AppSyncPublisher(schema, user_modes, endpoint, relayed)
