"""Our conventions for queries and mutations: verbs, replay, versions, and the backend's publishX."""

import re
from collections.abc import Iterator

from graphql import GraphQLSchema, get_named_type, is_non_null_type

from app import sdl
from app.portability.schema_walk import arguments, finding, named_fields, root_fields, types
from domain.callers import Mode

QUERY_VERBS = ("get", "list", "search", "verify", "analyze")
REPLAYABLE = ("create", "send", "initiate", "request", "book", "export")
LAST_WRITER_WINS = frozenset({"updateRoomNotifications", "updateMeetingAttendee"})
"""Updates of one person's own switches, where losing a race is no loss."""
NOT_STORED = frozenset({"publishServiceNotice"})
"""A publishX whose payload is nowhere stored takes its content instead of a key."""


def root_fields_are_nullable(schema: GraphQLSchema) -> Iterator[str]:
    """So that one failing field does not take the others' data with it."""
    for root in sdl.ROOTS:
        for name, field in root_fields(schema, root):
            if is_non_null_type(field.type):
                yield finding(field.ast_node, f"{root}.{name}", "a root field must be nullable")


def queries_begin_with_a_known_verb(schema: GraphQLSchema) -> Iterator[str]:
    for name, field in root_fields(schema, "Query"):
        if not name.startswith(QUERY_VERBS):
            yield finding(field.ast_node, f"Query.{name}", f"begins with none of {', '.join(QUERY_VERBS)}")


def creates_can_be_repeated(schema: GraphQLSchema) -> Iterator[str]:
    for name, field in root_fields(schema, "Mutation"):
        if name.startswith(REPLAYABLE) and "clientToken" not in arguments(field):
            yield finding(field.ast_node, f"Mutation.{name}", "no clientToken, so a retry would do it twice")


def updates_name_the_version_they_saw(schema: GraphQLSchema) -> Iterator[str]:
    for name, field in root_fields(schema, "Mutation"):
        if name.startswith("update") and name not in LAST_WRITER_WINS and "expectedVersion" not in arguments(field):
            yield finding(field.ast_node, f"Mutation.{name}", "no expectedVersion")


def versioned_results_show_their_version(schema: GraphQLSchema) -> Iterator[str]:
    for name, field in root_fields(schema, "Mutation"):
        if "expectedVersion" in arguments(field) and "version" not in named_fields(field.type):
            yield finding(field.ast_node, f"Mutation.{name}", f"{get_named_type(field.type)} shows no version")


def publishing_and_only_publishing_is_the_backends(schema: GraphQLSchema) -> Iterator[str]:
    for name, field in root_fields(schema, "Mutation"):
        stated = sdl.stated_gate(field.ast_node) if field.ast_node else {}
        if (set(stated) == {Mode.IAM}) != name.startswith("publish"):
            yield finding(field.ast_node, f"Mutation.{name}", "publishX, and only it, is @aws_iam alone")


def publishing_takes_the_records_key(schema: GraphQLSchema) -> Iterator[str]:
    """It re-reads the record, so that no caller decides what subscribers see."""
    for name, field in root_fields(schema, "Mutation"):
        if not name.startswith("publish") or name in NOT_STORED:
            continue
        if not 1 <= len(field.args) <= 2:
            yield finding(field.ast_node, f"Mutation.{name}", "publishX takes the record's key, 1 or 2 arguments")
        for each, argument in field.args.items():
            at = f"Mutation.{name}({each}:)"
            if str(argument.type) != "ID!" or not re.fullmatch(r"id|[a-z][A-Za-z]*Id", each):
                yield finding(argument.ast_node, at, "publishX takes only key arguments, each ID!")
            elif each not in named_fields(field.type):
                yield finding(argument.ast_node, at, f"is no field of {get_named_type(field.type)}")


def publishing_takes_no_input(schema: GraphQLSchema) -> Iterator[str]:
    allowed = {f"{name[0].upper()}{name[1:]}Input" for name in NOT_STORED}
    for type_ in types(schema):
        if re.fullmatch(r"Publish\w+Input", type_.name) and type_.name not in allowed:
            yield finding(type_.ast_node, type_.name, "publishX takes no input")


SCHEMA_RULES = (
    root_fields_are_nullable,
    queries_begin_with_a_known_verb,
    creates_can_be_repeated,
    updates_name_the_version_they_saw,
    versioned_results_show_their_version,
    publishing_and_only_publishing_is_the_backends,
    publishing_takes_the_records_key,
    publishing_takes_no_input,
)
