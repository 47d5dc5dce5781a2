"""AppSync asks for one field: of one parent, or of many in one batch. The resolvers that the server runs answer.

An answer is an envelope, which the resolvers' response function (infra/appsync_js/) turns into a value or an
error, so that errorType and errorInfo reach clients: an exception that leaves a Lambda would lose them.

    {"data": value}
    {"data": null, "error": {"message": "...", "errorType": "COURSE_FULL", "errorInfo": {...}}}
    {"data": null, "filter": {...}, "ends": {...}}       a subscription that may begin (app/appsync/subscribing.py)
    {..., "ended": [{...}]}                              a mutation that ends some

A batch is answered with as many envelopes, in its order.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from inspect import isawaitable
from typing import Any
from uuid import uuid4

import msgspec
from graphql import GraphQLNonNull, GraphQLObjectType, GraphQLOutputType, GraphQLSchema

from app.access import rules_to_check
from app.appsync.arguments import Arguments
from app.appsync.event import BadEvent, Event, Info, read_event
from app.appsync.results import Results, Write
from app.appsync.selection import Finish, SelectionPlans
from app.appsync.sources import SourceRecords
from app.appsync.subscribing import begun, ended
from app.errors import refusal
from app.limits import Limits
from app.scope import RequestScope
from domain.callers import Caller, Mode
from domain.errors import Code, DomainError, not_found
from resolvers.context import Context
from resolvers.registry import Registry, Reread

Envelope = dict[str, Any]


class _Field(msgspec.Struct, frozen=True):
    """How one field is answered."""

    parent: str
    is_root: bool
    is_subscription: bool
    type: GraphQLOutputType
    resolve: Callable[..., Any]
    reread: Reread | None
    """How sources are read anew where what the SDL shows of them is too little."""
    arguments: Arguments
    write: Write


class _ResolveInfo:
    """As much of graphql-core's `info` as a bound resolver looks at."""

    __slots__ = ("context", "field_nodes")

    def __init__(self, scope: RequestScope) -> None:
        self.context = scope
        self.field_nodes = (self,)
        """Stands for the place in the document: what is asked with the same arguments is one batch."""


class Invocations:
    """One a process; every event is on its own.

    Args:
        schema: bound.
        registry: the resolvers that it was bound with.
        records: by GraphQL object type.
        user_modes: what "signed in" means in this deployment.
        identify: the caller whom an event names; raises DomainError.
        admit: the account gate.
        context: a resolvers' context for a caller.
        seconds: time for one event or batch.
        selections: for answers of what was selected; None: each has all that its record shows.
    """

    def __init__(
        self,
        schema: GraphQLSchema,
        registry: Registry,
        records: Mapping[str, type[msgspec.Struct]],
        user_modes: frozenset[Mode],
        *,
        identify: Callable[[Event], Caller],
        admit: Callable[[Caller], Awaitable[Caller]],
        context: Callable[[Caller], Context],
        limits: Limits | None = None,
        seconds: float = 25.0,
        selections: SelectionPlans | None = None,
    ) -> None:
        self._schema = schema
        self._registry = registry
        self._results = Results(registry, rules_to_check(schema, user_modes))
        self._fields: dict[str, _Field] = {}
        """Those that were asked for: to make all of them would take longer than most calls."""
        self._sources = SourceRecords(schema, registry, records)
        self._identify = identify
        self._admit = admit
        self._context = context
        self._limits = limits or Limits()
        self._seconds = seconds
        self._selections = selections

    async def answer(self, event: Any, request_id: str | None = None) -> Envelope | list[Envelope]:
        """
        Args:
            event: AppSync's Context object, or a list of them for one field.
            request_id: named in errors and log lines; None makes one.

        Raises:
            BadEvent: this is nothing that AppSync sends.
        """
        written = event if isinstance(event, list) else [event]
        events = [read_event(each) for each in written]
        answers = await self._answers(events, request_id or str(uuid4()))
        return answers if isinstance(event, list) else answers[0]

    async def _answers(self, events: Sequence[Event], request_id: str) -> list[Envelope]:
        groups: dict[bytes, list[int]] = defaultdict(list)
        for number, event in enumerate(events):
            groups[_alike(event)].append(number)
        answers: dict[int, Envelope] = {}

        async def answer(numbers: Sequence[int]) -> None:
            some = await self._group([events[number] for number in numbers], request_id)
            answers.update(zip(numbers, some, strict=True))

        await asyncio.gather(*map(answer, groups.values()))
        return [answers[number] for number in range(len(events))]

    async def _group(self, events: Sequence[Event], request_id: str) -> list[Envelope]:
        """Events that differ in nothing but their source."""
        field = self._field(events[0])
        try:
            async with asyncio.timeout(self._seconds):
                return await self._answered(field, events, request_id)
        except TimeoutError:
            late = DomainError(Code.TIMEOUT, f"The operation took longer than {self._seconds:g} seconds.")
            return [failed(late)] * len(events)
        except BadEvent:
            raise
        except Exception as error:
            return [failed(refusal(error, request_id))] * len(events)

    def _field(self, event: Event) -> _Field:
        known = self._fields.get(event.coordinate)
        if known is None:
            if event.coordinate not in self._registry:
                raise BadEvent("it asks for a field that has no resolver")
            known = _field(self._schema, event.info, self._registry, self._results)
            self._fields[event.coordinate] = known
        return known

    async def _answered(self, field: _Field, events: Sequence[Event], request_id: str) -> list[Envelope]:
        caller = await self._admit(self._identify(events[0]))
        arguments = field.arguments.read(events[0].arguments or {}, self._limits)
        losers: list[str] = []

        async def note(user_id: str, *, after_seconds: float = 0) -> None:
            losers.append(user_id)

        scope = RequestScope(msgspec.structs.replace(self._context(caller), recheck=note), request_id)
        try:
            sources = await self._read_sources(field, events, scope.ctx)
            info = _ResolveInfo(scope)
            values = await asyncio.gather(
                *(_resolved(field, source, info, arguments) for source in sources), return_exceptions=True
            )
        finally:
            scope.close()
        if field.is_subscription:
            return [_begun(value, caller, events[0], request_id) for value in values]
        finish = None if self._selections is None else self._selections.finish(events[0].info, field.type)
        answers = [_envelope(field, finish, value, caller, request_id) for value in values]
        if losers:
            answers[0]["ended"] = ended(losers)
        return answers

    async def _read_sources(self, field: _Field, events: Sequence[Event], ctx: Context) -> Sequence[Any]:
        """Records, or the error that stands for one that is gone."""
        if field.is_root:
            return [None] * len(events)
        seen = [self._sources.read(field.parent, event.source) for event in events]
        if field.reread is None:
            return seen
        found: Sequence[Any] = await field.reread(ctx, seen)
        return [_gone(field) if record is None else record for record in found]


def _gone(field: _Field) -> DomainError | None:
    """For a parent that was deleted since it was answered, or by the very mutation that answers it."""
    return not_found(field.parent) if isinstance(field.type, GraphQLNonNull) else None


async def _resolved(field: _Field, source: Any, info: _ResolveInfo, arguments: Mapping[str, Any]) -> Any:
    if isinstance(source, DomainError) or (source is None and not field.is_root):
        return source
    value = field.resolve(source, info, **arguments)
    return await value if isawaitable(value) else value


def _begun(value: Any, caller: Caller, event: Event, request_id: str) -> Envelope:
    if isinstance(value, BaseException):
        return failed(refusal(value, request_id))
    return {"data": None, **begun(caller, event.arguments or {}, value)}


def _envelope(field: _Field, finish: Finish | None, value: Any, caller: Caller, request_id: str) -> Envelope:
    if isinstance(value, BaseException):
        return failed(refusal(value, request_id))
    if finish is not None and value is not None:
        with suppress(Exception):  # what is wrong with the value comes out below
            return {"data": finish(value)}
    try:
        return {"data": field.write(value, caller)}
    except Exception as error:
        return failed(refusal(error, request_id))


def failed(error: DomainError) -> Envelope:
    return {
        "data": None,
        "error": {"message": error.message, "errorType": error.code.value, "errorInfo": dict(error.info)},
    }


def _alike(event: Event) -> bytes:
    """The same for events that one call can answer."""
    return msgspec.json.encode((event.info, event.identity, event.arguments), order="sorted")


def _field(schema: GraphQLSchema, info: Info, registry: Registry, results: Results) -> _Field:
    parent, name = schema.type_map[info.parent_type_name], info.field_name
    if not isinstance(parent, GraphQLObjectType):
        raise TypeError(f"{parent} has no fields")
    field, coordinate = parent.fields[name], f"{parent.name}.{name}"
    if field.resolve is None:
        raise ValueError(f"{coordinate} was not bound")
    return _Field(
        parent.name,
        is_root=parent in (schema.query_type, schema.mutation_type, schema.subscription_type),
        is_subscription=parent is schema.subscription_type,
        type=field.type,
        resolve=field.resolve,
        reread=registry.rereads[parent.name] if registry[coordinate].whole else None,
        arguments=Arguments(schema, name, field),
        write=results.writer(field.type),
    )
