"""Fills the demo school's rooms with what its people say, at the times when they would have said it."""

from collections.abc import Mapping

from app.auth.local_issuer import user_id
from app.demo_chat import DemoLine, DemoRoom, read
from app.demo_ids import ulid_of
from datasources.idempotency import request
from datasources.messages import Messages
from datasources.ports import RecordStore
from domain.chat_limits import ChatLimits
from domain.messages import Message, Words, checked_emoji
from domain.room_members import RoomMember, invite, join, moderate
from domain.rooms import Room, direct_room, new_room
from domain.times import Timestamp, later
from resolvers.context import Sources

_MOST_LEARNERS = 8
_UNHURRIED = ChatLimits(
    room_changes_per_second=1e6, room_burst=1_000_000, user_changes_per_second=1e6, user_burst=1_000_000
)


async def plant_chat(store: RecordStore, sources: Sources, now: Timestamp) -> None:
    """All rooms, or what is missing of them.

    Args:
        now: when the school's history ends.
    """
    for plan in read():
        await _Planting(store, sources, plan, now).plant()


class _Planting:
    """One room and its conversation."""

    def __init__(self, store: RecordStore, sources: Sources, plan: DemoRoom, now: Timestamp) -> None:
        self._sources = sources
        self._plan = plan
        self._at = later(now, days=-plan.days_ago)
        self._messages = Messages(store, lambda: self._at, _UNHURRIED)

    async def plant(self) -> None:
        plan = self._plan
        learners = await self._learners()
        room = await self._room()
        if plan.kind != "DIRECT":
            for name in (*plan.moderators, *plan.members):
                await self._enter(room, user_id(name))
            for learner in learners.values():
                await self._enter(room, learner)
            for name in plan.moderators:
                await self._promote(room, user_id(name))
            for name in plan.invited:
                await self._invite(room, user_id(name))
        said: list[Message] = []
        for line in plan.lines:
            said.append(await self._say(room, line, said, learners))

    async def _learners(self) -> Mapping[str, str]:
        """User ids of the course's active learners, by "#1", "#2" and so on."""
        if self._plan.course is None:
            return {}
        course = await self._sources.courses.by_slug(self._plan.course)
        if course is None:
            return {}
        rows, _ = await self._sources.enrollments.list_course(course.id, "ACTIVE", None, 100)
        learners = sorted(row.user_id for row in rows)[:_MOST_LEARNERS]
        return {f"#{number}": learner for number, learner in enumerate(learners, start=1)}

    async def _room(self) -> Room:
        plan, rooms = self._plan, self._sources.rooms
        owner = user_id(plan.owner)
        if plan.kind == "DIRECT":
            pair = (owner, user_id(plan.members[0]))
            return await rooms.open_direct(direct_room(*pair, self._at), pair)
        given = {"kind": plan.kind, "name": plan.name, "topic": plan.topic}
        if plan.course is not None and (course := await self._sources.courses.by_slug(plan.course)) is not None:
            given["course_id"] = course.id
        room_id = plan.id or ulid_of(self._at, plan.name or "")
        room = new_room(given, room_id=room_id, now=self._at)
        return await rooms.get(room_id) or await rooms.create(room, owner, None, self._at)

    async def _enter(self, room: Room, member_id: str) -> None:
        def step(room: Room, before: RoomMember | None, _actor: RoomMember | None) -> RoomMember:
            return join(room, member_id, before, self._at)

        if room.kind == "PRIVATE":
            await self._invite(room, member_id)
        await self._sources.room_members.step(room.id, member_id, step, actor_id=member_id)

    async def _promote(self, room: Room, member_id: str) -> None:
        def step(room: Room, before: RoomMember | None, actor: RoomMember | None) -> RoomMember:
            if before is None or actor is None:
                raise LookupError("a member of the demo school is missing")
            return moderate(room, actor, before, {"role": "MODERATOR"}, self._at)

        await self._sources.room_members.step(room.id, member_id, step, actor_id=user_id(self._plan.owner))

    async def _invite(self, room: Room, invited_id: str) -> None:
        owner = user_id(self._plan.owner)

        def step(room: Room, before: RoomMember | None, _actor: RoomMember | None) -> RoomMember:
            return before or invite(room, invited_id, before, owner, self._at)

        await self._sources.room_members.step(room.id, invited_id, step, actor_id=owner)

    async def _say(self, room: Room, line: DemoLine, said: list[Message], learners: Mapping[str, str]) -> Message:
        self._at = later(self._at, seconds=60 * line.after)
        speaker = learners.get(line.by) or user_id(line.by)
        token = f"line-{len(said) + 1}"
        message = await self._messages.send(
            room.id,
            speaker,
            Words(line.says),
            reply_to_id=None if line.to is None else said[line.to - 1].id,
            fresh_id=token,
            request=request(speaker, f"demo {room.id}", token, {"says": line.says}),
        )
        for emoji, names in line.liked.items():
            for name in names:
                fan = learners.get(name) or user_id(name)
                await self._messages.react(message.id, checked_emoji(emoji), fan, is_set=True)
        return message
