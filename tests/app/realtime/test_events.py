"""What subscribers are sent of stored records: every change, whole, as a query tells it, whatever its caller selects.

Each deed below is one mutation that changes a stored record which has a subscription. On both engines.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from graphql import GraphQLObjectType, GraphQLSchema, get_named_type

from app.realtime.full_selection import publishing
from datasources.notifier import Notifier
from domain.callers import USER_MODES
from domain.notifications import Draft
from subscriptions.projection import is_of_caller
from tests.app.realtime.live_school import Ear, LiveSchool, listen, school
from tests.dump import dump
from tests.learning import published_course, set_state
from tests.resolvers.chat import create_room, invite, join, meet, send
from tests.school import Client
from tests.waiting import until

__all__ = ["school"]

Event = Mapping[str, Any]


@dataclass
class Deed:
    """
    Attributes:
        call: of one mutation, without a selection.
        publishing: the mutation that reads the record for its subscribers.
        topic: the arguments of the subscription.
        query: reads the record by its key, or a list that it is in.
        outsider: is refused the call; None where anybody may call it.
    """

    actor: Client
    call: str
    variables: Mapping[str, Any]
    listener: Client
    publishing: str
    subscription: str
    topic: Mapping[str, str]
    query: str | None
    is_it: Callable[[Event], bool]
    outsider: Client | None


class Stage:
    """Ada owns a room that ben is in and cem is invited to; ben learns in her course and has a notification."""

    def __init__(self, school: LiveSchool) -> None:
        self.school = school
        self.ada, self.ben = school.as_("ada", "Mentors"), school.as_("ben")
        self.cem, self.eve = school.as_("cem"), school.as_("eve")

    async def room(self, kind: str = "PUBLIC") -> dict[str, Any]:
        await meet(self.ada, self.ben, self.cem, self.eve)
        room = await create_room(self.ada, kind)
        await invite(self.ada, room, self.ben)
        if kind == "PRIVATE":
            await join(self.ben, room)
        return room

    async def message(self, actor: str, call: str, is_it: Callable[[Event], bool], **variables: Any) -> Deed:
        room = await self.room()
        sent = await send(self.ada, room, "A question", mentionedUserIds=[self.ben.id])
        await self.ben.data('mutation ($id: ID!) { addReaction(messageId: $id, emoji: "🎉") { id } }', id=sent["id"])
        given = {"id": sent["id"], "room": room["id"], **variables}
        wanted = {name: value for name, value in given.items() if f"${name}" in call}
        query = None if "sendMessage" in call else f'getMessage(id: "{sent["id"]}")'
        return Deed(
            actor=getattr(self, actor),
            call=call,
            variables=wanted,
            listener=self.ben,
            publishing="publishMessage",
            subscription="onMessage",
            topic={"roomId": room["id"]},
            query=query,
            is_it=is_it,
            outsider=self.eve,
        )

    async def member(
        self,
        actor: str,
        who: str,
        call: str,
        is_it: Callable[[Event], bool],
        *,
        kind: str = "PUBLIC",
        told: bool = True,
    ) -> Deed:
        """Args: told: by a query to the listener, as the payload is: none lists who left, and a payload shows the
        invited what they may know of a PRIVATE room."""
        room = await self.room(kind)
        user = getattr(self, who)
        given = {"room": room["id"], "user": user.id}
        listed = f'listRoomMembers(roomId: "{room["id"]}", limit: 100)'
        return Deed(
            actor=getattr(self, actor),
            call=call,
            variables={name: value for name, value in given.items() if f"${name}" in call},
            listener=self.ada,
            publishing="publishRoomMember",
            subscription="onRoomMemberChanged",
            topic={"roomId": room["id"]},
            query=listed if told else None,
            is_it=lambda event: event["userId"] == user.id and is_it(event),
            outsider=None if "joinRoom" in call else self.eve,
        )

    async def change_of_room(self, call: str, is_it: Callable[[Event], bool]) -> Deed:
        room = await self.room()
        return Deed(
            actor=self.ada,
            call=call,
            variables={"room": room["id"]},
            listener=self.ben,
            publishing="publishRoom",
            subscription="onRoomUpdated",
            topic={"id": room["id"]},
            query=f'getRoom(id: "{room["id"]}")',
            is_it=is_it,
            outsider=self.eve,
        )

    async def enrollment(self, actor: str, call: str, status: str, *, seated: bool = True) -> Deed:
        await meet(self.ada, self.ben, self.eve)
        course = await published_course(self.school.store, owner=self.ada.id)
        if seated:
            await self.ben.data("mutation ($c: ID!) { enrollInCourse(input: {courseId: $c}) { id } }", c=course.id)
        given = {"course": course.id, "user": self.ben.id}
        return Deed(
            actor=getattr(self, actor),
            call=call,
            variables={name: value for name, value in given.items() if f"${name}" in call},
            listener=self.ben,
            publishing="publishEnrollment",
            subscription="onEnrollmentChanged",
            topic={"userId": self.ben.id},
            query=f'getEnrollment(courseId: "{course.id}")',
            is_it=lambda event: event["status"] == status,
            outsider=None if actor == "ben" and not seated else self.eve,
        )

    async def notification(self) -> Deed:
        await meet(self.ben, self.eve)
        draft = Draft("event", self.ben.id, "CHAT", "Title", "Body.", "/rooms/1")
        await Notifier(self.school.store, self.school.clock.now).tell([draft])
        listed = await self.ben.data("{ listNotifications { items { id } } }")
        [item] = listed["listNotifications"]["items"]
        return Deed(
            actor=self.ben,
            call="markNotificationRead(id: $id)",
            variables={"id": item["id"]},
            listener=self.ben,
            publishing="publishNotification",
            subscription="onNotification",
            topic={"userId": self.ben.id},
            query="listNotifications(limit: 100)",
            is_it=lambda event: event["readAt"] is not None,
            outsider=self.eve,
        )

    async def presence(self) -> Deed:
        await self.room()
        await self.ben.data("mutation { setPresence(status: AWAY) { userId } }")
        await self.ben.data("mutation { updateSettings(input: {presenceVisible: false}) { version } }")
        return Deed(
            actor=self.ben,
            call="updateSettings(input: {presenceVisible: true})",
            variables={},
            listener=self.ada,
            publishing="publishPresence",
            subscription="onPresenceChanged",
            topic={"userId": self.ben.id},
            query=f'getPresence(userIds: ["{self.ben.id}"])',
            is_it=lambda event: event["status"] == "AWAY",
            outsider=None,
        )


def anything(event: Event) -> bool:
    return True


def is_status(status: str) -> Callable[[Event], bool]:
    return lambda event: event["status"] == status


DEEDS: dict[str, Callable[[Stage], Awaitable[Deed]]] = {
    "sendMessage": lambda on: on.message(
        "ben", 'sendMessage(input: {roomId: $room, body: "Here"})', lambda event: event["body"] == "Here"
    ),
    "sendMessage, for its parent": lambda on: on.message(
        "ben",
        'sendMessage(input: {roomId: $room, body: "Yes", replyToId: $id})',
        lambda event: event["replyCount"] == 1,
    ),
    "updateMessage": lambda on: on.message(
        "ada", 'updateMessage(input: {id: $id, body: "Better"})', lambda event: event["body"] == "Better"
    ),
    "deleteMessage": lambda on: on.message(
        "ada", "deleteMessage(id: $id)", lambda event: event["deletedAt"] is not None
    ),
    "addReaction": lambda on: on.message(
        "ben", 'addReaction(messageId: $id, emoji: "👍")', lambda event: len(event["reactions"]) == 2
    ),
    "removeReaction": lambda on: on.message(
        "ben", 'removeReaction(messageId: $id, emoji: "🎉")', lambda event: event["reactions"] == []
    ),
    "joinRoom": lambda on: on.member("cem", "cem", "joinRoom(roomId: $room)", is_status("JOINED")),
    "leaveRoom": lambda on: on.member("ben", "ben", "leaveRoom(roomId: $room)", is_status("LEFT"), told=False),
    "inviteToRoom": lambda on: on.member(
        "ada", "cem", "inviteToRoom(roomId: $room, userId: $user)", is_status("JOINED")
    ),
    "inviteToRoom, a PRIVATE one": lambda on: on.member(
        "ada", "cem", "inviteToRoom(roomId: $room, userId: $user)", is_status("INVITED"), kind="PRIVATE", told=False
    ),
    "updateRoomMember": lambda on: on.member(
        "ada",
        "ben",
        "updateRoomMember(input: {roomId: $room, userId: $user, role: MODERATOR})",
        lambda event: event["role"] == "MODERATOR",
    ),
    "updateRoomNotifications": lambda on: on.member(
        "ben",
        "ben",
        "updateRoomNotifications(roomId: $room, level: NONE)",
        lambda event: event["notificationLevel"] == "NONE",
    ),
    "updateRoom": lambda on: on.change_of_room(
        'updateRoom(input: {id: $room, topic: "Gulls"})', lambda event: event["topic"] == "Gulls"
    ),
    "archiveRoom": lambda on: on.change_of_room("archiveRoom(id: $room)", lambda event: event["isArchived"]),
    "enrollInCourse": lambda on: on.enrollment(
        "ben", "enrollInCourse(input: {courseId: $course})", "ACTIVE", seated=False
    ),
    "dropCourse": lambda on: on.enrollment("ben", "dropCourse(courseId: $course)", "DROPPED"),
    "grantEnrollment": lambda on: on.enrollment(
        "ada", "grantEnrollment(input: {courseId: $course, userId: $user})", "ACTIVE", seated=False
    ),
    "revokeEnrollment": lambda on: on.enrollment(
        "ada", 'revokeEnrollment(courseId: $course, userId: $user, reason: "Not paid.")', "REVOKED"
    ),
    "markNotificationRead": lambda on: on.notification(),
    "updateSettings": lambda on: on.presence(),
}
"""By the mutation that they call."""

ELSEWHERE = {
    "createRoom": "nobody can listen to it before; test_rooms.py says what it publishes",
    "openDirectRoom": "the same",
    "deleteNotification": "what is gone is no event",
    "setPresence": "bound directly",
}


def selection(schema: GraphQLSchema, mutation: str) -> str:
    """Every field of its record that subscribers may be sent."""
    text = publishing(schema, mutation, USER_MODES).text
    _, _, rest = text.partition(") { ")
    _, _, fields = rest.partition(") { ")
    return fields.removesuffix(" } }")


async def listening(deed: Deed, fields: str) -> Ear:
    arguments = ", ".join(f'{name}: "{value}"' for name, value in deed.topic.items())
    ear, _ = await listen(deed.listener, f"subscription {{ {deed.subscription}({arguments}) {{ {fields} }} }}")
    return ear


async def call(client: Client, deed: Deed, fields: str = "{ __typename }") -> dict[str, Any]:
    declared = "".join(f"${name}: ID! " for name in deed.variables)
    head = f"mutation ({declared})" if declared else "mutation"
    return await client.run(f"{head} {{ {deed.call} {fields} }}", **deed.variables)


async def read(deed: Deed, fields: str, event: Event) -> Any:
    """The record as a query tells it."""
    assert deed.query is not None
    is_list = deed.query.startswith("list")
    shown = f"{{ items {{ {fields} }} }}" if is_list else f"{{ {fields} }}"
    [found] = (await deed.listener.run(f"{{ {deed.query} {shown} }}"))["data"].values()
    rows = found["items"] if is_list else found if isinstance(found, list) else [found]
    key = [name for name in ("id", "userId") if name in event]
    return next(row for row in rows if all(row[name] == event[name] for name in key))


@pytest.mark.parametrize("name", DEEDS)
async def test_a_change_is_sent_whole_and_as_a_query_tells_it_whatever_its_caller_selects(
    school: LiveSchool, bound_schema: GraphQLSchema, name: str
) -> None:
    deed = await DEEDS[name](Stage(school))
    fields = selection(bound_schema, deed.publishing)
    ear = await listening(deed, fields)
    assert not any(map(deed.is_it, ear.heard))

    if deed.outsider is not None:
        refused = await call(deed.outsider, deed)
        assert refused.get("errors"), "what an outsider may not do, nobody hears of"
    answer = await call(deed.actor, deed)

    assert "errors" not in answer, answer
    await until(lambda: any(map(deed.is_it, ear.heard)), name)
    [event] = [each for each in ear.heard if deed.is_it(each)]
    if deed.query is not None:
        assert event == await read(deed, fields, event)


async def test_a_payload_shows_of_a_course_what_its_learner_may_know(
    school: LiveSchool, bound_schema: GraphQLSchema
) -> None:
    """Who holds a seat goes on seeing what is archived; who leaves it does not."""
    deed = await DEEDS["dropCourse"](Stage(school))
    await set_state(school.store, deed.variables["course"], "ARCHIVED")
    ear = await listening(deed, "status course { title }")
    await call(deed.actor, deed)
    await until(lambda: bool(ear.heard))

    assert ear.heard == [{"status": "DROPPED", "course": None}]
    assert await read(deed, "status course { title }", {}) == ear.heard[0]


def test_every_mutation_that_changes_such_a_record_is_a_deed(bound_schema: GraphQLSchema) -> None:
    """Of chat, enrollments and notifications; other domains have tests of their own."""
    root = bound_schema.mutation_type
    assert root is not None
    types = {"Message", "Room", "RoomMember", "Enrollment", "Notification", "Presence"}
    changing = {
        name
        for name, field in root.fields.items()
        if get_named_type(field.type).name in types and not name.startswith("publish")
    }
    assert changing == ({name.partition(",")[0] for name in DEEDS} | set(ELSEWHERE)) - {"updateSettings"}


@pytest.mark.parametrize("name", ["sendMessage", "joinRoom", "updateRoom", "enrollInCourse", "markNotificationRead"])
async def test_publishing_changes_nothing_and_is_for_the_backend_alone(
    school: LiveSchool, bound_schema: GraphQLSchema, name: str
) -> None:
    deed = await DEEDS[name](Stage(school))
    fields = selection(bound_schema, deed.publishing)
    arguments = publishing(bound_schema, deed.publishing, USER_MODES).arguments
    ear = await listening(deed, fields)
    await call(deed.actor, deed)
    await until(lambda: any(map(deed.is_it, ear.heard)), name)
    event = next(each for each in ear.heard if deed.is_it(each))
    key = {argument: event[argument] for argument in arguments.values()}
    before, heard = await dump(school.store), len(ear.heard)

    for _ in range(10):
        published = await publish(school.backend, deed.publishing, key, fields)
        assert published["data"][deed.publishing] == event
    await until(lambda: len(ear.heard) == heard + 10, "what was published")
    unknown = {argument: f"{value[:-1]}~" for argument, value in key.items()}
    assert await publish(school.backend, deed.publishing, unknown, fields) == {"data": {deed.publishing: None}}
    for client in (deed.listener, deed.actor, school.as_("root", "Admins"), school.as_("mod", "Moderators")):
        refused = await publish(client, deed.publishing, key, fields)
        assert [error["errorType"] for error in refused["errors"]] == ["Unauthorized"]

    after = await dump(school.store)
    accounts = ("Users", "UserItems", "Counters", "_changes")  # staff was seen for the first time
    assert {table: rows for table, rows in after.items() if table not in accounts} == {
        table: rows for table, rows in before.items() if table not in accounts
    }
    assert len(ear.heard) == heard + 10


async def publish(client: Client, mutation: str, key: Mapping[str, str], fields: str) -> dict[str, Any]:
    arguments = ", ".join(f'{name}: "{value}"' for name, value in key.items())
    return await client.run(f"mutation {{ {mutation}({arguments}) {{ {fields} }} }}")


@pytest.mark.parametrize("name", ["sendMessage", "joinRoom", "updateRoom", "enrollInCourse", "markNotificationRead"])
async def test_what_is_the_callers_own_is_null_in_every_payload(
    school: LiveSchool, bound_schema: GraphQLSchema, name: str
) -> None:
    deed = await DEEDS[name](Stage(school))
    root = bound_schema.subscription_type
    assert root is not None
    own = _own_fields(get_named_type(root.fields[deed.subscription].type), ())
    ear = await listening(deed, f"__typename {' '.join(text for text, _ in own)}")
    await call(deed.actor, deed)
    await until(lambda: bool(ear.heard))

    for _, path in own:
        value: Any = ear.heard[-1]
        for key in path:
            value = None if value is None else value[key]
        assert value is None, path


def _own_fields(type_: Any, above: tuple[str, ...]) -> list[tuple[str, tuple[str, ...]]]:
    """Fields named my... of a payload and of what is in it: how each is selected, and where it is then found."""
    if not isinstance(type_, GraphQLObjectType) or len(above) > 2:
        return []
    found: list[tuple[str, tuple[str, ...]]] = []
    for name, field in type_.fields.items():
        below = get_named_type(field.type)
        is_object = isinstance(below, GraphQLObjectType)
        if is_of_caller(name):
            found.append((f"{name} {{ __typename }}" if is_object else name, (name,)))
        elif is_object and not field.args and not below.name.endswith("Connection"):
            inner = _own_fields(below, (*above, name))
            found += [(f"{name} {{ {text} }}", (name, *path)) for text, path in inner]
    return found
