"""The live subscriptions of this process: how they start, go on only while they may, and end."""

import asyncio
import logging
import math
from collections import defaultdict
from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping
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
from domain.callers import Caller, Mode
from domain.errors import RETRYABLE, Code, DomainError, throttled
from domain.times import Timestamp, moment
from resolvers.context import Context
from subscriptions.filters import parsed
from subscriptions.hub import Hub, Listener, Topic
from subscriptions.projection import Projection, project

GATE_SECONDS = 8.0
"""For the gate of one subscription; clients give up after ten."""
SWEEP_SECONDS = 25.0
"""Between two looks at every subscription's rights, all of them within 30 seconds."""
MOST_AT_ONCE = 8
MOST_TRIES = 5
MOST_TO_RECHECK = 10_000
LONGEST_TIMER_SECONDS = 7 * 24 * 3600.0

log = logging.getLogger(__name__)


class Subscriber(Listener, Protocol):
    """The client's side of one subscription, in whatever protocol it speaks."""

    def end(self, errors: list[ErrorObject]) -> None:
        """It is over, and why. Called once, after `live` was set to False. Never raises."""
        ...


class Subscription:
    """One that is, or is about to be, in the hub."""

    __slots__ = ("asked", "caller", "digest", "outdated", "subscriber", "timer", "topic")

    def __init__(self, asked: Asked, digest: bytes, caller: Caller, subscriber: Subscriber) -> None:
        self.asked = asked
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
        forget: makes the account gate read a caller's account anew.
        now: the server's clock, which says whether a credential has expired.
    """

    def __init__(
        self,
        executor: Executor,
        hub: Hub,
        user_modes: frozenset[Mode],
        context: Callable[[Caller], Context],
        admit: Callable[[Caller], Awaitable[Caller]],
        forget: Callable[[Caller], None],
        now: Callable[[], Timestamp],
    ) -> None:
        self._executor = executor
        self._hub = hub
        self._visibility = _Visibility(executor.schema, user_modes)
        self._context = context
        self._admit = admit
        self._forget = forget
        self._now = now
        self._all: dict[Subscription, None] = {}
        self._of_user: dict[str, dict[Subscription, None]] = defaultdict(dict)
        self._to_recheck: dict[str, None] = {}
        self._recheck_came = asyncio.Event()

    def __len__(self) -> int:
        return len(self._all)

    async def start(self, request: GraphQLRequest, caller: Caller, subscriber: Subscriber) -> Subscription:
        """A subscription that hears everything from the moment this returns.

        Args:
            caller: as the credential says, not yet admitted.

        Raises:
            Refused, DomainError: it may not be, or makes no sense.
        """
        asked = read(self._executor, request, str(uuid4()))
        subscription = Subscription(asked, _digest(request), caller, subscriber)
        if caller.user_id is not None:
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
        if user_id is not None and user_id in self._of_user:
            self._of_user[user_id].pop(subscription, None)
            if not self._of_user[user_id]:
                del self._of_user[user_id]

    def end(self, subscription: Subscription, error: DomainError) -> None:
        """The server ends it and says why."""
        if subscription in self._all:
            self.stop(subscription)
            subscription.subscriber.end([error_of(error)])

    # Rights

    async def recheck(self, user_id: str, *, after_seconds: float = 0) -> None:
        """See resolvers.context.Recheck."""
        if after_seconds:
            asyncio.get_running_loop().call_later(after_seconds, self._recheck_everywhere_soon, user_id)
            return
        self._hub.recheck(user_id)
        await self._recheck_here(user_id)

    def _recheck_everywhere_soon(self, user_id: str) -> None:
        self._hub.recheck(user_id)
        self.recheck_soon(user_id)

    def recheck_soon(self, user_id: str) -> None:
        """Another process has changed what this user may hear."""
        if user_id in self._of_user:
            if len(self._to_recheck) >= MOST_TO_RECHECK:
                log.error("%d users wait for their rights to be looked at: too many", len(self._to_recheck))
                self._hub.lose_continuity()
                return
            self._to_recheck[user_id] = None
            self._recheck_came.set()

    async def run(self) -> None:
        """Keeps looking at rights until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._recheck_on())
            tasks.create_task(self._sweep_on())

    async def _recheck_on(self) -> None:
        while True:
            await self._recheck_came.wait()
            self._recheck_came.clear()
            while self._to_recheck:
                user_id = next(iter(self._to_recheck))
                del self._to_recheck[user_id]
                await self._recheck_here(user_id)

    async def _recheck_here(self, user_id: str) -> None:
        mine = list(self._of_user.get(user_id, ()))
        for subscription in mine:
            self._forget(subscription.caller)
            subscription.outdated = True
        await self._look_at(mine, unsure=self._interrupt, pause=0)

    async def _sweep_on(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_SECONDS / 5)
            rounds = math.ceil(len(self._all) / MOST_AT_ONCE)
            await self._look_at(list(self._all), unsure=_leave, pause=SWEEP_SECONDS * 4 / 5 / max(1, rounds))

    async def _look_at(
        self, subscriptions: Iterable[Subscription], unsure: Callable[[Subscription], None], pause: float
    ) -> None:
        """Several at a time.

        Args:
            unsure: what becomes of one whose rights cannot be read at the moment.
            pause: seconds after each, so that a large number is no burst.
        """
        waiting = iter(subscriptions)

        async def look() -> None:
            for subscription in waiting:
                if subscription in self._all and not await self._still_may(subscription):
                    unsure(subscription)
                await asyncio.sleep(pause)

        await asyncio.gather(*(look() for _ in range(MOST_AT_ONCE)))

    async def _still_may(self, subscription: Subscription) -> bool:
        """Ends it when it may not be any more; False when that cannot be told."""
        try:
            self._check_expiry(subscription)
            topic = await self._topic(subscription, await self._admit(subscription.caller))
        except DomainError as error:
            if error.code in RETRYABLE:
                return False
            self.end(subscription, error)
            return True
        except Exception as error:
            refusal(error, str(uuid4()))
            return False
        before = subscription.topic
        if before is not None and (before.group, before.filter) != (topic.group, topic.filter):
            self._interrupt(subscription)
        return True

    def _interrupt(self, subscription: Subscription) -> None:
        """What it may hear has changed, or cannot be told: the client has to ask anew."""
        if subscription in self._all:
            self.stop(subscription)
            subscription.subscriber.lose_continuity()

    def _check_expiry(self, subscription: Subscription) -> None:
        """Raises when the credential has expired; sets the timer for when it will."""
        expires_at = subscription.caller.expires_at
        if expires_at is None:
            return
        left = (moment(expires_at) - moment(self._now())).total_seconds()
        if left <= 0:
            raise DomainError(Code.UNAUTHORIZED_REQUEST, EXPIRED_TOKEN)
        if subscription.timer is None:
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
        scope = RequestScope(self._context(caller), str(uuid4()))
        try:
            async with asyncio.timeout(GATE_SECONDS):
                written = await asked.field.resolve(None, _Info(scope), **asked.values)  # type: ignore[misc]
        except TimeoutError:
            raise DomainError(Code.TIMEOUT, "The subscription could not be started in time.") from None
        finally:
            scope.close()
        narrowing = None if written is None else parsed(written)
        projection, group = self._visibility.projection(asked, subscription.digest, caller)
        return Topic(asked.name, asked.arguments, narrowing, group, projection.encoded)


class _Visibility:
    """What subscribers are shown, made once for all who ask the same and may see the same."""

    def __init__(self, schema: GraphQLSchema, user_modes: frozenset[Mode]) -> None:
        self._schema = schema
        self._rules: Mapping[str, Rule] = rules_to_check(schema, user_modes)
        gates = (groups for rule in self._rules.values() for groups in rule.gate.values() if groups)
        self._groups = frozenset[str]().union(*gates)
        self._projections: WeakValueDictionary[Hashable, Projection] = WeakValueDictionary()

    def projection(self, asked: Asked, digest: bytes, caller: Caller) -> tuple[Projection, Hashable]:
        """With the key of the group of all who are shown the same."""
        key = (digest, caller.mode, self._groups & caller.groups, caller.denied_fields)
        known = self._projections.get(key)
        if known is None:
            denied = self._denied(caller)
            known = project(self._schema, asked.root, asked.fragments, asked.variables, denied)
            self._projections[key] = known
        return known, key

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


def _leave(subscription: Subscription) -> None:
    """The next look will tell."""
