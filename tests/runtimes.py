"""The two runtimes, behind one question: a caller sends an operation, and gets the body of the answer.

A school on one machine's engines is served by our server, one on any engine of AWS from behind AppSync; so
every behaviour that is tested over both engines is tested through both runtimes. RUNTIME=server or
RUNTIME=appsync makes it one of them for all, as `make parity` does.
"""

import os
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from functools import cache, cached_property
from typing import Any, Literal, Protocol

from graphql import GraphQLSchema

from app import sdl
from app.appsync.fields import field_resolvers
from app.appsync.identity import Identities
from app.appsync.invocation import Invocations
from app.appsync.selection import SelectionPlans
from app.auth.config import AuthConfig, AuthorizerConfig, cognito, oidc
from app.execution import Executor, GraphQLRequest
from app.plans.cache import Plans
from app.realtime.live import LiveSubscriptions
from domain.callers import USER_MODES, Caller, Mode
from domain.errors import Code, DomainError
from domain.times import Timestamp
from resolvers import registry
from resolvers.context import Context
from resolvers.records import BY_TYPE
from tests.appsync.api import Api
from tests.appsync.executor import AppSync
from tests.appsync.identities import CLIENT_ID, ISSUERS
from tests.appsync.mapping import Failed

Name = Literal["server", "appsync"]
REQUEST_ID = "request-of-a-test"

Hears = Callable[[Mapping[str, Any]], bool]
"""Whether an event with this payload is delivered."""

Admit = Callable[[Caller], Awaitable[Caller]]
MakeContext = Callable[[Caller], Context]


class Runtime(Protocol):
    async def answer(self, query: str, variables: Mapping[str, Any], caller: Caller) -> dict[str, Any]:
        """The body of the answer.

        Args:
            caller: as the credential says, not yet admitted.
        """
        ...

    async def subscribe(self, query: str, variables: Mapping[str, Any], caller: Caller) -> "Hears":
        """Whether a subscription would be told of an event. Raises DomainError when it may not be."""
        ...


class Server:
    """Our server's executor, behind the account gate that its endpoint asks first."""

    def __init__(
        self, schema: GraphQLSchema, admit: Admit, context: MakeContext, executor: Executor | None = None
    ) -> None:
        self.executor = executor or Executor(schema, plans=Plans(schema, at_once=True))
        self._admit = admit
        self._context = context

    async def answer(self, query: str, variables: Mapping[str, Any], caller: Caller) -> dict[str, Any]:
        ctx = self._context(await self._admit(caller))
        return (await self.executor.execute(GraphQLRequest(query, variables), ctx, REQUEST_ID)).payload

    async def subscribe(self, query: str, variables: Mapping[str, Any], caller: Caller) -> Hears:
        nobody: Any = _Nobody()
        topic = (await self._live.start(GraphQLRequest(query, variables), caller, nobody)).topic
        assert topic is not None

        def hears(payload: Mapping[str, Any]) -> bool:
            equal = all(payload.get(name) == value for name, value in topic.arguments)
            return equal and (topic.filter is None or topic.filter.holds(payload))

        return hears

    @cached_property
    def _live(self) -> LiveSubscriptions:
        hub: Any = _NoHub()
        return LiveSubscriptions(self.executor, hub, USER_MODES, self._context, self._admit, lambda: _NEVER)


class BehindAppSync:
    """AppSync, and the function that its resolvers invoke."""

    def __init__(self, schema: GraphQLSchema, admit: Admit, context: MakeContext) -> None:
        self._function = _function(schema)
        self.admit = admit
        self.context = context

    async def answer(self, query: str, variables: Mapping[str, Any], caller: Caller) -> dict[str, Any]:
        """Where AppSync ends a user's subscriptions, our server looks at the user's rights again."""
        ended: dict[str, None] = {}
        appsync = AppSync(exported_api(), self._invoke, lambda told: ended.setdefault(told["payload"]["userId"]))
        answer = await appsync.execute(query, variables, caller)
        for user_id in ended:
            await self.context(caller).recheck(user_id)
        return answer

    async def subscribe(self, query: str, variables: Mapping[str, Any], caller: Caller) -> Hears:
        started = await AppSync(exported_api(), self._invoke).subscribe(query, variables, caller)
        if isinstance(started, Failed):
            raise DomainError(Code(started.error_type), started.message, **(started.info or {}))
        return started.hears

    async def _invoke(self, event: Any) -> Any:
        _BEHIND.set(self)
        return await self._function.answer(event, REQUEST_ID)


_BEHIND: ContextVar[BehindAppSync] = ContextVar("behind")
"""Whose call the function answers: making one takes longer than most tests, so all schools share it."""


@cache
def _function(schema: GraphQLSchema) -> Invocations:
    return Invocations(
        schema,
        registry,
        BY_TYPE,
        USER_MODES,
        identify=Identities(_sign_ins()).caller,
        admit=lambda caller: _BEHIND.get().admit(caller),
        context=lambda caller: _BEHIND.get().context(caller),
        selections=SelectionPlans(at_once=True),
    )


class _NoHub:
    """Stands where events would come from; here only what a subscription may hear is asked."""

    def join(self, *_: object) -> None: ...


class _Nobody:
    """Listens to nothing."""

    live = True


_NEVER = Timestamp("0001-01-01T00:00:00.000Z")
"""A time at which no credential has expired."""

RUNTIMES: Mapping[Name, Callable[[GraphQLSchema, Admit, MakeContext], Runtime]] = {
    "server": Server,
    "appsync": BehindAppSync,
}


def chosen(*, on_aws: bool) -> Name:
    """The runtime of a school, see above."""
    wanted = os.environ.get("RUNTIME")
    if wanted is None:
        return "appsync" if on_aws else "server"
    if wanted not in RUNTIMES:
        raise ValueError(f"RUNTIME is one of {', '.join(RUNTIMES)}")
    return "appsync" if wanted == "appsync" else "server"


@cache
def exported_api() -> Api:
    """The SDL as it is uploaded, with every user mode, and the resolvers as CDK makes them."""
    return Api.of(sdl.appsync_sdl(sdl.load(), USER_MODES), field_resolvers(registry))


def _sign_ins() -> AuthConfig:
    """What the identities of tests/appsync/identities.py are accepted by."""
    pool = ISSUERS[Mode.COGNITO].rpartition("/")[2]
    return AuthConfig(
        providers=(cognito(pool, clients=(CLIENT_ID,)), oidc(ISSUERS[Mode.OIDC], clients=(CLIENT_ID,))),
        lambda_authorizer=AuthorizerConfig(),
    )
