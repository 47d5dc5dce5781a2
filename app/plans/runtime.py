"""Executing a plan: each selection once, for all its records together, so that a batch is what stands in the answer.

Records are turned into JSON by the plan's generated code. Where that raises, the same value is gone through here step
by step, which finds each fault and its place and does what GraphQL wants of it: the field becomes null, or, where
null is not allowed, the nearest place above that may be.
"""

from collections.abc import Awaitable, Coroutine, Sequence
from typing import Any, TypeAlias

import msgspec
from graphql import GraphQLError, Undefined, located_error
from graphql.execution.values import VariableValues
from graphql.pyutils import is_iterable

from app.access import unauthorized
from app.plans.plan import Field, Items, Leaf, Object, Plan, Selection, Shape
from datasources.together import together
from domain.errors import account_suspended
from resolvers.context import Context
from resolvers.registry import Resolver

Place: TypeAlias = "tuple[Any, str | int, Place | None, bool]"
"""Where a value stands: the dict or list, its key or index there, the place of that, whether null is forbidden."""

Asked: TypeAlias = "tuple[Any, dict[str, Any], Place]"
"""A record, the object that is made of it, and that object's place."""

Todo: TypeAlias = "dict[Field, list[Asked]]"
"""Fields whose resolver has yet to be asked."""


class Execution(msgspec.Struct, eq=False):
    """Of one plan, once: await `run()`.

    Attributes:
        content: its `data` becomes the answer's: of dicts and lists, and of structs of which each has just what was
            selected.
        failures: what went wrong, in the order in which it came up, with the field and the path.
    """

    plan: Plan
    variables: VariableValues
    ctx: Context
    content: dict[str, Any] = {}
    failures: list[tuple[Exception, Field, list[str | int]]] = []

    def errors(self) -> list[GraphQLError]:
        """The failures as GraphQL has them."""
        return [located_error(error, field.nodes, path) for error, field, path in self.failures]

    def run(self) -> Coroutine[Any, Any, object]:
        plan = self.plan
        self.content["data"] = plan.root.blank.copy()
        if plan.only is not None:
            return self._answer_root(plan.only)
        if plan.serial:
            return self._one_by_one(plan.root.waiting)
        return together(self._answer_root(field) for field in plan.root.waiting)

    # Resolvers

    async def _one_by_one(self, root: Sequence[Field]) -> None:
        for field in root:
            await self._answer_root(field)
            if self.content["data"] is None:
                break

    async def _answer_root(self, field: Field) -> None:
        """One field of the operation, with all that is selected below."""
        ctx, shape = self.ctx, field.shape
        value: Any
        try:
            resolver, arguments = self._call(field)
            if ctx.caller.suspended and not resolver.suspended_too:
                raise account_suspended()
            value = await resolver.func(ctx, **arguments)
        except Exception as error:
            value = error
        data = self.content["data"]
        if data is None or _finish(shape, value, data, field.key):
            return
        whole: Place = (self.content, "data", None, False)
        todo: Todo = {}
        self._complete(field, shape, value, (data, field.key, whole, shape.required), todo)
        if todo:
            await self._all(todo)

    async def _all(self, todo: Todo) -> None:
        """Different fields at the same time."""
        await together(self._answer(field, asked) for field, asked in todo.items())

    async def _answer(self, field: Field, asked: Sequence[Asked]) -> None:
        """One field of many records, with all that is selected below."""
        if self.failures:
            asked = [each for each in asked if not _is_gone(each[2])]
        values = await self._values(field, [record for record, _, _ in asked])
        several = _several(field.shape, values)
        if several is not None:
            for (_, fields, _), value in zip(asked, several, strict=True):
                fields[field.key] = value
            return
        todo: Todo = {}
        shape, key = field.shape, field.key
        for (_, fields, place), value in zip(asked, values, strict=True):
            if not _finish(shape, value, fields, key):
                self._complete(field, shape, value, (fields, key, place, shape.required), todo)
        if todo:
            await self._all(todo)

    def _call(self, field: Field) -> tuple[Resolver, dict[str, Any]]:
        """Who is asked, and with what. Raises DomainError, GraphQLError."""
        bound = field.bound
        if bound is None or bound.resolver is None:
            raise TypeError(f"{field.coordinate} has no resolver")
        arguments = field.arguments(self.variables) if field.arguments else {}
        if bound.rule and not bound.rule.allows(self.ctx.caller):
            raise unauthorized(field.coordinate)
        return bound.resolver, arguments

    async def _values(self, field: Field, records: list[Any]) -> Sequence[Any]:
        """What the resolver says to each record; an exception among the values is that record's error."""
        if not records:
            return ()
        try:
            resolver, arguments = self._call(field)
        except Exception as error:
            return [error] * len(records)
        ctx, most = self.ctx, resolver.most
        if not resolver.batched:
            return await together(_outcome(resolver.func(ctx, record, **arguments)) for record in records)
        if len(records) <= most:
            return await _outcomes(field, resolver.func(ctx, records, **arguments), len(records))
        batches = [records[start : start + most] for start in range(0, len(records), most)]
        calls = [_outcomes(field, resolver.func(ctx, batch, **arguments), len(batch)) for batch in batches]
        return [value for values in await together(calls) for value in values]

    # Values

    def _complete(self, field: Field, shape: Shape, value: Any, place: Place, todo: Todo) -> None:
        """Puts into its place what the answer shows of a value, step by step."""
        holder, key, _, required = place
        if value is None or value is Undefined:
            holder[key] = None
            if required:
                self._fail(field, TypeError(f"Cannot return null for non-nullable field {field.coordinate}."), place)
            return
        if isinstance(value, Exception):
            self._fail(field, value, place)
            return
        try:
            if isinstance(shape, Leaf):
                holder[key] = shape.coerce(value)
            elif isinstance(shape, Items):
                self._items(field, shape, value, place, todo)
            else:
                self._object(_selection(field, shape, value), value, place, todo)
        except Exception as error:
            self._fail(field, error, place)

    def _items(self, field: Field, shape: Items, value: Any, place: Place, todo: Todo) -> None:
        holder, key, _, _ = place
        if not isinstance(value, (tuple, list)) and not is_iterable(value):
            raise GraphQLError(f"Expected Iterable, but did not find one for field '{field.coordinate}'.")
        values = list(value)
        items: list[Any] = [None] * len(values)
        holder[key] = items
        of, required = shape.of, shape.of.required
        if isinstance(of, Object) and self._objects(of, values, items, place, todo):
            return
        for index, each in enumerate(values):
            self._complete(field, of, each, (items, index, place, required), todo)
            if self.failures and holder[key] is None:
                return

    def _objects(self, shape: Object, records: list[Any], items: list[Any], place: Place, todo: Todo) -> bool:
        """Fills `items` in the short way, with nothing left to do but to ask resolvers; False where it cannot."""
        selection = shape.only
        if selection is None or selection.begin is None or not selection.asks or _has_fault(records):
            return False
        begin, required = selection.begin, shape.required
        asked: list[Asked] = []
        try:
            for index, record in enumerate(records):
                fields = items[index] = begin(record)
                asked.append((record, fields, (items, index, place, required)))
        except Exception:  # of one of them, and which that is comes out one by one
            return False
        for field in selection.waiting:
            todo.setdefault(field, []).extend(asked)
        return True

    def _object(self, selection: Selection, record: Any, place: Place, todo: Todo) -> None:
        holder, key, _, _ = place
        try:
            if selection.begin is None:
                raise TypeError("there is no short way")
            fields, rest = selection.begin(record), selection.waiting
        except Exception:
            fields, rest = selection.blank.copy(), selection.fields
        holder[key] = fields
        for field in rest:
            bound = field.bound
            if bound is None:
                continue
            if bound.resolver is not None:
                todo.setdefault(field, []).append((record, fields, place))
                continue
            self._attribute(field, record, (fields, field.key, place, field.shape.required), todo)
            if self.failures and holder[key] is None:
                return

    def _attribute(self, field: Field, record: Any, place: Place, todo: Todo) -> None:
        bound = field.bound
        if bound is None:
            return
        try:
            if bound.rule and not bound.rule.allows(self.ctx.caller):
                raise unauthorized(field.coordinate)
            value = getattr(record, bound.attribute)
        except Exception as error:
            self._fail(field, error, place)
            return
        if not _finish(field.shape, value, place[0], place[1]):
            self._complete(field, field.shape, value, place, todo)

    # Faults

    def _fail(self, field: Field, error: Exception, place: Place) -> None:
        """Makes the nearest place null that may be, unless it is already: then its fault has been told."""
        if _is_gone(place):
            return
        path: list[str | int] = []
        above: Place | None = place
        while above is not None:
            path.append(above[1])
            above = above[2]
        self.failures.append((error, field, path[-2::-1]))
        holder, key, above, required = place
        holder[key] = None
        while required and above is not None:
            holder, key, above, required = above
            holder[key] = None


def _is_gone(place: Place) -> bool:
    """Whether something that holds this place is null by now."""
    above = place[2]
    while above is not None:
        holder, key, above, _ = above
        if holder[key] is None:
            return True
    return False


def _finish(shape: Shape, value: Any, holder: Any, key: str | int) -> bool:
    """Puts into its place what the answer shows of a value, in the short way; False where that is not to be had."""
    if shape.finish is None or value is None or isinstance(value, Exception):
        return False
    try:
        holder[key] = shape.finish(value)
    except Exception:  # what is wrong, and where, comes out step by step
        return False
    return True


def _has_fault(values: Sequence[Any]) -> bool:
    """Whether one of them stands for an error."""
    return any(issubclass(each, Exception) for each in set(map(type, values)))


def _several(shape: Shape, values: Sequence[Any]) -> Sequence[Any] | None:
    """What the answer shows of several values, made in one go; None where that is not to be had."""
    if shape.finish_several is None or len(values) < 2:
        return None
    if _has_fault(values) or (shape.required and None in values):
        return None
    try:
        several: Sequence[Any] = shape.finish_several(values)
    except Exception:  # of one of them, and which that is comes out one by one
        return None
    return several


def _selection(field: Field, shape: Object, value: Any) -> Selection:
    if shape.only is not None:
        return shape.only
    selection = shape.selections.get(type(value))
    if selection is None:
        raise GraphQLError(f"{field.coordinate} cannot tell which {shape.name} a value is.")
    return selection


async def _outcome(call: Awaitable[Any]) -> Any:
    """The resolver's value, or what it raised."""
    try:
        return await call
    except Exception as error:
        return error


async def _outcomes(field: Field, call: Awaitable[Sequence[Any]], count: int) -> Sequence[Any]:
    """A batch resolver's values, or what it raised for each."""
    try:
        values = await call
        if len(values) != count:
            raise RuntimeError(f"{field.coordinate} answered {len(values)} values for {count} sources")
    except Exception as error:
        return [error] * count
    return values
