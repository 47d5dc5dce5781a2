"""AppSync's own rules for an SDL document."""

from collections.abc import Iterator
from typing import Any

from graphql import (
    DirectiveDefinitionNode,
    DirectiveNode,
    DocumentNode,
    EnumTypeDefinitionNode,
    ExecutableDefinitionNode,
    FieldDefinitionNode,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    InterfaceTypeDefinitionNode,
    ObjectTypeDefinitionNode,
    ScalarTypeDefinitionNode,
    SchemaDefinitionNode,
    TypeSystemExtensionNode,
    Visitor,
    get_named_type,
    is_abstract_type,
    visit,
)

from app import sdl
from app.portability.schema_walk import definitions, finding, members, types
from domain.callers import USER_MODES

MOST_BYTES = 1_000_000
"""AppSync's limit on a schema document."""

KNOWN_DIRECTIVES = frozenset({*sdl.MODE_OF_DIRECTIVE, "aws_subscribe", "deprecated"})


def scalars_are_predefined(document: DocumentNode) -> Iterator[str]:
    for node in document.definitions:
        if isinstance(node, ScalarTypeDefinitionNode):
            yield finding(node, node.name.value, "AppSync takes no scalar definitions")


def directives_are_predefined(document: DocumentNode) -> Iterator[str]:
    for node in document.definitions:
        if isinstance(node, DirectiveDefinitionNode):
            yield finding(node, f"@{node.name.value}", "AppSync takes no directive definitions")


def only_known_directives_are_used(document: DocumentNode) -> Iterator[str]:
    """No @oneOf and @specifiedBy either: AppSync's GraphQL is older than they are."""
    for node in _directives(document):
        if node.name.value not in KNOWN_DIRECTIVES:
            yield finding(node, f"@{node.name.value}", "AppSync knows no such directive")


def the_one_mode_directive_is_not_used(document: DocumentNode) -> Iterator[str]:
    for node in _directives(document):
        if node.name.value == "aws_auth":
            yield finding(node, "@aws_auth", "does nothing beside other modes; use @aws_cognito_user_pools")


def only_roots_are_extended(document: DocumentNode) -> Iterator[str]:
    for node in document.definitions:
        if isinstance(node, TypeSystemExtensionNode):
            name = node.name.value if hasattr(node, "name") else "schema"
            yield finding(node, name, "AppSync knows no `extend`, and only Query, Mutation and Subscription are merged")


def the_document_holds_no_operations(document: DocumentNode) -> Iterator[str]:
    for node in document.definitions:
        if isinstance(node, ExecutableDefinitionNode):
            yield finding(node, node.name.value if node.name else "query", "an operation has no place in a schema")


def roots_have_their_usual_names(document: DocumentNode) -> Iterator[str]:
    for node in document.definitions:
        if isinstance(node, SchemaDefinitionNode):
            for each in node.operation_types:
                if each.type.name.value != each.operation.value.title():
                    yield finding(each, each.type.name.value, f"the {each.operation.value} root has another name")


def one_block_names_the_roots(document: DocumentNode) -> Iterator[str]:
    blocks = [node for node in document.definitions if isinstance(node, SchemaDefinitionNode)]
    if not blocks:
        yield "schema: no schema block"
        return
    for node in blocks[1:]:
        yield finding(node, "schema", "a second schema block")
    named = {each.type.name.value for each in blocks[0].operation_types}
    for definition in definitions(document):
        if definition.name.value in sdl.ROOTS and definition.name.value not in named:
            yield finding(definition, definition.name.value, "the schema block does not name it")


def no_name_is_amazons(document: DocumentNode) -> Iterator[str]:
    for node in definitions(document):
        if node.name.value.startswith("AWS"):
            yield finding(node, node.name.value, "names that begin with AWS are AppSync's")


def interfaces_implement_nothing(document: DocumentNode) -> Iterator[str]:
    for node in definitions(document):
        if isinstance(node, InterfaceTypeDefinitionNode) and node.interfaces:
            yield finding(node, node.name.value, "AppSync refuses an interface that implements another")


def only_fields_are_deprecated(document: DocumentNode) -> Iterator[str]:
    """AppSync keeps @deprecated on fields, drops it from enum values, and predates it on inputs and arguments."""
    for node in definitions(document):
        for member in members(node):
            coordinate = f"{node.name.value}.{member.name.value}"
            on_output = isinstance(member, FieldDefinitionNode)
            if not on_output and sdl.directive(member, "deprecated"):
                place = "enum values" if isinstance(node, EnumTypeDefinitionNode) else "input fields"
                yield finding(member, coordinate, f"AppSync drops @deprecated from {place}; say it in the description")
            for argument in getattr(member, "arguments", None) or ():
                if sdl.directive(argument, "deprecated"):
                    at = f"{coordinate}({argument.name.value}:)"
                    yield finding(argument, at, "AppSync drops @deprecated from arguments; say it in the description")


def nothing_has_a_default_value(document: DocumentNode) -> Iterator[str]:
    """AppSync does not apply them reliably."""
    for node in definitions(document):
        for member in members(node):
            for each in (member, *(getattr(member, "arguments", None) or ())):
                if getattr(each, "default_value", None) is not None:
                    coordinate = f"{node.name.value}.{member.name.value}"
                    at = coordinate if each is member else f"{coordinate}({each.name.value}:)"
                    yield finding(each, at, "a default value; say the default in the description")


def only_subscriptions_subscribe(document: DocumentNode) -> Iterator[str]:
    for node in definitions(document):
        if (
            isinstance(node, ObjectTypeDefinitionNode | InterfaceTypeDefinitionNode)
            and node.name.value != "Subscription"
        ):
            for field in node.fields or ():
                if sdl.directive(field, "aws_subscribe"):
                    yield finding(field, f"{node.name.value}.{field.name.value}", "@aws_subscribe outside Subscription")


def the_document_is_not_too_large(document: DocumentNode) -> Iterator[str]:
    """Measured as the largest deployment would upload it, with every user mode written out."""
    size = len(sdl.appsync_sdl(document, USER_MODES).encode())
    if size > MOST_BYTES:
        yield f"schema: {size} bytes merged, AppSync takes {MOST_BYTES}"


def every_type_is_used(schema: GraphQLSchema) -> Iterator[str]:
    """AppSync takes unused types, but nobody can reach them."""
    used = _reachable(schema)
    for type_ in types(schema):
        if type_.name not in used:
            yield finding(type_.ast_node, type_.name, "is used by nothing")


def _reachable(schema: GraphQLSchema) -> set[str]:
    seen: set[str] = set()
    todo: list[Any] = [each for each in (schema.query_type, schema.mutation_type, schema.subscription_type) if each]
    while todo:
        type_ = todo.pop()
        if type_.name in seen:
            continue
        seen.add(type_.name)
        if is_abstract_type(type_):
            todo.extend(schema.get_possible_types(type_))
        if isinstance(type_, GraphQLObjectType | GraphQLInterfaceType):
            todo.extend(type_.interfaces)
        for field in getattr(type_, "fields", {}).values():
            todo.append(get_named_type(field.type))
            todo.extend(get_named_type(argument.type) for argument in getattr(field, "args", {}).values())
    return seen


def _directives(document: DocumentNode) -> list[DirectiveNode]:
    found: list[DirectiveNode] = []

    class Collect(Visitor):
        def enter_directive(self, node: DirectiveNode, *_: Any) -> None:
            found.append(node)

    visit(document, Collect())
    return found


DOCUMENT_RULES = (
    scalars_are_predefined,
    directives_are_predefined,
    only_known_directives_are_used,
    the_one_mode_directive_is_not_used,
    only_roots_are_extended,
    the_document_holds_no_operations,
    one_block_names_the_roots,
    roots_have_their_usual_names,
    no_name_is_amazons,
    interfaces_implement_nothing,
    only_fields_are_deprecated,
    nothing_has_a_default_value,
    only_subscriptions_subscribe,
    the_document_is_not_too_large,
)

SCHEMA_RULES = (every_type_is_used,)
