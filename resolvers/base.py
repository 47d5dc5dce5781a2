"""The server itself: what it is, and notices to every client."""

from datasources.idempotency import request
from domain import text
from domain.server import ServerInfo, ServiceNotice, check_period
from resolvers.context import Context
from resolvers.inputs import NoticeSeverity, PublishServiceNoticeInput
from resolvers.registry import registry


@registry.field("Query.getServerInfo")
async def get_server_info(ctx: Context) -> ServerInfo:
    facts = ctx.facts
    return ServerInfo(facts.api_version, ctx.now(), facts.minimum_client_version, facts.features)


@registry.field("Mutation.publishServiceNotice")
async def publish_service_notice(ctx: Context, *, input: PublishServiceNoticeInput) -> ServiceNotice:
    check_period(input.get("starts_at"), input.get("ends_at"))
    notice = ServiceNotice(
        id=ctx.new_id(),
        severity=input["severity"],
        title=text.clean(input["title"], "input.title", longest=text.NAME),
        created_at=ctx.now(),
        body=text.clean_or_none(input.get("body"), "input.body", longest=text.BODY),
        starts_at=input.get("starts_at"),
        ends_at=input.get("ends_at"),
    )
    publisher = ctx.caller.user_id or ctx.caller.mode.value
    repeatable = request(publisher, "publishServiceNotice", input.get("client_token"), input)
    return await ctx.sources.notices.publish(notice, repeatable)


@registry.field("Subscription.onServiceNotice")
async def on_service_notice(ctx: Context, *, severity: NoticeSeverity | None = None) -> None:
    """Notices are for everybody who is signed in."""
