"""What the web function keeps open: the paths beside GraphQL that clients need where there is no server.

Links to playlists, and uploads in parts for clients that know no GraphQL. GraphQL itself is AppSync's.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import msgspec
from starlette.exceptions import HTTPException
from starlette.routing import Router
from starlette.types import ASGIApp, Receive, Scope, Send

from app import logs
from app.appsync.subscribing import ask_again
from app.auth.authenticator import Authenticator
from app.auth.credentials import Credentials, ReadOperation
from app.auth.recent_callers import Sender
from app.execution import Answer, Executor, GraphQLRequest
from app.functions.resolving import open_publisher, without_queues
from app.http.cors import Cors
from app.http.front import Front
from app.http.multipart import Multipart
from app.http.playback import playback_routes
from app.http.reception import Reception
from app.http.replies import Refusal
from app.product import Product, bound_schema, open_product, operation_limits
from app.settings import Settings
from app.sign_in import open_authenticator
from domain.callers import Caller
from resolvers.context import Context


class _Service(msgspec.Struct, frozen=True):
    """See app.http.reception.Service."""

    authenticator: Authenticator
    product: Product
    executor: Executor
    context: Callable[[Caller], Context]

    def recognize(self, sender: Sender, ip_address: str | None) -> Caller | None:
        return self.authenticator.recognize(sender, ip_address)

    async def identify(self, credentials: Credentials, operation: ReadOperation) -> Caller:
        return await self.authenticator.authenticate(credentials, operation=operation)

    async def admit(self, caller: Caller) -> Caller:
        return await self.product.accounts.admit(caller)

    async def execute(self, request: GraphQLRequest, caller: Caller, request_id: str) -> Answer:
        return await self.executor.execute(request, self.context(caller), request_id)


@asynccontextmanager
async def open_pages(settings: Settings) -> AsyncIterator[ASGIApp]:
    """Raises SettingsFault, BindingError."""
    async with (
        open_product(without_queues(settings)) as product,
        open_authenticator(settings, product.store, None) as authenticator,
    ):
        schema = bound_schema(authenticator.user_modes)
        async with open_publisher(settings, schema, authenticator.user_modes, product.aws) as publisher:
            executor = Executor(schema, limits=operation_limits(settings), seconds=settings.request_seconds)
            service = _Service(authenticator, product, executor, product.contexts(publisher.publish, ask_again))
            yield _pages(service, settings)


def _pages(service: _Service, settings: Settings) -> Front:
    cors = Cors(settings.cors_origins)
    reception = Reception(service, settings)
    routes = [*Multipart(service, reception, cors).routes(), *playback_routes(service.product.sources.playback)]
    pages = Router(routes, redirect_slashes=False, default=_nothing_here)
    return Front(_graphql_is_elsewhere, pages, cors, logs.configure(settings.log_level))


async def _nothing_here(scope: Scope, receive: Receive, send: Send) -> None:
    raise HTTPException(404, "There is nothing here.")


async def _graphql_is_elsewhere(scope: Scope, receive: Receive, send: Send) -> None:
    raise Refusal(404, "NotFoundException", "GraphQL is served by AppSync.")
