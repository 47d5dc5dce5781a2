"""Every committed change is heard, also when its writer died before it told of it. On both engines."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from graphql import GraphQLSchema

from app.repairs import MARKS, REPAIRS, repair_steps
from app.workers import Workers
from datasources.notifier import Notifier
from datasources.ports import RecordStore, SearchIndex
from domain.notifications import Draft
from subscriptions.ledger import Ledger
from tests.app.realtime.live_school import Ear, LiveSchool, listen
from tests.app.realtime.live_school import school as live_school
from tests.app.realtime.test_chat import ON_MEMBER, ON_MESSAGE, ON_ROOM
from tests.app.realtime.test_notifications import ON_NOTIFICATION, READ
from tests.learning import published_course
from tests.resolvers.chat import DELETE, EDIT, LEAVE, REACT, UPDATE, create_room, join, meet, send
from tests.resolvers.meeting import INVITE as INVITE_TO_MEETING
from tests.resolvers.meeting import UPDATE as UPDATE_MEETING
from tests.resolvers.meeting import new_meeting
from tests.school import Client, School
from tests.waiting import until

__all__ = ["live_school"]

ON_ENROLLMENT = "subscription ($user: ID) { onEnrollmentChanged(userId: $user) { courseId status version } }"

ON_MEETING = "subscription ($id: ID) { onMeetingUpdated(id: $id) { id title version } }"
ON_ATTENDEE = "subscription ($id: ID) { onMeetingAttendeeChanged(meetingId: $id) { meetingId userId status } }"


class Doomed(School):
    """A process that is killed after each commit, before it tells anybody."""

    async def publish(self, mutation: str, /, **key: Any) -> None:
        self.published.append((mutation, key))


@pytest.fixture
def doomed(live_school: LiveSchool, search: SearchIndex, bound_schema: GraphQLSchema) -> Doomed:
    """Over the same store as the process that lives on."""
    return Doomed(live_school.store, search, bound_schema, live_school.clock, live_school.chat)


async def repair(school: LiveSchool, ledger: Ledger | None = None) -> None:
    """What the workers of the process that lives do some seconds later."""
    realtime = school.realtime
    steps = repair_steps(realtime.publish_and_wait, ledger or realtime.ledger, school.clock.now)
    await Workers(school.store, steps, school.clock.now, "a worker").drain()


class Story:
    """One kind of record: how to listen to it, and a change of it by the doomed process."""

    def __init__(self, live: LiveSchool, doomed: Doomed) -> None:
        self.live = live
        self.ada, self.ben = live.as_("ada"), live.as_("ben")
        self.doomed_ada = Client(doomed, self.ada.caller)
        self.doomed_ben = Client(doomed, self.ben.caller)

    async def message(self, change: str) -> tuple[Ear, Callable[[Any], bool]]:
        room = await create_room(self.ada)
        await join(self.ben, room)
        sent = await send(self.ada, room)
        ear, _ = await listen(self.ben, ON_MESSAGE, room=room["id"])
        match change:
            case "sent":
                await send(self.doomed_ada, room, "Still here?")
                return ear, lambda event: event["body"] == "Still here?"
            case "edited":
                await self.doomed_ada.data(EDIT, input={"id": sent["id"], "body": "Better"})
                return ear, lambda event: event["body"] == "Better"
            case "deleted":
                await self.doomed_ada.data(DELETE, id=sent["id"])
                return ear, lambda event: event["deletedAt"] is not None
            case "reacted to":
                await self.doomed_ben.data(REACT, id=sent["id"], emoji="👍")
                return ear, lambda event: len(event["reactions"]) == 1
            case _:
                await send(self.doomed_ben, room, "Yes", replyToId=sent["id"])
                return ear, lambda event: event["replyCount"] == 1

    async def member(self, change: str) -> tuple[Ear, Callable[[Any], bool]]:
        room = await create_room(self.ada)
        ear, _ = await listen(self.ada, ON_MEMBER, room=room["id"])
        await join(self.doomed_ben, room)
        if change == "left":
            await self.doomed_ben.data(LEAVE, room=room["id"])
        return ear, lambda event: event["userId"] == self.ben.id and event["status"] == change.upper()

    async def room(self) -> tuple[Ear, Callable[[Any], bool]]:
        room = await create_room(self.ada)
        ear, _ = await listen(self.ben, ON_ROOM, id=room["id"])
        await self.doomed_ada.data(UPDATE, input={"id": room["id"], "topic": "Gulls"})
        return ear, lambda event: event["topic"] == "Gulls"

    async def enrollment(self) -> tuple[Ear, Callable[[Any], bool]]:
        course = await published_course(self.live.store)
        ear, _ = await listen(self.ben, ON_ENROLLMENT, user=self.ben.id)
        enroll = "mutation ($id: ID!) { enrollInCourse(input: {courseId: $id}) { status } }"
        await self.doomed_ben.data(enroll, id=course.id)
        return ear, lambda event: event["courseId"] == course.id and event["status"] == "ACTIVE"

    async def meeting(self) -> tuple[Ear, Callable[[Any], bool]]:
        host = self.live.as_("ada", "Mentors")
        meeting = await new_meeting(self.live, host, self.ben)
        ear, _ = await listen(self.ben, ON_MEETING, id=meeting["id"])
        rename = {"id": meeting["id"], "title": "Gulls, live"}
        await Client(self.doomed_ada.school, host.caller).data(UPDATE_MEETING, input=rename)
        return ear, lambda event: event["title"] == "Gulls, live"

    async def attendee(self) -> tuple[Ear, Callable[[Any], bool]]:
        host, cem = self.live.as_("ada", "Mentors"), self.live.as_("cem")
        await meet(cem)
        meeting = await new_meeting(self.live, host, self.ben)
        ear, _ = await listen(self.ben, ON_ATTENDEE, id=meeting["id"])
        await Client(self.doomed_ada.school, host.caller).data(INVITE_TO_MEETING, id=meeting["id"], users=[cem.id])
        return ear, lambda event: event["userId"] == cem.id

    async def notification(self) -> tuple[Ear, Callable[[Any], bool]]:
        await self.ben.data("{ getMe { id } }")
        draft = Draft("event", self.ben.id, "CHAT", "Title", "Body.")
        await Notifier(self.live.store, self.live.clock.now).tell([draft])
        [item] = (await self.ben.data("{ listNotifications { items { id } } }"))["listNotifications"]["items"]
        ear, _ = await listen(self.ben, ON_NOTIFICATION, user=self.ben.id)
        await self.doomed_ben.data(READ, id=item["id"])
        return ear, lambda event: event["readAt"] is not None


STORIES: dict[str, tuple[str, Callable[[Story], Awaitable[tuple[Ear, Callable[[Any], bool]]]]]] = {
    "a message that was sent": ("onMessage", lambda story: story.message("sent")),
    "an edited message": ("onMessage", lambda story: story.message("edited")),
    "a deleted message": ("onMessage", lambda story: story.message("deleted")),
    "a reaction": ("onMessage", lambda story: story.message("reacted to")),
    "a reply": ("onMessage", lambda story: story.message("replied to")),
    "a member who joined": ("onRoomMemberChanged", lambda story: story.member("joined")),
    "a member who left": ("onRoomMemberChanged", lambda story: story.member("left")),
    "a changed room": ("onRoomUpdated", lambda story: story.room()),
    "an enrollment": ("onEnrollmentChanged", lambda story: story.enrollment()),
    "a changed meeting": ("onMeetingUpdated", lambda story: story.meeting()),
    "an invitation to a meeting": ("onMeetingAttendeeChanged", lambda story: story.attendee()),
    "a notification that was read": ("onNotification", lambda story: story.notification()),
}


@pytest.mark.parametrize("name", STORIES)
async def test_a_change_whose_writer_died_is_heard_all_the_same(
    live_school: LiveSchool, doomed: Doomed, name: str
) -> None:
    ear, is_it = await STORIES[name][1](Story(live_school, doomed))
    assert doomed.published, "it would have told of it"
    assert not any(map(is_it, ear.heard))

    await repair(live_school)

    await until(lambda: any(map(is_it, ear.heard)), name)
    heard = len(ear.heard)
    await repair(live_school)
    await asyncio.sleep(0)
    assert len(ear.heard) == heard, "it is told once"


def test_every_kind_of_record_with_a_publishing_mutation_is_repaired(bound_schema: GraphQLSchema) -> None:
    """What has none is bound directly to the mutation of a caller, who sees its failure and may repeat it."""
    mutations = bound_schema.mutation_type.fields if bound_schema.mutation_type else {}
    publishing = {name for name in mutations if name.startswith("publish")}
    publishing -= {"publishServiceNotice"}  # nothing is stored
    publishing -= {
        "publishMedia",
        "publishMeetingRecording",
        "publishExportJob",
    }  # steps of their own publish each change
    assert publishing == {repair.mutation for repair in REPAIRS} | {"publishPresence"}
    assert {field for field, _ in STORIES.values()} <= {repair.field for repair in REPAIRS}


async def test_what_was_heard_is_not_sent_again(live_school: LiveSchool) -> None:
    ada, ben = live_school.as_("ada"), live_school.as_("ben")
    room = await create_room(ada)
    await join(ben, room)
    ear, _ = await listen(ben, ON_MESSAGE, room=room["id"])
    sent = await send(ada, room)
    for number in range(3):
        await ada.data(EDIT, input={"id": sent["id"], "body": f"{number}"})
    await until(lambda: bool(ear.heard) and ear.heard[-1]["body"] == "2")
    heard = list(ear.heard)

    await repair(live_school)
    await send(ada, room, "The end")
    await until(lambda: ear.heard[-1]["body"] == "The end")

    assert ear.heard[:-1] == heard


async def test_a_worker_that_has_just_begun_repeats_what_nobody_looked_at_yet(live_school: LiveSchool) -> None:
    """It cannot know what was heard; a repeat is known by its changeSequence."""
    ada = live_school.as_("ada")
    room = await create_room(ada)
    ear, _ = await listen(ada, ON_MESSAGE, room=room["id"])
    await send(ada, room)
    await until(lambda: len(ear.heard) == 1)

    await repair(live_school, Ledger(MARKS))

    await until(lambda: len(ear.heard) == 2)
    assert ear.heard[0] == ear.heard[1]


async def test_what_was_refused_is_heard_of_by_nobody(live_school: LiveSchool, doomed: Doomed) -> None:
    story = Story(live_school, doomed)
    room = await create_room(story.ada)
    ear, _ = await listen(story.ada, ON_MESSAGE, room=room["id"])
    refused = 'mutation ($room: ID!) { sendMessage(input: {roomId: $room, body: "Let me in"}) { id } }'
    await story.doomed_ben.refusal(refused, room=room["id"])

    await repair(live_school)
    await send(story.ada, room, "The end")

    await until(lambda: len(ear.heard) == 1)
    assert ear.heard[0]["body"] == "The end"
    assert doomed.published == []


async def test_writers_have_time_to_tell_of_their_changes_themselves(
    store: RecordStore, live_school: LiveSchool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The feed is read at once, and only three seconds after a commit is it held against what was heard."""
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    ada = live_school.as_("ada")
    room = await create_room(ada)
    await send(ada, room)
    [*_, event] = (await store.changes(REPAIRS[0].table, None)).events
    monkeypatch.setattr("app.repairs.asyncio.sleep", sleep)
    step = repair_steps(live_school.realtime.publish_and_wait, live_school.realtime.ledger, lambda: event.at)[0]

    await step.handle([event])  # type: ignore[union-attr]

    assert slept == [3.0]
