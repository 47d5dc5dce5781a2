"""Who may know a room, read it, and be told of it: the questions that every operation on chat asks first."""

from collections.abc import Iterable, Sequence

from datasources.together import both
from domain import text
from domain.errors import RETRYABLE, Code, DomainError, not_found
from domain.room_members import RoomMember, may_know, require_may_read
from domain.rooms import Room
from resolvers.access import access_to, open_among, visible_course
from resolvers.context import Context


async def known_rooms(ctx: Context, room_ids: Sequence[str], rows: Iterable[RoomMember] = ()) -> list[Room | None]:
    """In the order asked, None for those that the caller may not know: at most 100 different rooms.

    Everybody knows PUBLIC rooms, only members the others; of a course's rooms nobody knows without access to
    the course.

    Args:
        rows: of the caller, as far as this operation has read them.
    """
    members: dict[str, RoomMember | None] = {row.room_id: row for row in rows if row.user_id == ctx.caller.id}
    unique = list(dict.fromkeys(room_ids))
    unread = [room_id for room_id in unique if room_id not in members]
    found, read = await both(
        ctx.sources.rooms.get_many(unique), ctx.sources.room_members.of_user(ctx.caller.id, unread)
    )
    members.update(zip(unread, read, strict=True))
    known = [room for room in found if room is not None and may_know(room, members[room.id])]
    open_courses = await open_among(ctx, {room.course_id for room in known if room.course_id is not None})
    rooms = {room.id: room for room in known if room.course_id is None or room.course_id in open_courses}
    return [rooms.get(room_id) for room_id in room_ids]


async def room_and_member(ctx: Context, room_id: str) -> tuple[Room, RoomMember | None]:
    """A room, without the numbers of what was said there, and the caller's row in it, whatever its state.

    Raises:
        DomainError: NOT_FOUND; ENROLLMENT_REQUIRED in a course's room without access to the course.
    """
    room, member = await both(ctx.sources.rooms.place(room_id), ctx.sources.room_members.get(room_id, ctx.caller.id))
    if room is None:
        raise not_found("room")
    if room.course_id is not None:
        if not may_know(room, member) and member is None:
            raise not_found("room")
        await require_course(ctx, room.course_id, "room")
    return room, member


async def readable_room(ctx: Context, room_id: str, field: str = "roomId") -> Room:
    """A room whose messages the caller may read, as of `room_and_member`.

    Raises:
        DomainError: NOT_FOUND for one that the caller may not know; FORBIDDEN when banned; ENROLLMENT_REQUIRED.
    """
    room, member = await room_and_member(ctx, text.identifier(room_id, field))
    require_may_read(room, member)
    return room


async def may_read(ctx: Context, room_id: str) -> bool:
    try:
        await readable_room(ctx, room_id)
    except DomainError as refusal:
        if refusal.code in RETRYABLE:
            raise
        return False
    return True


async def require_course_of(ctx: Context, room_id: str) -> None:
    """Before a write that is judged with the room itself. Raises NOT_FOUND, ENROLLMENT_REQUIRED."""
    course_id = await ctx.sources.rooms.course_of(room_id, ctx.now())
    if course_id is not None:
        await require_course(ctx, course_id, "room")


async def require_course(ctx: Context, course_id: str, what: str) -> None:
    """Raises NOT_FOUND for a course that the caller may not know of, ENROLLMENT_REQUIRED with the reason."""
    course = await visible_course(ctx, course_id)
    if course is None:
        raise not_found(what)
    [access] = await access_to(ctx, [course])
    if not access.granted:
        message = "This needs access to the course."
        raise DomainError(Code.ENROLLMENT_REQUIRED, message, reason=access.reason)
