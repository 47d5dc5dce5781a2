"""The operations by which our backend reads what it publishes."""

from graphql import GraphQLSchema, build_schema, parse, validate

from app import sdl
from app.realtime.full_selection import publishing, takes_a_key
from domain.callers import Mode
from subscriptions.aws_subscribe import woken_by
from tests.app.realtime.site import SDL

MODES = frozenset({Mode.COGNITO})


def words(schema: GraphQLSchema, mutation: str) -> str:
    return publishing(schema, mutation, MODES).text


def test_everything_is_read_but_what_is_the_callers_or_the_way_came_from() -> None:
    schema = sdl.build(sdl.merge({"notes.graphql": SDL}))
    assert words(schema, "publishNote") == (
        "mutation ($id: ID!) { publishNote(id: $id) { id roomId authorId author { id name } text level grade } }"
    )


def test_lists_in_pages_fields_with_arguments_and_foreign_fields_are_left_out() -> None:
    schema = build_schema(
        sdl.AWS_DIRECTIVES
        + """
        type Query { a: A }
        type Mutation { publishA(roomId: ID!, n: Int): A @aws_iam }
        type A @aws_iam {
          id: ID!
          pages(limit: Int, nextToken: String): [A]
          needs(x: Int!): Int
          may(x: Int): Int
          users: Int @aws_cognito_user_pools
          b: B
          either: Either
          mine: Int
          myOwn: Int
        }
        type B @aws_iam { c: C }
        type C @aws_iam { id: ID d: D }
        type D @aws_iam { id: ID }
        type Hidden { id: ID }
        union Either = C | Hidden
        """
    )
    call = publishing(schema, "publishA", MODES)
    assert call.text == (
        "mutation ($roomId: ID!, $n: Int) { publishA(roomId: $roomId, n: $n) "
        "{ id may b { c { id } } either { __typename ... on C { id d { id } } } mine } }"
    )
    assert call.arguments == {"room_id": "roomId", "n": "n"}


def test_every_record_of_the_contract_can_be_read_for_its_subscribers() -> None:
    schema = sdl.build(sdl.load())
    published = [mutation for mutation in woken_by(schema) if takes_a_key(schema, mutation)]
    assert {"publishEnrollment", "publishMessage"} <= set(published)
    assert "publishServiceNotice" not in published, "it is given content, not a key"
    for mutation in published:
        assert validate(schema, parse(words(schema, mutation))) == []
