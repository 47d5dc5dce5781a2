"""One subscriber's selection, applied to an event without running a resolver.

An event is the plain data of one payload under the SDL's field names. What it lacks is null; where the SDL
says that nothing is null there, the error is AppSync's and null moves up to the nearest nullable parent.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
import orjson
from graphql import (
    BooleanValueNode,
    DirectiveNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLAbstractType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    InlineFragmentNode,
    SelectionSetNode,
    VariableNode,
    get_named_type,
    is_abstract_type,
    is_leaf_type,
)

MOST_ERRORS = 100
"""In one payload."""

Path = tuple[str | int, ...]
Payload = Mapping[str, Any]
Denied = Callable[[str], bool]
"""Whether the subscriber may not read a field, given its coordinate "Type.field"."""

_OF_CALLER = re.compile(r"my[A-Z]")


def is_of_caller(name: str) -> bool:
    """Whether a field depends on who reads it, as all do that are named `my...`."""
    return _OF_CALLER.match(name) is not None


class Selected(msgspec.Struct, frozen=True):
    """One field of a selection.

    Attributes:
        key: its name in the answer.
        parent: the object type it belongs to.
        below: the selection of each object type that its value may be; None for leaves.
    """

    key: str
    name: str
    parent: str
    type: GraphQLOutputType
    denied: bool
    below: Mapping[str, tuple["Selected", ...]] | None


class Projection(msgspec.Struct, frozen=True, weakref=True, eq=False):
    """A subscription operation, ready to be applied to events. It equals itself only.

    Attributes:
        root: its one root field.
    """

    root: Selected

    def encoded(self, payload: Payload) -> bytes:
        """The JSON object `{"data": ..., "errors": ...}`; `errors` only when there are some."""
        errors: list[dict[str, Any]] = []
        key = self.root.key
        try:
            value = _completed(self.root, self.root.type, payload, (key,), errors)
        except _Nulled:
            value = None
        answer: dict[str, Any] = {"data": {key: value}}
        if errors:
            answer["errors"] = errors[:MOST_ERRORS]
        return orjson.dumps(answer)


def project(
    schema: GraphQLSchema,
    root: Sequence[FieldNode],
    fragments: Mapping[str, FragmentDefinitionNode],
    variables: Mapping[str, Any],
    denied: Denied,
) -> Projection:
    """The projection of a valid operation's one root field.

    Args:
        root: the nodes that select it, see `root_fields`.
        variables: coerced values; only @skip and @include look at them.
    """
    parent = schema.subscription_type
    if parent is None:
        raise ValueError("the schema has no subscriptions")
    return Projection(_Projector(schema, fragments, variables, denied).field(parent, root))


def root_fields(
    selections: SelectionSetNode,
    fragments: Mapping[str, FragmentDefinitionNode],
    variables: Mapping[str, Any],
) -> list[list[FieldNode]]:
    """The root fields that an operation really selects: for each name in the answer the nodes that select it."""
    fields: dict[str, list[FieldNode]] = {}
    for node in _spread(selections, fragments, variables, lambda condition: True, set()):
        fields.setdefault(_key(node), []).append(node)
    return list(fields.values())


class _Nulled(Exception):
    """A null where none may be; the error is noted, the nearest nullable parent becomes null."""


class _Projector:
    def __init__(
        self,
        schema: GraphQLSchema,
        fragments: Mapping[str, FragmentDefinitionNode],
        variables: Mapping[str, Any],
        denied: Denied,
    ) -> None:
        self._schema = schema
        self._fragments = fragments
        self._variables = variables
        self._denied = denied

    def field(self, parent: GraphQLObjectType, nodes: Sequence[FieldNode]) -> Selected:
        """Equal fields of one place, merged."""
        name = nodes[0].name.value
        definition = self._schema.get_field(parent, name)
        if definition is None:
            raise ValueError(f"there is no {parent.name}.{name}")
        type_ = get_named_type(definition.type)
        below = None if is_leaf_type(type_) else self._below(type_, nodes)
        denied = not name.startswith("__") and self._denied(f"{parent.name}.{name}")
        return Selected(_key(nodes[0]), name, parent.name, definition.type, denied, below)

    def _below(self, type_: Any, nodes: Sequence[FieldNode]) -> dict[str, tuple[Selected, ...]]:
        possible = self._schema.get_possible_types(type_) if is_abstract_type(type_) else [type_]
        return {each.name: self._selected(each, nodes) for each in possible}

    def _selected(self, type_: GraphQLObjectType, nodes: Sequence[FieldNode]) -> tuple[Selected, ...]:
        merged: dict[str, list[FieldNode]] = {}
        seen: set[str] = set()
        for node in nodes:
            if node.selection_set:
                for each in _spread(
                    node.selection_set,
                    self._fragments,
                    self._variables,
                    lambda condition: self._covers(condition, type_),
                    seen,
                ):
                    merged.setdefault(_key(each), []).append(each)
        return tuple(self.field(type_, each) for each in merged.values())

    def _covers(self, name: str, type_: GraphQLObjectType) -> bool:
        if name == type_.name:
            return True
        condition = self._schema.type_map.get(name)
        return isinstance(condition, GraphQLAbstractType) and self._schema.is_sub_type(condition, type_)


def _spread(
    selections: SelectionSetNode,
    fragments: Mapping[str, FragmentDefinitionNode],
    variables: Mapping[str, Any],
    covers: Callable[[str], bool],
    seen: set[str],
) -> Iterator[FieldNode]:
    """The fields selected on a type of which `covers` knows the fragments' conditions; a fragment once."""
    for node in selections.selections:
        if not _included(node.directives or (), variables):
            continue
        if isinstance(node, FieldNode):
            yield node
            continue
        fragment: InlineFragmentNode | FragmentDefinitionNode
        if isinstance(node, InlineFragmentNode):
            fragment = node
        elif isinstance(node, FragmentSpreadNode) and node.name.value not in seen:
            seen.add(node.name.value)
            fragment = fragments[node.name.value]
        else:
            continue
        condition = fragment.type_condition
        if condition is None or covers(condition.name.value):
            yield from _spread(fragment.selection_set, fragments, variables, covers, seen)


def _included(directives: tuple[DirectiveNode, ...], variables: Mapping[str, Any]) -> bool:
    for directive in directives:
        if directive.name.value in ("skip", "include"):
            value = _condition(directive, variables)
            if value is (directive.name.value == "skip"):
                return False
    return True


def _condition(directive: DirectiveNode, variables: Mapping[str, Any]) -> bool:
    for argument in directive.arguments or ():
        if isinstance(argument.value, VariableNode):
            return bool(variables.get(argument.value.name.value))
        if isinstance(argument.value, BooleanValueNode):
            return argument.value.value
    raise ValueError(f"@{directive.name.value} says nothing")


def _key(node: FieldNode) -> str:
    return node.alias.value if node.alias else node.name.value


def _completed(field: Selected, type_: Any, value: Any, path: Path, errors: list[dict[str, Any]]) -> Any:
    """The value as the selection shows it. Raises _Nulled."""
    if field.denied:
        value = None
        errors.append(_unauthorized(field, path))
    elif is_of_caller(field.name):
        value = None  # an event was read by nobody in particular
    if isinstance(type_, GraphQLNonNull):
        shown = _shown(field, type_.of_type, value, path, errors)
        if shown is None:
            if not field.denied:
                errors.append(_null(field, type_.of_type, path))
            raise _Nulled
        return shown
    try:
        return _shown(field, type_, value, path, errors)
    except _Nulled:
        return None


def _shown(field: Selected, type_: Any, value: Any, path: Path, errors: list[dict[str, Any]]) -> Any:
    if value is None:
        return None
    if isinstance(type_, GraphQLList):
        if not isinstance(value, list):
            return None
        inner = type_.of_type
        return [_completed(field, inner, each, (*path, index), errors) for index, each in enumerate(value)]
    if field.below is None:
        return value
    if not isinstance(value, Mapping):
        return None
    name = type_.name if isinstance(type_, GraphQLObjectType) else str(value.get("__typename"))
    below = field.below.get(name)
    if below is None:
        return None
    shown: dict[str, Any] = {}
    for each in below:
        if each.name == "__typename":
            shown[each.key] = name
        else:
            shown[each.key] = _completed(each, each.type, value.get(each.name), (*path, each.key), errors)
    return shown


def _unauthorized(field: Selected, path: Path) -> dict[str, Any]:
    return {
        "path": list(path),
        "data": None,
        "errorType": "Unauthorized",
        "errorInfo": None,
        "locations": None,
        "message": f"Not Authorized to access {field.name} on type {field.parent}",
    }


def _null(field: Selected, inner: Any, path: Path) -> dict[str, Any]:
    where = "".join(f"[{key}]" if isinstance(key, int) else f"/{key}" for key in path)
    message = f"Cannot return null for non-nullable type: '{inner}' within parent '{field.parent}' ({where})"
    return {"message": message, "path": list(path)}
