"""Our own conventions for names, descriptions, units and pages (schema/base.graphql states them)."""

import re
from collections.abc import Iterator
from typing import Any

from graphql import (
    DocumentNode,
    GraphQLObjectType,
    GraphQLSchema,
    InputObjectTypeDefinitionNode,
    get_named_type,
    is_non_null_type,
)

from app import sdl
from app.portability.schema_walk import definitions, fields, finding, members, types
from domain.errors import Code

UNITS: tuple[tuple[str, frozenset[str]], ...] = (
    (r".*At", frozenset({"AWSDateTime"})),
    (r".*Seconds", frozenset({"Int"})),
    (r".*(Bytes|Minor)", frozenset({"Float"})),
    (r".*Percent", frozenset({"Float", "Int"})),
    (r".*Url", frozenset({"AWSURL", "String"})),
    (r"id|clientToken|.*Ids?", frozenset({"ID"})),
    (r"version|expectedVersion", frozenset({"Int"})),
)
"""What the end of a name says about the type."""

AVERAGES = frozenset({"CoursePerformance"})
"""Types whose `...Seconds` are means, so they may be fractions."""


def types_are_described(document: DocumentNode) -> Iterator[str]:
    for node in definitions(document):
        if not node.description:
            yield finding(node, node.name.value, "no description")


def operations_are_described(document: DocumentNode) -> Iterator[str]:
    for node in definitions(document):
        if node.name.value in sdl.ROOTS:
            for field in members(node):
                if not field.description:
                    yield finding(field, f"{node.name.value}.{field.name.value}", "no description")


def descriptions_name_known_error_codes(document: DocumentNode) -> Iterator[str]:
    """A description that says "fails with X" promises an `errorType` that clients switch on."""
    for node in definitions(document):
        described = [
            (node.name.value, node),
            *((f"{node.name.value}.{each.name.value}", each) for each in members(node)),
        ]
        for coordinate, each in described:
            text = each.description.value if each.description else ""
            for promise in re.findall(r"\b[Ff]ails? with ((?:[A-Z][A-Z_]+(?:, | or | and )?)+)", text):
                for code in re.findall(r"[A-Z][A-Z_]+", promise):
                    if code not in Code.__members__:
                        yield finding(each, coordinate, f"{code} is no error code")


def types_are_named_in_pascal_case(document: DocumentNode) -> Iterator[str]:
    for node in definitions(document):
        if not re.fullmatch(r"[A-Z][A-Za-z0-9]*", node.name.value):
            yield finding(node, node.name.value, "a type's name is PascalCase")


def inputs_and_only_inputs_end_in_input(document: DocumentNode) -> Iterator[str]:
    for node in definitions(document):
        if isinstance(node, InputObjectTypeDefinitionNode) != node.name.value.endswith("Input"):
            yield finding(node, node.name.value, "inputs, and only inputs, end in Input")


def members_are_named_as_their_kind_is(document: DocumentNode) -> Iterator[str]:
    for node in definitions(document):
        for member in members(node):
            name, at = member.name.value, f"{node.name.value}.{member.name.value}"
            if member.kind == "enum_value_definition":
                if not re.fullmatch(r"[A-Z][A-Z0-9_]*", name):
                    yield finding(member, at, "enum values are UPPER_CASE")
            elif not _is_camel_case(name):
                yield finding(member, at, "fields are camelCase")
            for argument in getattr(member, "arguments", None) or ():
                if not _is_camel_case(argument.name.value):
                    yield finding(argument, f"{at}({argument.name.value}:)", "arguments are camelCase")


def names_that_carry_a_unit_have_its_type(schema: GraphQLSchema) -> Iterator[str]:
    for type_, name, field in fields(schema):
        if type_.name not in sdl.ROOTS:
            yield from _unit(name, field, f"{type_.name}.{name}", means=type_.name in AVERAGES)
        for argument_name, argument in getattr(field, "args", {}).items():
            yield from _unit(argument_name, argument, f"{type_.name}.{name}({argument_name}:)", means=False)


def fields_of_the_caller_are_nullable(schema: GraphQLSchema) -> Iterator[str]:
    """A `my...` field is null in what subscribers get, and for callers who are no person."""
    for type_, name, field in fields(schema):
        if re.match(r"my[A-Z]", name) and is_non_null_type(field.type):
            yield finding(field.ast_node, f"{type_.name}.{name}", "a field about the caller must be nullable")


def pages_are_asked_for_with_limit_and_token(schema: GraphQLSchema) -> Iterator[str]:
    for type_, name, field in fields(schema):
        target = get_named_type(field.type)
        if not target.name.endswith("Connection") or type_.name == "Mutation":
            continue
        arguments = {each: str(argument.type) for each, argument in getattr(field, "args", {}).items()}
        wanted = {"limit": "Int", "nextToken": "String"}
        if str(field.type).rstrip("!") != target.name or not wanted.items() <= arguments.items():
            yield finding(
                field.ast_node,
                f"{type_.name}.{name}",
                "a connection is not listed, and takes limit: Int, nextToken: String",
            )


def pages_have_items_and_a_token(schema: GraphQLSchema) -> Iterator[str]:
    for type_ in types(schema):
        if isinstance(type_, GraphQLObjectType) and type_.name.endswith("Connection"):
            shape = {name: str(field.type) for name, field in type_.fields.items()}
            item = get_named_type(type_.fields["items"].type) if "items" in shape else None
            if shape != {"items": f"[{item}!]!", "nextToken": "String"}:
                yield finding(type_.ast_node, type_.name, "a connection is items: [T!]! and nextToken: String")


def _unit(name: str, member: Any, coordinate: str, *, means: bool) -> Iterator[str]:
    base = get_named_type(member.type).name
    for pattern, wanted in UNITS:
        if re.fullmatch(pattern, name):
            allowed = wanted | {"Float"} if means and name.endswith("Seconds") else wanted
            if base not in allowed:
                yield finding(member.ast_node, coordinate, f"is {base}, wanted {' or '.join(sorted(allowed))}")
            return


def _is_camel_case(name: str) -> bool:
    return bool(re.fullmatch(r"[a-z][A-Za-z0-9]*", name))


DOCUMENT_RULES = (
    types_are_described,
    operations_are_described,
    descriptions_name_known_error_codes,
    types_are_named_in_pascal_case,
    inputs_and_only_inputs_end_in_input,
    members_are_named_as_their_kind_is,
)

SCHEMA_RULES = (
    names_that_carry_a_unit_have_its_type,
    fields_of_the_caller_are_nullable,
    pages_are_asked_for_with_limit_and_token,
    pages_have_items_and_a_token,
)
