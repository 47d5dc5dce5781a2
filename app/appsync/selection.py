"""What AppSync's client selected of one field, as a plan: only that is computed and returned.

AppSync tells selected names as the client's answer has them, aliases in place of names, and reads our answer by the
SDL's names. So a selection is planned where its text shows that it has no aliases, also none in fragments; else, as at
first sight, everything is answered. So is an object below which a resolver is asked, for it is that one's parent.
"""

from collections import OrderedDict
from collections.abc import Callable
from typing import Any, TypeAlias

import msgspec
from graphql import (
    FieldNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLLeafType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    Visitor,
    is_leaf_type,
    parse,
    visit,
)

from app.appsync.event import Info
from app.bound_fields import bound_field
from app.plans.generator import generate
from app.plans.leaves import coercion
from app.plans.plan import Field, Items, Leaf, Object, Plan, Selection, Shape
from app.plans.planner import MOST_FIELDS, NotPlanned

Names: TypeAlias = dict[str, "Names | None"]
"""Selected fields, each with those below; None for all that no resolver answers."""

Finish = Callable[[Any], Any]
"""From a resolver's value to JSON. Raises for whatever is not just what its type says."""

_Key = tuple[str, str, str, tuple[str, ...]]


class _Known(msgspec.Struct, eq=False):
    """A selection that came at least once."""

    is_planned: bool = False
    finish: Finish | None = None


class SelectionPlans:
    """The plans of one schema's fields, the least recently used going first.

    Args:
        most_fields: of all that is kept together; each takes about 2 KB.
        at_once: plans what comes first too; for tests.
    """

    def __init__(self, *, most_fields: int = 20_000, at_once: bool = False) -> None:
        self._at_once = at_once
        self._room = most_fields
        self._kept: OrderedDict[_Key, _Known] = OrderedDict()

    def finish(self, info: Info, type_: GraphQLOutputType) -> Finish | None:
        """For a field of this type; None where everything is to be answered."""
        names, text = info.selection_set_list, info.selection_set_graphql
        if not names or not text or len(names) > MOST_FIELDS:
            return None
        key = (info.parent_type_name, info.field_name, text, names)
        if key not in self._kept:
            self._kept[key] = _Known()
            self._take(1 + len(names))
            if not self._at_once:
                return None
        self._kept.move_to_end(key)
        known = self._kept[key]
        if not known.is_planned:
            known.is_planned = True
            known.finish = _planned(type_, names) if _says_names(text) else None
        return known.finish

    def _take(self, fields: int) -> None:
        self._room -= fields
        while self._room < 0 and len(self._kept) > 1:
            (_, _, _, names), _ = self._kept.popitem(last=False)
            self._room += 1 + len(names)


def _says_names(text: str) -> bool:
    """Whether the selection's text shows each field's own name."""

    class Search(Visitor):
        found = False

        def enter_field(self, node: FieldNode, *_: Any) -> None:
            self.found = self.found or node.alias is not None

        def enter_fragment_spread(self, node: FragmentSpreadNode, *_: Any) -> None:
            self.found = True  # what it stands for is not in the text

    search = Search()
    try:
        visit(parse(text, max_tokens=10 * MOST_FIELDS), search)
    except GraphQLError:
        return False
    return not search.found


def _planned(type_: GraphQLOutputType, paths: tuple[str, ...]) -> Finish | None:
    selected: Names = {}
    for path in paths:
        below: Any = selected
        for name in path.split("/"):
            below = below.setdefault(name, {})
    try:
        shape = _Shapes().of(type_, selected)
    except NotPlanned:
        return None
    field = Field("value", "value", [], shape)
    plan = Plan(Selection(0, "Answer", (field,), (field,)), serial=False, fields=len(paths))
    generate(plan, projected=False)
    return shape.finish


class _Shapes:
    def __init__(self) -> None:
        self._fields = 0
        self._selections = 0

    def of(self, type_: GraphQLOutputType, selected: Names | None) -> Shape:
        required = isinstance(type_, GraphQLNonNull)
        inner: Any = type_.of_type if isinstance(type_, GraphQLNonNull) else type_
        if isinstance(inner, GraphQLList):
            return Items(required, self.of(inner.of_type, selected))
        if is_leaf_type(inner):
            leaf: GraphQLLeafType = inner
            return Leaf(required, leaf, coercion(leaf))
        if not isinstance(inner, GraphQLObjectType):
            raise NotPlanned(f"{inner}, which is abstract")
        return Object(required, inner.name, self._selection(inner, selected), {})

    def _selection(self, type_: GraphQLObjectType, selected: Names | None) -> Selection:
        chosen: dict[str, Names | None]
        if selected is None or any(self._is_asked(type_, name) for name in selected):
            chosen = {name: None for name in type_.fields if not self._is_asked(type_, name)}
        else:
            chosen = {name: below for name, below in selected.items() if name != "__typename"}
        self._selections += 1
        number = self._selections
        fields = tuple(self._field(type_, name, below) for name, below in chosen.items())
        return Selection(number, type_.name, fields, ())

    def _is_asked(self, type_: GraphQLObjectType, name: str) -> bool:
        """Whether AppSync asks a resolver for the field."""
        field = type_.fields.get(name)
        bound = None if field is None else bound_field(field)
        return bound is not None and bound.resolver is not None

    def _field(self, type_: GraphQLObjectType, name: str, below: Names | None) -> Field:
        self._fields += 1
        definition = type_.fields.get(name)
        bound = None if definition is None else bound_field(definition)
        if definition is None or bound is None or bound.rule is not None or self._fields > MOST_FIELDS:
            raise NotPlanned(f"{type_.name}.{name}")
        return Field(name, bound.coordinate, [], self.of(definition.type, below), bound)
