"""Subscriptions: bound as AppSync needs it, and each stored record's events come from one publishX alone.

A schema without a Subscription type has nothing to check here.
"""

from collections import Counter
from collections.abc import Iterator, Mapping

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    get_named_type,
    is_list_type,
    is_non_null_type,
)

from app import sdl
from app.portability.schema_walk import finding, named_fields, root_fields
from domain.callers import Mode

MOST_ARGUMENTS = 5

DIRECT: Mapping[str, frozenset[str]] = {
    "onServiceNotice": frozenset({"publishServiceNotice"}),
    "onSessionRevoked": frozenset({"revokeSession"}),
    "onLessonProgress": frozenset({"recordLessonProgress"}),
    "onTyping": frozenset({"setTyping"}),
    "onReadReceipt": frozenset({"markRoomRead"}),
    "onPresenceChanged": frozenset({"setPresence", "publishPresence"}),
    "onNotificationInbox": frozenset({"markAllNotificationsRead"}),
}
"""Subscriptions that may be bound to something else than one publishX: their payload is not stored, or
belongs to the caller's own sessions."""


def subscriptions_are_bound(schema: GraphQLSchema) -> Iterator[str]:
    for name, field in root_fields(schema, "Subscription"):
        if not _mutations(field):
            yield finding(field.ast_node, f"Subscription.{name}", "no @aws_subscribe with a mutation")


def bound_mutations_exist_and_return_the_same(schema: GraphQLSchema) -> Iterator[str]:
    mutations = dict(root_fields(schema, "Mutation"))
    for name, field in root_fields(schema, "Subscription"):
        for mutation in _mutations(field):
            at = f"Subscription.{name}"
            if mutation not in mutations:
                yield finding(field.ast_node, at, f"there is no mutation {mutation}")
            elif str(mutations[mutation].type) != str(field.type):
                yield finding(
                    field.ast_node, at, f"returns {field.type}, but {mutation} returns {mutations[mutation].type}"
                )


def stored_records_are_published_by_one_mutation(schema: GraphQLSchema) -> Iterator[str]:
    for name, field in root_fields(schema, "Subscription"):
        bound = _mutations(field)
        if name in DIRECT:
            if set(bound) != DIRECT[name]:
                wanted = ", ".join(sorted(DIRECT[name]))
                yield finding(field.ast_node, f"Subscription.{name}", f"must be bound to {wanted}")
        elif bound and (len(bound) > 1 or not bound[0].startswith("publish")):
            yield finding(field.ast_node, f"Subscription.{name}", "a stored record is bound to one publishX only")


def every_publishing_wakes_one_subscription(schema: GraphQLSchema) -> Iterator[str]:
    if not schema.subscription_type:
        return
    woken = Counter(each for _, field in root_fields(schema, "Subscription") for each in _mutations(field))
    for name, field in root_fields(schema, "Mutation"):
        if name.startswith("publish") and woken[name] != 1:
            yield finding(field.ast_node, f"Mutation.{name}", f"wakes {woken[name]} subscriptions, wanted 1")


def subscriptions_return_one_object(schema: GraphQLSchema) -> Iterator[str]:
    for name, field in root_fields(schema, "Subscription"):
        if is_list_type(field.type) or not isinstance(get_named_type(field.type), GraphQLObjectType):
            yield finding(field.ast_node, f"Subscription.{name}", "must return one nullable object")


def subscriptions_have_few_arguments(schema: GraphQLSchema) -> Iterator[str]:
    for name, field in root_fields(schema, "Subscription"):
        if len(field.args) > MOST_ARGUMENTS:
            yield finding(field.ast_node, f"Subscription.{name}", f"more than {MOST_ARGUMENTS} arguments")


def subscription_arguments_filter_by_fields_of_the_payload(schema: GraphQLSchema) -> Iterator[str]:
    for name, field in root_fields(schema, "Subscription"):
        payload = named_fields(field.type)
        for each, argument in field.args.items():
            at = f"Subscription.{name}({each}:)"
            if each not in payload:
                yield finding(argument.ast_node, at, f"is no field of {get_named_type(field.type)}")
                continue
            if is_non_null_type(argument.type) or not isinstance(argument.type, GraphQLScalarType | GraphQLEnumType):
                yield finding(argument.ast_node, at, "must be a nullable scalar or enum")
            if get_named_type(payload[each].type) is not get_named_type(argument.type):
                yield finding(argument.ast_node, at, f"is not of the type of {get_named_type(field.type)}.{each}")


def payloads_admit_who_publishes_and_who_listens(schema: GraphQLSchema) -> Iterator[str]:
    mutations = dict(root_fields(schema, "Mutation"))
    for name, field in root_fields(schema, "Subscription"):
        payload = get_named_type(field.type)
        if not isinstance(payload, GraphQLObjectType) or not payload.ast_node:
            continue
        admitted = set(sdl.stated_gate(payload.ast_node) or sdl.DEFAULT_GATE)
        for mutation in _mutations(field):
            node = mutations[mutation].ast_node if mutation in mutations else None
            publishing = set(sdl.stated_gate(node) or sdl.DEFAULT_GATE) if node else set()
            missing = (publishing | {Mode.COGNITO}) - admitted
            if missing:
                what = f"{payload.name} does not admit {', '.join(sorted(missing))}, in which {mutation} wakes it"
                yield finding(field.ast_node, f"Subscription.{name}", what)


def _mutations(field: GraphQLField) -> list[str]:
    bound = sdl.directive(field.ast_node, "aws_subscribe") if field.ast_node else None
    return sdl.strings(bound, "mutations") if bound else []


SCHEMA_RULES = (
    subscriptions_are_bound,
    bound_mutations_exist_and_return_the_same,
    stored_records_are_published_by_one_mutation,
    every_publishing_wakes_one_subscription,
    subscriptions_return_one_object,
    subscriptions_have_few_arguments,
    subscription_arguments_filter_by_fields_of_the_payload,
    payloads_admit_who_publishes_and_who_listens,
)
