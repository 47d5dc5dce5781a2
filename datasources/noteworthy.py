"""What in the change feeds is worth telling somebody: one function a source, from changes to drafts.

A new source is one more such function, its words in domain/notification_texts.py, and its feed step. Messages
and meetings have files of their own, noteworthy_messages.py and noteworthy_meetings.py.
"""

from collections.abc import Awaitable, Callable, Sequence

from datasources.batches import get_each
from datasources.course_items import META
from datasources.course_items import key as course_key
from datasources.enrollment_rows import of as enrollment_of
from datasources.ports import FeedEvent, Item, RecordStore
from datasources.room_rows import member_of, room_key
from datasources.tables import COURSES, ROOMS
from domain import notification_texts
from domain.notifications import Draft

Noteworthy = Callable[[RecordStore, Sequence[FeedEvent]], Awaitable[list[Draft]]]
"""Gives the same drafts whenever it is asked about the same changes, as far as what they are about still exists."""


async def in_enrollments(store: RecordStore, events: Sequence[FeedEvent]) -> list[Draft]:
    """Feed of Enrollments: places given and taken by others than their user."""
    changed = [enrollment_of(event.new) for event in events if event.new is not None]
    told = [row for row in changed if notification_texts.is_told(row)]
    courses = await get_each(store, COURSES, [course_key(row.course_id, META) for row in told])
    return [
        notification_texts.of_enrollment(row, course["title"])
        for row, course in zip(told, courses, strict=True)
        if course is not None
    ]


async def in_audit(store: RecordStore, events: Sequence[FeedEvent]) -> list[Draft]:
    """Feed of AuditEvents: what staff did to accounts."""
    drafts = [notification_texts.of_audit_event(event.new) for event in events if event.new is not None]
    return [draft for draft in drafts if draft is not None]


async def in_room_members(store: RecordStore, events: Sequence[FeedEvent]) -> list[Draft]:
    """Feed of RoomMembers: invitations."""
    invited = [
        member_of(event.new)
        for event in events
        if event.new is not None and _status(event.new) == "INVITED" and _status(event.old) != "INVITED"
    ]
    rooms = await get_each(store, ROOMS, [room_key(member.room_id) for member in invited])
    return [
        notification_texts.of_invitation(member, room.get("name"))
        for member, room in zip(invited, rooms, strict=True)
        if room is not None
    ]


def _status(item: Item | None) -> str | None:
    return None if item is None else item["status"]
