"""`ctx.publish`: reads stored records as our backend does, and sends them to their subscribers.

A call only notes what is to be published, so that no mutation waits for it. One task reads several records
at a time and hands them on in the order in which they were noted. What is noted twice before it is read is
read once; a record that is noted while it is read is read again.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from itertools import islice
from typing import Any
from uuid import uuid4

from graphql import GraphQLSchema

from app.execution import Executor, GraphQLRequest
from app.limits import Limits
from app.plans.cache import Plans
from app.realtime.full_selection import publishing, takes_a_key
from domain.callers import Caller, Mode
from resolvers.context import Context
from subscriptions.hub import Hub

MOST_WAITING = 10_000
MOST_AT_ONCE = 16
SECONDS = 5.0
"""For one record to be read."""

log = logging.getLogger(__name__)

_Noted = tuple[str, tuple[tuple[str, Any], ...]]
_ANYTHING = Limits(tokens=10_000, aliases=1_000, cost=100_000)
"""Our own documents need no protection from themselves."""


class Publisher:
    """One a process.

    Args:
        schema: bound.
        woken: subscription fields by mutation field.
        plans: see Executor.
    """

    def __init__(
        self,
        schema: GraphQLSchema,
        woken: Mapping[str, tuple[str, ...]],
        hub: Hub,
        user_modes: frozenset[Mode],
        plans: Plans | None = None,
    ) -> None:
        self._woken = woken
        self._hub = hub
        self._calls = {each: publishing(schema, each, user_modes) for each in woken if takes_a_key(schema, each)}
        self._executor = Executor(schema, limits=_ANYTHING, introspection=False, seconds=SECONDS, plans=plans)
        self._waiting: dict[_Noted, asyncio.Future[None]] = {}
        self._came = asyncio.Event()

    async def publish(self, mutation: str, /, **key: Any) -> None:
        """See resolvers.context.Publish."""
        self._note(mutation, key)

    async def publish_and_wait(self, mutation: str, /, **key: Any) -> None:
        """As `publish`; returns once its listeners were sent the record, or were told of a gap."""
        told = self._note(mutation, key)
        if told is not None:
            await asyncio.shield(told)

    def _note(self, mutation: str, key: Mapping[str, Any]) -> "asyncio.Future[None] | None":
        """Done once it was handed on; None where nothing is to be."""
        call = self._calls.get(mutation)
        if call is None or key.keys() != call.arguments.keys():
            log.error("%s cannot be published by %s", mutation, ", ".join(key))
            return None
        fields = self._woken[mutation]
        if not self._hub.may_be_heard(fields):
            return None
        if len(self._waiting) >= MOST_WAITING:
            log.error("%d records wait to be published: too many", len(self._waiting))
            self._hub.report_gap(fields)
            return None
        self._came.set()
        return self._waiting.setdefault((mutation, tuple(sorted(key.items()))), asyncio.Future())

    async def run(self, context: Callable[[Caller], Context]) -> None:
        """Publishes until cancelled."""
        while True:
            await self._came.wait()
            self._came.clear()
            while self._waiting:
                batch = {noted: self._waiting.pop(noted) for noted in list(islice(self._waiting, MOST_AT_ONCE))}
                answers = await asyncio.gather(*(self._read(noted, context) for noted in batch), return_exceptions=True)
                for ((mutation, _), told), answer in zip(batch.items(), answers, strict=True):
                    self._hand_on(mutation, answer)
                    told.set_result(None)

    def _hand_on(self, mutation: str, answer: Mapping[str, Any] | BaseException) -> None:
        fields = self._woken[mutation]
        payload = None if isinstance(answer, BaseException) else (answer.get("data") or {}).get(mutation)
        if payload is not None:
            self._hub.publish(fields, payload)
        elif isinstance(answer, BaseException) or "errors" in answer:
            log.error("%s could not be read for its subscribers", mutation)
            self._hub.report_gap(fields)

    async def _read(self, noted: _Noted, context: Callable[[Caller], Context]) -> Mapping[str, Any]:
        """The answer, whose data is null without errors for a record that is gone."""
        mutation, key = noted
        call = self._calls[mutation]
        request = GraphQLRequest(call.text, {call.arguments[name]: value for name, value in key})
        return (await self._executor.execute(request, context(Caller(Mode.IAM)), str(uuid4()))).content
