"""A projection as generated code: from an event that is as the SDL says to what a subscriber is shown of it.

Whatever is not so raises, and is left to the projection itself, which finds each error and its path. Into the source
go names of the SDL and a client's aliases, as reprs; and each source is compiled once, for all who ask the same.
"""

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import orjson
from graphql import GraphQLList, GraphQLNonNull, GraphQLObjectType, get_named_type

from subscriptions.projection import Payload, Projection, Selected, is_of_caller

Show = Callable[[Any], Any]
"""From a payload to the root field's value. Raises for a payload that has an error in it."""


class _Unshowable(Exception):
    """Every event has an error: there is nothing to be had by code."""


class Shown:
    """What a group of subscribers is shown of events: by code from its second event on."""

    __slots__ = ("__weakref__", "_codes", "_projection", "_seen", "_show")

    def __init__(self, projection: Projection, codes: "ShowCodes") -> None:
        self._projection = projection
        self._codes = codes
        self._show: Show | None = None
        self._seen = False

    def encoded(self, payload: Payload) -> bytes:
        """As `Projection.encoded`."""
        if self._show is None:
            if self._seen:
                self._show = self._codes.of(self._projection.root)
            self._seen = True
            return self._projection.encoded(payload)
        try:
            value = self._show(payload)
        except Exception:  # which the projection tells of
            return self._projection.encoded(payload)
        return orjson.dumps({"data": {self._projection.root.key: value}})


class ShowCodes:
    """Compiled sources, the least recently used going first. One a process.

    Args:
        most: how many are kept; each takes about 4 KB.
    """

    def __init__(self, most: int = 1_000) -> None:
        self._most = most
        self._kept: OrderedDict[str, Show] = OrderedDict()

    def of(self, root: Selected) -> Show:
        try:
            source = source_of(root)
        except _Unshowable:
            return _fail
        known = self._kept.get(source)
        if known is None:
            names: dict[str, Any] = {"listed": _listed, "missing": _missing}
            exec(compile(source, "<projection>", "exec"), names)  # noqa: S102 - holds names and reprs only, see above
            known = self._kept[source] = names["show"]
            if len(self._kept) > self._most:
                self._kept.popitem(last=False)
        self._kept.move_to_end(source)
        return known


def source_of(root: Selected) -> str:
    """Python source of a function `show(value)`. Raises _Unshowable."""
    writer = _Writer()
    shown = writer.field(root, "value")
    return "\n\n\n".join([*writer.blocks, f"def show(value):\n    return {shown}"]) + "\n"


class _Writer:
    def __init__(self) -> None:
        self.blocks: list[str] = []

    def field(self, field: Selected, value: str) -> str:
        """Code for the field's completed value, given code of the value as the event has it."""
        required = isinstance(field.type, GraphQLNonNull)
        if field.denied or (required and is_of_caller(field.name)):
            raise _Unshowable
        if is_of_caller(field.name):
            return "None"
        return self._value(field, field.type, value, 0)

    def _value(self, field: Selected, type_: Any, value: str, depth: int) -> str:
        required = isinstance(type_, GraphQLNonNull)
        inner = type_.of_type if isinstance(type_, GraphQLNonNull) else type_
        again = f"v{depth}"
        if not isinstance(inner, GraphQLList) and field.below is None:
            return f"({again} if ({again} := {value}) is not None else missing())" if required else value
        if required:
            return self._present(field, inner, value, depth)
        return f"(None if ({again} := {value}) is None else {self._present(field, inner, again, depth)})"

    def _present(self, field: Selected, type_: Any, value: str, depth: int) -> str:
        """Code for a list or an object; it fails for None."""
        if isinstance(type_, GraphQLList):
            item = f"i{depth}"
            return f"[{self._value(field, type_.of_type, item, depth + 1)} for {item} in listed({value})]"
        shows = {name: self._function(name, fields) for name, fields in (field.below or {}).items()}
        if isinstance(get_named_type(type_), GraphQLObjectType):
            return f"{shows[type_.name]}({value})"
        return f"{self._dispatch(shows)}({value})"

    def _function(self, type_name: str, fields: tuple[Selected, ...]) -> str:
        entries = []
        for each in fields:
            shown = repr(type_name) if each.name == "__typename" else self.field(each, f"get({each.name!r})")
            entries.append(f"        {each.key!r}: {shown},")
        return self._write(f"a_{type_name}", "(value):\n    get = value.get\n    return {", entries, "    }")

    def _dispatch(self, shows: dict[str, str]) -> str:
        entries = [f"        {name!r}: {function}," for name, function in shows.items()]
        return self._write("one_of", "(value):\n    return {", entries, '    }[value["__typename"]](value)')

    def _write(self, name: str, head: str, entries: list[str], end: str) -> str:
        name = f"{name}_{len(self.blocks) + 1}"
        self.blocks.append("\n".join([f"def {name}{head}", *entries, end]))
        return name


def _fail(_payload: Any) -> Any:
    raise _Unshowable


def _listed(value: Any) -> list[Any]:
    if value.__class__ is not list:
        raise TypeError("not a list")
    found: list[Any] = value
    return found


def _missing() -> None:
    raise TypeError("null where none may be")
