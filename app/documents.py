"""Query texts, parsed, measured and validated once, and remembered."""

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLSchema,
    GraphQLSyntaxError,
    InlineFragmentNode,
    OperationDefinitionNode,
    OverlappingFieldsCanBeMergedRule,
    SelectionSetNode,
    ValidationRule,
    parse,
    specified_rules,
    validate,
)
from graphql.language.parser import MAX_NESTING_DEPTH
from graphql.validation import MaxIntrospectionDepthRule

from app.errors import located
from app.limits import Cost, Limits, measure, too_complex
from app.validation_messages import in_graphql_java_words
from domain.errors import DomainError

MOST_REQUEST_FAULTS = 20
"""How many faults of one request are looked for: for each, graphql-core prints the value around it."""


class Operation(msgspec.Struct, frozen=True, eq=False):
    """One of a document; known by its identity."""

    kind: str
    """"query", "mutation" or "subscription"."""
    name: str | None
    cost: Cost
    root_field: str | None
    """The name of the only one; None where there are several."""
    root_fields: frozenset[str]
    """Fragments expanded."""
    document: DocumentNode
    node: OperationDefinitionNode
    """Of the document; its `fragments` may be those of others."""
    fragments: Mapping[str, FragmentDefinitionNode]


class Document(msgspec.Struct, frozen=True):
    """A document that may be executed.

    Attributes:
        only: its operation, where it holds but one.
    """

    operations: tuple[Operation, ...]
    only: Operation | None

    @property
    def several(self) -> bool:
        """It holds more than one operation."""
        return self.only is None

    def operation(self, name: str | None) -> Operation | None:
        """The one named so, or the only one for None; None when there is no such."""
        if name is None:
            return self.only
        return next((each for each in self.operations if each.name == name), None)


class Fault(msgspec.Struct, frozen=True):
    """One reason why a document is not executed: a limit's error, or a validation message with its place."""

    message: str
    locations: list[dict[str, Any]] | None
    error: DomainError | None = None


class Refused(msgspec.Struct, frozen=True):
    """A text that may not be executed.

    Attributes:
        malformed: it is no GraphQL at all.
        several: it holds more than one operation.
    """

    faults: tuple[Fault, ...]
    malformed: bool = False
    several: bool = False

    def operation(self, _: str | None) -> None:
        """None: it may not be executed."""


class Documents:
    """Prepares query texts and keeps the results, good and bad, the least recently used going first.

    Args:
        most_bytes: about the memory that all kept documents may take together.
        most: how many are kept.
    """

    def __init__(
        self, schema: GraphQLSchema, limits: Limits, *, introspection: bool, most: int, most_bytes: int
    ) -> None:
        self._schema = schema
        self._limits = limits
        rules = [rule for rule in specified_rules if rule is not OverlappingFieldsCanBeMergedRule]
        self._rules = [*rules, MaxIntrospectionDepthRule if introspection else NoIntrospectionRule]
        self._most = most
        self._room = most_bytes
        self._kept: OrderedDict[str, tuple[Document | Refused, int]] = OrderedDict()

    def prepared(self, text: str) -> Document | Refused:
        kept = self._kept.get(text)
        if kept is not None:
            self._kept.move_to_end(text)
            return kept[0]
        document = self._prepare(text)
        self._keep(text, document)
        return document

    def _keep(self, text: str, document: Document | Refused) -> None:
        size = _size(text, document)
        self._kept[text] = (document, size)
        self._room -= size
        while len(self._kept) > self._most or self._room < 0:
            _, (_, freed) = self._kept.popitem(last=False)
            self._room += freed

    def _prepare(self, text: str) -> Document | Refused:
        limits = self._limits
        try:
            if len(text) > limits.characters:
                raise too_complex("characters", limits.characters, len(text))
            ast = _parsed(text, limits)
            costs = measure(ast, self._schema, limits)
        except DomainError as error:
            return Refused((Fault(error.message, None, error),))
        except GraphQLSyntaxError as error:
            return Refused((Fault("Unable to parse GraphQL query.", located(error)),), malformed=True)
        # Comparing fields with each other is by far the dearest rule: only for what is valid besides.
        errors = validate(self._schema, ast, self._rules, MOST_REQUEST_FAULTS, hide_suggestions=True) or validate(
            self._schema, ast, [OverlappingFieldsCanBeMergedRule], MOST_REQUEST_FAULTS, hide_suggestions=True
        )
        if errors:
            words = in_graphql_java_words(errors[:MOST_REQUEST_FAULTS], ast)
            faults = tuple(Fault(message, located(error)) for message, error in zip(words, errors, strict=False))
            return Refused(faults, several=len(costs) > 1)
        fragments = {each.name.value: each for each in ast.definitions if isinstance(each, FragmentDefinitionNode)}
        operations = tuple(_operation(ast, node, cost, fragments) for node, cost in costs)
        return Document(operations, operations[0] if len(operations) == 1 else None)


def _operation(
    ast: DocumentNode, node: OperationDefinitionNode, cost: Cost, fragments: Mapping[str, FragmentDefinitionNode]
) -> Operation:
    roots = [each.name.value for each in field_nodes([node.selection_set], fragments)]
    return Operation(
        kind=node.operation.value,
        name=node.name.value if node.name else None,
        cost=cost,
        root_field=roots[0] if len(roots) == 1 else None,
        root_fields=frozenset(roots),
        document=ast,
        node=node,
        fragments=fragments,
    )


def field_nodes(
    selections: Sequence[SelectionSetNode], fragments: Mapping[str, FragmentDefinitionNode]
) -> Iterator[FieldNode]:
    """What these selection sets select in one place of a valid document: fragments are expanded, each of them once."""
    waiting, seen = list(reversed(selections)), set[str]()
    while waiting:
        for node in waiting.pop().selections:
            if isinstance(node, FieldNode):
                yield node
            elif isinstance(node, InlineFragmentNode):
                waiting.append(node.selection_set)
            elif isinstance(node, FragmentSpreadNode) and node.name.value not in seen:
                seen.add(node.name.value)
                waiting.append(fragments[node.name.value].selection_set)


class NoIntrospectionRule(ValidationRule):
    """The schema's own fields look undefined; `__typename` stays."""

    def enter_field(self, node: FieldNode, *_: Any) -> None:
        if node.name.value in ("__schema", "__type") and self.context.get_field_def():
            parent = self.context.get_parent_type()
            self.report_error(GraphQLError(f"Cannot query field '{node.name.value}' on type '{parent}'.", node))


_BYTES_A_TOKEN = 700
"""What a parsed document takes, measured: its tokens, its nodes and their places."""


def _parsed(text: str, limits: Limits) -> DocumentNode:
    try:
        return parse(text, max_tokens=limits.tokens, allow_empty_selection_sets=False)
    except GraphQLSyntaxError as error:
        if "contains more than" in error.message:
            raise too_complex("tokens", limits.tokens, limits.tokens, more=True) from error
        if "nested too deeply" in error.message:
            raise too_complex("depth", limits.depth, MAX_NESTING_DEPTH, more=True) from error
        raise


def _size(text: str, document: Document | Refused) -> int:
    tokens = document.operations[0].document.token_count if isinstance(document, Document) else 0
    return len(text) * 4 + tokens * _BYTES_A_TOKEN
