"""How much one document may ask for, measured before anything dear is done with it."""

from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any

import msgspec
from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    TokenKind,
    VariableNode,
    get_named_type,
)

from domain.errors import Code, DomainError
from resolvers.paging import MAX_LIMIT


class Limits(msgspec.Struct, frozen=True):
    """The most of each that a document may hold, fragments expanded and equal fields merged.

    Attributes:
        characters, tokens: of the text.
        directives: uses of them in the text.
        depth: fields below one another; `__schema` and `__type` count as leaves.
        introspection_depth: of `__schema` and `__type`, themselves included.
        introspections: `__schema` and `__type` fields of one operation.
        root_fields: of one operation.
        aliases: different names for one field in one place; inside introspection only one.
        repeats: of one name in one place. Equal fields merge, but comparing them all costs its square.
        cost: 1 a field; what lies below a paged list counts times its `limit`.
        page: what a paged list counts without a `limit`.
        values: lists, objects and plain values in the variables of one request.
    """

    characters: int = 100_000
    tokens: int = 1_000
    directives: int = 50
    depth: int = 10
    introspection_depth: int = 15
    introspections: int = 2
    root_fields: int = 20
    aliases: int = 15
    repeats: int = 50
    cost: int = 5_000
    page: int = 25
    values: int = 10_000

    @property
    def selections(self) -> int:
        """The most selections that are looked at, however often fragments are spread."""
        return 2 * self.cost


class Cost(msgspec.Struct, frozen=True):
    """Of one selection set.

    Attributes:
        fixed: what depends on no variable.
        pages: below lists whose `limit` is a variable.
    """

    fixed: int
    pages: tuple["Pages", ...] = ()

    def value(self, variables: Mapping[str, Any]) -> int:
        """For these raw variable values, whether or not they will turn out to be valid."""
        total = self.fixed
        for page in self.pages:
            total += _items(variables.get(page.variable), page.otherwise) * page.below.value(variables)
        return total

    @property
    def least(self) -> int:
        """For the most modest variables."""
        return self.fixed + sum(page.below.least for page in self.pages)

    def times(self, factor: int) -> "Cost":
        pages = (Pages(page.variable, page.otherwise, page.below.times(factor)) for page in self.pages)
        return Cost(self.fixed * factor, tuple(pages))


class Pages(msgspec.Struct, frozen=True):
    """What lies below a list, counted as often as `variable` says, or `otherwise` when it says nothing."""

    variable: str
    otherwise: int
    below: Cost


_HOLDERS = frozenset({dict, list})
"""The types of JSON's values that hold others."""

_SHORT = 10
"""Digits of a number that is worth reading to its end."""

_DEEPEST = 100
"""Where measuring a depth ends; Python's own stack would end not far below."""


def too_complex(limit: str, allowed: int, actual: int, *, more: bool = False) -> DomainError:
    """`more`: reading stopped at `actual`, the document holds more than that."""
    return DomainError(
        Code.QUERY_TOO_COMPLEX,
        f"The query is too complex: {limit.replace('_', ' ')} {'over ' if more else ''}{actual}, allowed {allowed}.",
        limit=limit,
        allowed=allowed,
        actual=actual,
    )


def measure(
    document: DocumentNode, schema: GraphQLSchema, limits: Limits
) -> list[tuple[OperationDefinitionNode, Cost]]:
    """The document's operations with what each costs, in their order. The document need not be valid.

    Looks at `limits.selections` selections at most, so its time is bounded whatever the fragments do.

    Raises:
        DomainError: QUERY_TOO_COMPLEX for a limit that is passed whatever the variables are.
    """
    _hold("directives", limits.directives, _directives(document))
    measurer = _Measurer(document, schema, limits)
    operations = (node for node in document.definitions if isinstance(node, OperationDefinitionNode))
    return [(node, measurer.cost_of(node)) for node in operations]


def hold_cost(cost: Cost, variables: Mapping[str, Any], limits: Limits) -> None:
    """Raises QUERY_TOO_COMPLEX when these variables make the operation too dear."""
    _hold("cost", limits.cost, cost.value(variables))


def hold_values(variables: Mapping[str, Any], limits: Limits) -> None:
    """Raises QUERY_TOO_COMPLEX when the variables hold more values than are worth checking one by one."""
    count = 0
    waiting: list[Collection[Any]] = [variables.values()]
    while waiting:
        values = waiting.pop()
        count += len(values)
        if count > limits.values:
            raise too_complex("values", limits.values, limits.values, more=True)
        if _HOLDERS.isdisjoint(map(type, values)):
            continue
        for value in values:
            if isinstance(value, dict):
                waiting.append(value.values())
            elif isinstance(value, list):
                waiting.append(value)


class _Selected(msgspec.Struct, frozen=True):
    """A selection set, the type that it selects from (None when unknown), and the fragments that it is inside of."""

    node: SelectionSetNode
    parent: GraphQLNamedType | None
    inside: frozenset[str] = frozenset()


class _Field(msgspec.Struct):
    """All selections under one name in one place, which execution merges into one field.

    `counts` tells how often what lies below is counted: a number, or the variable that will say it.
    """

    name: str
    repeats: int = 0
    counts: set[int | str] = msgspec.field(default_factory=set)
    below: list[_Selected] = msgspec.field(default_factory=list)


class _Measurer:
    """Expands the operations of one document as execution would, and counts."""

    def __init__(self, document: DocumentNode, schema: GraphQLSchema, limits: Limits) -> None:
        self._schema = schema
        self._limits = limits
        self._fragments = {
            node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)
        }
        self._defaults: Mapping[str, int] = {}
        self._looked_at = 0
        self._depths = {"depth": 0, "introspection_depth": 0}

    def cost_of(self, operation: OperationDefinitionNode) -> Cost:
        self._defaults = {
            each.variable.name.value: _number(each.default_value)
            for each in operation.variable_definitions or ()
            if isinstance(each.default_value, IntValueNode)
        }
        root = _Selected(operation.selection_set, self._schema.get_root_type(operation.operation))
        fields = self._merged([root], self._limits.aliases)
        _hold("root_fields", self._limits.root_fields, len(fields))
        _hold("introspections", self._limits.introspections, sum(field.name in _INTROSPECTION for field in fields))
        cost = self._cost(fields, "depth", 1)
        for limit, depth in self._depths.items():
            _hold(limit, getattr(self._limits, limit), depth)
        _hold("cost", self._limits.cost, cost.least)
        return cost

    def _cost(self, fields: Collection[_Field], limit: str, depth: int) -> Cost:
        self._depths[limit] = max(self._depths[limit], depth)
        if depth > _DEEPEST:
            raise too_complex(limit, getattr(self._limits, limit), _DEEPEST, more=True)
        fixed, pages = len(fields), list[Pages]()
        for field in fields:
            if not field.below:
                continue
            if limit == "introspection_depth" or field.name in _INTROSPECTION:
                # Its lists are as long as the schema, so a few names for each would multiply into millions.
                merged = self._merged(field.below, 1)
                below = self._cost(merged, "introspection_depth", 2 if limit == "depth" else depth + 1)
            else:
                below = self._cost(self._merged(field.below, self._limits.aliases), limit, depth + 1)
            for count in field.counts:
                if isinstance(count, str):
                    pages.append(Pages(count, self._defaults.get(count, self._limits.page), below))
                else:
                    counted = below.times(count)
                    fixed += counted.fixed
                    pages += counted.pages
        return Cost(fixed, tuple(pages))

    def _merged(self, selected: list[_Selected], aliases: int) -> Collection[_Field]:
        """The fields of one place by name, fragments expanded. A fragment inside itself ends there."""
        fields: dict[str, _Field] = {}
        spread: set[str] = set()
        waiting = list(selected)
        while waiting:
            place = waiting.pop()
            for selection in place.node.selections:
                self._look()
                if isinstance(selection, FieldNode):
                    self._add(fields, selection, place)
                elif isinstance(selection, InlineFragmentNode):
                    waiting.append(self._selected(selection, place, place.inside))
                elif isinstance(selection, FragmentSpreadNode):
                    name = selection.name.value
                    fragment = self._fragments.get(name)
                    if fragment and name not in spread and name not in place.inside:
                        spread.add(name)
                        waiting.append(self._selected(fragment, place, place.inside | {name}))
        _hold("aliases", aliases, max(Counter(field.name for field in fields.values()).values(), default=0))
        return fields.values()

    def _selected(
        self, fragment: FragmentDefinitionNode | InlineFragmentNode, place: _Selected, inside: frozenset[str]
    ) -> _Selected:
        condition = fragment.type_condition
        parent = self._schema.type_map.get(condition.name.value) if condition else place.parent
        return _Selected(fragment.selection_set, parent, inside)

    def _add(self, fields: dict[str, _Field], node: FieldNode, place: _Selected) -> None:
        name = node.name.value
        key = node.alias.value if node.alias else name
        field = fields.get(key)
        if field is None:
            field = fields[key] = _Field(name)
        field.repeats += 1
        _hold("repeats", self._limits.repeats, field.repeats)
        if node.selection_set:
            parent = place.parent
            fields_known = parent.fields if isinstance(parent, GraphQLObjectType | GraphQLInterfaceType) else {}
            definition = fields_known.get(name)
            field.counts.add(self._count(node, definition))
            type_ = get_named_type(definition.type) if definition else None
            field.below.append(_Selected(node.selection_set, type_, place.inside))

    def _count(self, node: FieldNode, definition: GraphQLField | None) -> int | str:
        if definition is None or not definition.args.keys() >= {"limit", "nextToken"}:
            return 1
        for argument in node.arguments or ():
            if argument.name.value == "limit":
                if isinstance(argument.value, VariableNode):
                    return argument.value.name.value
                if isinstance(argument.value, IntValueNode):
                    return _number(argument.value)
        return self._limits.page

    def _look(self) -> None:
        self._looked_at += 1
        if self._looked_at > self._limits.selections:
            raise too_complex("selections", self._limits.selections, self._looked_at - 1, more=True)


_INTROSPECTION = ("__schema", "__type")


def _hold(limit: str, allowed: int, actual: int) -> None:
    if actual > allowed:
        raise too_complex(limit, allowed, actual)


def _directives(document: DocumentNode) -> int:
    count, token = 0, document.loc.start_token if document.loc else None
    while token:
        count += token.kind is TokenKind.AT
        token = token.next
    return count


def _number(node: IntValueNode) -> int:
    return _items(int(node.value), 1) if len(node.value) <= _SHORT else MAX_LIMIT


def _items(value: Any, otherwise: int) -> int:
    """How often a list with this `limit` is counted. A higher one than lists take is theirs to refuse."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return otherwise
    return max(1, int(min(value, MAX_LIMIT)))
