"""Whatever a stranger asks to hear of others, in whatever words, is refused; for every subscription there is."""

from contextlib import suppress
from itertools import product
from typing import Any

from graphql import GraphQLArgument, GraphQLField, GraphQLID, GraphQLSchema, get_named_type

from app.realtime.operations import Refused
from domain.errors import Code, DomainError
from tests.app.realtime.live_school import LiveSchool, listen, school
from tests.learning import published_course
from tests.resolvers.chat import create_room, invite, send
from tests.school import Client
from tests.waiting import until

__all__ = ["school"]

FOR_EVERYBODY = {"onServiceNotice"}
ABSENT = object()
REFUSALS = {Code.BAD_REQUEST, Code.FORBIDDEN, Code.NOT_FOUND, Code.UNAUTHORIZED_FIELD}


def identifiers(field: GraphQLField) -> dict[str, GraphQLArgument]:
    return {name: each for name, each in field.args.items() if get_named_type(each.type) is GraphQLID}


def asked(name: str, field: GraphQLField, given: dict[str, Any]) -> str:
    """A subscription with these arguments as variables."""
    if not given:
        return f"subscription {{ {name} {{ __typename }} }}"
    declared = ", ".join(f"${argument}: {field.args[argument].type}" for argument in given)
    passed = ", ".join(f"{argument}: ${argument}" for argument in given)
    return f"subscription ({declared}) {{ {name}({passed}) {{ __typename }} }}"


async def test_a_stranger_hears_nothing_of_others_under_any_name(
    school: LiveSchool, bound_schema: GraphQLSchema
) -> None:
    ada, eve = school.as_("ada", "Mentors"), school.as_("eve")
    room = await create_room(ada, "PRIVATE")
    course = await published_course(school.store, owner=ada.id)
    names = [ABSENT, None, "*", ada.id, room["id"], course.id]
    root = bound_schema.subscription_type
    assert root is not None
    for name, field in root.fields.items():
        if name not in FOR_EVERYBODY:
            arguments = identifiers(field)
            for values in product(names, repeat=len(arguments)):
                given = {key: value for key, value in zip(arguments, values, strict=True) if value is not ABSENT}
                assert await refusal(eve, asked(name, field, given), given) in REFUSALS, (name, given)


async def refusal(client: Client, query: str, given: dict[str, Any]) -> Code | None:
    try:
        await listen(client, query, **given)
    except DomainError as error:
        return error.code
    except Refused as refused:
        raise AssertionError(refused.errors) from None
    return None


async def test_what_happens_among_others_is_not_told_to_a_stranger_who_hears_all_that_is_their_own(
    school: LiveSchool, bound_schema: GraphQLSchema
) -> None:
    ada, ben, eve = school.as_("ada"), school.as_("ben"), school.as_("eve")
    root = bound_schema.subscription_type
    assert root is not None
    ears = []
    for name, field in root.fields.items():
        given = {"userId": eve.id} if "userId" in field.args else {}
        with suppress(DomainError):  # what is not of a user is of a room or a course, and those are not hers
            ears.append((await listen(eve, asked(name, field, given), **given))[0])
    assert len(ears) >= 6

    room = await create_room(ada, "PRIVATE")
    await invite(ada, room, ben)
    for number in range(10):
        await send(ada, room, f"secret {number}")
    await school.drain()
    assert [event for ear in ears for event in ear.heard] == []
    await invite(ada, room, eve)
    await until(lambda: any(ear.heard for ear in ears), "what is said to herself")
    await school.drain()
    assert all("secret" not in str(ear.heard) for ear in ears)
