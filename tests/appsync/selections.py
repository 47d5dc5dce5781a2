"""What an operation selects, place by place, and how an event's `info` spells it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graphql import (
    DirectiveNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    SelectionNode,
    SelectionSetNode,
    VariableNode,
    is_abstract_type,
    print_ast,
)


@dataclass(frozen=True)
class Selected:
    """One field of one place.

    Attributes:
        key: its name in the answer.
        nodes: all that select it, which the answer merges.
    """

    key: str
    name: str
    nodes: tuple[FieldNode, ...]

    @property
    def locations(self) -> list[dict[str, Any]]:
        tokens = [node.loc.start_token for node in self.nodes if node.loc]
        return [{"line": token.line, "column": token.column, "sourceName": None} for token in tokens]


@dataclass(frozen=True)
class Selections:
    """Reads the selection sets of one operation.

    Args:
        variables: coerced values; @skip and @include look at them.
    """

    schema: GraphQLSchema
    fragments: Mapping[str, FragmentDefinitionNode]
    variables: Mapping[str, Any]

    def root(self, type_: GraphQLObjectType, selections: SelectionSetNode) -> list[Selected]:
        return _merged(self._nodes(type_, selections, set()))

    def below(self, type_: GraphQLObjectType, above: Selected) -> list[Selected]:
        """The fields of an object of this type, which stands where `above` selects it."""
        visited: set[str] = set()
        sets = [node.selection_set for node in above.nodes if node.selection_set]
        return _merged(node for each in sets for node in self._nodes(type_, each, visited))

    def paths(self, type_: Any, above: Selected) -> list[str]:
        """`selectionSetList`: the paths of all that is selected below, by the names of the answer.

        Of an interface or union only the fields of the declared type, as AppSync tells them.
        """
        found: dict[str, None] = {}
        if not isinstance(type_, GraphQLObjectType):
            return []
        for selected in self.below(type_, above):
            found[selected.key] = None
            field = self.schema.get_field(type_, selected.name)
            inner = _named(field.type) if field else None
            found.update((f"{selected.key}/{path}", None) for path in self.paths(inner, selected))
        return list(found)

    def _nodes(self, type_: GraphQLObjectType, selections: SelectionSetNode, visited: set[str]) -> Iterator[FieldNode]:
        for node in selections.selections:
            if not self._wanted(node):
                continue
            if isinstance(node, FieldNode):
                yield node
            elif isinstance(node, InlineFragmentNode):
                if node.type_condition is None or self._is_a(type_, node.type_condition.name.value):
                    yield from self._nodes(type_, node.selection_set, visited)
            elif isinstance(node, FragmentSpreadNode) and node.name.value not in visited:
                visited.add(node.name.value)
                fragment = self.fragments[node.name.value]
                if self._is_a(type_, fragment.type_condition.name.value):
                    yield from self._nodes(type_, fragment.selection_set, visited)

    def _is_a(self, type_: GraphQLObjectType, condition: str) -> bool:
        wanted = self.schema.type_map[condition]
        return wanted is type_ or (is_abstract_type(wanted) and self.schema.is_sub_type(wanted, type_))

    def _wanted(self, node: SelectionNode) -> bool:
        conditions = {each.name.value: self._condition(each) for each in node.directives or ()}
        return conditions.get("include", True) and not conditions.get("skip", False)

    def _condition(self, directive: DirectiveNode) -> bool:
        [argument] = directive.arguments or ()
        if isinstance(argument.value, VariableNode):
            return bool(self.variables.get(argument.value.name.value))
        return bool(getattr(argument.value, "value", False))


def written(nodes: Sequence[FieldNode]) -> str:
    """`selectionSetGraphQL`: the selection below as text; fragments stay fragments."""
    selections = [each for node in nodes if node.selection_set for each in node.selection_set.selections]
    return print_ast(SelectionSetNode(selections=tuple(selections))) if selections else ""


def _merged(nodes: Iterator[FieldNode]) -> list[Selected]:
    by_key: dict[str, list[FieldNode]] = {}
    for node in nodes:
        by_key.setdefault(node.alias.value if node.alias else node.name.value, []).append(node)
    return [Selected(key, same[0].name.value, tuple(same)) for key, same in by_key.items()]


def _named(type_: Any) -> Any:
    while hasattr(type_, "of_type"):
        type_ = type_.of_type
    return type_
