"""The live subscriptions of this process: how they start, whether they may go on, and how they end."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Hashable, Mapping
from hashlib import blake2b
from typing import Any, Protocol
from uuid import uuid4
from weakref import WeakValueDictionary

import orjson
from graphql import GraphQLSchema

from app.access import Rule, denied_coordinates, rules_to_check, unauthorized
from app.auth.errors import EXPIRED_TOKEN
from app.errors import ErrorObject, refusal
from app.execution import Executor, GraphQLRequest
from app.realtime.operations import Asked, read
from app.scope import RequestScope
from app.time_limit import TimeLimit
from domain.callers import Caller, Mode
from domain.errors import RETRYABLE, Code, DomainError, throttled
from domain.times import Timestamp, moment
from resolvers.context import Context
from subscriptions.filters import parsed
from subscriptions.hub import Hub, Listener, Topic
from subscriptions.projection import Projection, project
from subscriptions.projection_code import ShowCodes, Shown

GATE_SECONDS = 8.0
"""For the gate of one subscription; clients give up after ten."""
MOST_TRIES = 5
LONGEST_TIMER_SECONDS = 7 * 24 * 3600.0


class Subscriber(Listener, Protocol):
    """The client's side of one subscription, in whatever protocol it speaks."""

    def end(self, errors: list[ErrorObject]) -> None:
        """It is over, and why. Called once, after `live` was set to False. Never raises."""
        ...


class Subscription:
    """One that is, or is about to be, in the hub."""

    __slots__ = ("asked", "caller", "digest", "outdated", "request_id", "subscriber", "timer", "topic")

    def __init__(self, asked: Asked, request_id: str, digest: bytes, caller: Caller, subscriber: Subscriber) -> None:
        self.asked = asked
        self.request_id = request_id
        self.digest = digest
        self.caller = caller
        self.subscriber = subscriber
        self.topic: Topic | None = None
        self.outdated = False
        self.timer: asyncio.TimerHandle | None = None


class _Info:
    """As much of graphql-core's `info` as a bound root resolver looks at."""

    __slots__ = ("context",)

    def __init__(self, context: RequestScope) -> None:
        self.context = context


class LiveSubscriptions:
    """One a process.

    Args:
        context: a resolvers' context for a caller.
        admit: the account gate.
        now: the server's clock, which says whether a credential has expired.
        codes: for what is heard more than once; None: each event is projected field by field.
    """

    def __init__(
        self,
        executor: Executor,
        hub: Hub,
        user_modes: frozenset[Mode],
        context: Callable[[Caller], Context],
        admit: Callable[[Caller], Awaitable[Caller]],
        now: Callable[[], Timestamp],
        codes: ShowCodes | None = None,
    ) -> None:
        self._executor = executor
        self._hub = hub
        self._visibility = _Visibility(executor.schema, user_modes, codes)
        self._context = context
        self._admit = admit
        self._now = now
        self._time = TimeLimit(GATE_SECONDS)
        self._asked: WeakValueDictionary[bytes, Asked] = WeakValueDictionary()
        self._all: dict[Subscription, None] = {}
        self._of_user: dict[str | None, dict[Subscription, None]] = defaultdict(dict)

    def __len__(self) -> int:
        return len(self._all)

    async def start(self, request: GraphQLRequest, caller: Caller, subscriber: Subscriber) -> Subscription:
        """A subscription that hears everything from the moment this returns.

        Args:
            caller: as the credential says, not yet admitted.

        Raises:
            Refused, DomainError: it may not be, or makes no sense.
        """
        request_id = str(uuid4())
        digest = _digest(request)
        asked = self._asked.get(digest)
        if asked is None:
            asked = self._asked[digest] = read(self._executor, request, request_id)
        subscription = Subscription(asked, request_id, digest, caller, subscriber)
        self._of_user[caller.user_id][subscription] = None
        try:
            subscription.topic = await self._first_topic(subscription)
            self._check_expiry(subscription)
        except BaseException:
            self.stop(subscription)
            raise
        self._hub.join(subscription.topic, subscriber)
        self._all[subscription] = None
        return subscription

    def stop(self, subscription: Subscription) -> None:
        """The client wants no more. Nothing is sent from here on."""
        subscription.subscriber.live = False
        if subscription.topic is not None:
            self._hub.leave(subscription.topic, subscription.subscriber)
            subscription.topic = None
        if subscription.timer is not None:
            subscription.timer.cancel()
        self._all.pop(subscription, None)
        user_id = subscription.caller.user_id
        if user_id in self._of_user:
            self._of_user[user_id].pop(subscription, None)
            if not self._of_user[user_id]:
                del self._of_user[user_id]

    def end(self, subscription: Subscription, error: DomainError) -> None:
        """The server ends it and says why."""
        if subscription in self._all:
            self.stop(subscription)
            subscription.subscriber.end([error_of(error)])

    def interrupt(self, subscription: Subscription) -> None:
        """What it may hear has changed, or cannot be told: the client has to ask anew."""
        if subscription in self._all:
            self.stop(subscription)
            subscription.subscriber.lose_continuity()

    # Rights

    def __contains__(self, user_id: str | None) -> bool:
        return user_id in self._of_user

    def users(self) -> list[str | None]:
        """Everybody who listens, None for those who are no persons."""
        return list(self._of_user)

    def of(self, user_id: str | None) -> list[Subscription]:
        """Those that are about to start among them."""
        return list(self._of_user.get(user_id, ()))

    async def may_go_on(self, subscription: Subscription, admit: Callable[[Caller], Awaitable[Caller]]) -> bool:
        """Ends it when it may not; False when that cannot be told at the moment.

        Args:
            admit: the account gate, which reads the account anew.
        """
        if subscription not in self._all:
            return True
        try:
            self._check_expiry(subscription)
            topic = await self._topic(subscription, await admit(subscription.caller))
        except DomainError as error:
            if error.code in RETRYABLE:
                return False
            self.end(subscription, error)
            return True
        except Exception as error:
            refusal(error, subscription.request_id)
            return False
        before = subscription.topic
        if before is not None and (before.group, before.filter) != (topic.group, topic.filter):
            self.interrupt(subscription)
        return True

    def _check_expiry(self, subscription: Subscription) -> None:
        """Raises when the credential has expired; sets the timer for when it will."""
        expires_at = subscription.caller.expires_at
        if expires_at is None:
            return
        now = self._now()
        if expires_at <= now:
            raise DomainError(Code.UNAUTHORIZED_REQUEST, EXPIRED_TOKEN)
        if subscription.timer is None:
            left = (moment(expires_at) - moment(now)).total_seconds()
            loop = asyncio.get_running_loop()
            subscription.timer = loop.call_later(min(left, LONGEST_TIMER_SECONDS), self._expired, subscription)

    def _expired(self, subscription: Subscription) -> None:
        subscription.timer = None
        try:
            self._check_expiry(subscription)  # the clock may have been set back
        except DomainError as error:
            self.end(subscription, error)

    async def _first_topic(self, subscription: Subscription) -> Topic:
        """Asked once more when the caller's rights change meanwhile: the answer may be the old one."""
        for _ in range(MOST_TRIES):
            subscription.outdated = False
            topic = await self._topic(subscription, await self._admit(subscription.caller))
            if not subscription.outdated:
                return topic
        raise throttled("The account")

    async def _topic(self, subscription: Subscription, caller: Caller) -> Topic:
        """What this caller may hear of what was asked. Raises DomainError when it is nothing."""
        asked = subscription.asked
        if f"Subscription.{asked.name}" in denied_coordinates(caller):
            raise unauthorized(f"Subscription.{asked.name}")
        scope = RequestScope(self._context(caller), subscription.request_id)
        try:
            written = await self._time.hold(asked.field.resolve(None, _Info(scope), **asked.values))  # type: ignore[misc]
        except TimeoutError:
            raise DomainError(Code.TIMEOUT, "The subscription could not be started in time.") from None
        finally:
            scope.close()
        narrowing = None if written is None else parsed(written)
        shown = self._visibility.shown(asked, subscription.digest, caller)
        return Topic(asked.name, asked.arguments, narrowing, shown, shown.encoded)


class _Visibility:
    """What subscribers are shown, made once for all who ask the same and may see the same."""

    def __init__(self, schema: GraphQLSchema, user_modes: frozenset[Mode], codes: ShowCodes | None) -> None:
        self._schema = schema
        self._codes = codes
        self._rules: Mapping[str, Rule] = rules_to_check(schema, user_modes)
        gates = (groups for rule in self._rules.values() for groups in rule.gate.values() if groups)
        self._groups = frozenset[str]().union(*gates)
        self._shown: WeakValueDictionary[Hashable, Projection | Shown] = WeakValueDictionary()

    def shown(self, asked: Asked, digest: bytes, caller: Caller) -> Projection | Shown:
        """One and the same for the whole group of those who are shown the same."""
        key = (digest, caller.mode, self._groups & caller.groups, caller.denied_fields)
        known = self._shown.get(key)
        if known is None:
            projection = project(self._schema, asked.root, asked.fragments, asked.variables, self._denied(caller))
            known = projection if self._codes is None else Shown(projection, self._codes)
            self._shown[key] = known
        return known

    def _denied(self, caller: Caller) -> Callable[[str], bool]:
        taken = denied_coordinates(caller)

        def denied(coordinate: str) -> bool:
            rule = self._rules.get(coordinate)
            return coordinate in taken or (rule is not None and not rule.allows(caller))

        return denied


def error_of(error: DomainError) -> ErrorObject:
    """One error of a frame, as AppSync's sockets write it."""
    written: dict[str, Any] = {"errorType": error.code.value, "message": error.message}
    if error.code is not Code.UNAUTHORIZED_REQUEST:
        written["errorInfo"] = dict(error.info)
    return written


def _digest(request: GraphQLRequest) -> bytes:
    """Tells apart what differs in text, operation or variables, in a size that a group can afford to keep."""
    variables = orjson.dumps(request.variables, option=orjson.OPT_SORT_KEYS)
    parts = (request.query.encode("utf-8", "surrogatepass"), (request.operation_name or "").encode(), variables)
    return blake2b(b"\0".join(parts), digest_size=16).digest()
