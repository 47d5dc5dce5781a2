"""What CDK and the parity tests are told of the API's resolvers."""

from graphql import GraphQLSchema

from app import sdl
from app.access import object_types
from app.appsync.fields import FieldResolver, field_resolvers
from resolvers import registry

MOST_OF_APPSYNC = 2_000
"""The largest MaxBatchSize that AppSync takes."""


def test_every_root_field_has_a_resolver_that_is_not_batched(bound_schema: GraphQLSchema) -> None:
    listed = {(each.type_name, each.field_name): each for each in field_resolvers(registry)}
    for root in sdl.ROOTS:
        for name in bound_schema.type_map[root].fields:
            each = listed[root, name]
            assert each.kind == ("GATE" if root == "Subscription" else "UNIT")
            assert each.max_batch_size == 0


def test_every_listed_field_is_in_the_sdl(bound_schema: GraphQLSchema) -> None:
    types = {type_.name: type_ for type_ in object_types(bound_schema)}
    for each in field_resolvers(registry):
        assert each.field_name in types[each.type_name].fields


def test_fields_below_the_roots_are_batched_within_appsyncs_limit() -> None:
    below = [each for each in field_resolvers(registry) if each.type_name not in sdl.ROOTS]
    assert FieldResolver("Course", "owner", "BATCH", 100) in below
    for each in below:
        assert each.kind == "BATCH"
        assert 1 <= each.max_batch_size <= MOST_OF_APPSYNC
