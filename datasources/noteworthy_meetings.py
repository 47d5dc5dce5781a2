"""What happens to meetings, to those who are invited: that they are, that it begins, moves or is canceled.

Breakouts tell nobody: who is put into one is in the call.
"""

from collections.abc import Mapping, Sequence

from datasources.batches import get_each
from datasources.meeting_rosters import Rosters
from datasources.meeting_rows import attendee_of, is_roster_row, meeting_key, meeting_of
from datasources.ports import FeedEvent, Item, RecordStore
from datasources.tables import MEETINGS
from domain import notification_texts
from domain.notification_texts import MeetingNews
from domain.notifications import Draft

_INVITABLE = (None, "REMOVED")
"""What somebody was before an invitation that is news."""
_CONCERNED = ("INVITED", "LEFT")
_NEWS: Mapping[str, MeetingNews] = {"LIVE": "BEGUN", "CANCELED": "CANCELED"}


async def in_rosters(store: RecordStore, events: Sequence[FeedEvent]) -> list[Draft]:
    """Feed of MeetingAttendees: invitations."""
    invited = [
        attendee_of(event.new)
        for event in events
        if event.new is not None and is_roster_row(event.key) and _is_invitation(event.old, event.new)
    ]
    meetings = await get_each(store, MEETINGS, [meeting_key(row.meeting_id) for row in invited])
    drafts: list[Draft] = []
    for row, item in zip(invited, meetings, strict=True):
        meeting = None if item is None else meeting_of(item)
        if meeting is not None and meeting.parent_meeting_id is None and not meeting.is_over:
            drafts.append(notification_texts.of_meeting_invitation(row, meeting))
    return drafts


async def in_meetings(store: RecordStore, events: Sequence[FeedEvent]) -> list[Draft]:
    """Feed of Meetings: what their hosts decided, for the others who are invited and not there already."""
    news = [(event.new, what) for event in events if event.new is not None and (what := _news(event.old, event.new))]
    meetings = await get_each(store, MEETINGS, [meeting_key(new["meetingId"]) for new, _ in news])
    drafts: list[Draft] = []
    for (new, what), item in zip(news, meetings, strict=True):
        if item is None or "parentMeetingId" in item:
            continue
        meeting = meeting_of(item)
        drafts += [
            notification_texts.of_meeting(meeting, what, new["version"], row.user_id)
            async for row in Rosters(store).walk(meeting.id)
            if row.user_id != meeting.host_id and row.status in _CONCERNED
        ]
    return drafts


def _news(old: Item | None, new: Item) -> MeetingNews | None:
    """What a step of a meeting is to those invited."""
    if old is None or old["status"] != "SCHEDULED":
        return None
    if new["status"] == "SCHEDULED":
        return "MOVED" if any(old[name] != new[name] for name in ("startsAt", "endsAt")) else None
    return _NEWS.get(new["status"])


def _is_invitation(old: Item | None, new: Item) -> bool:
    before = None if old is None else old["status"]
    return new["status"] == "INVITED" and new["role"] != "HOST" and before in _INVITABLE
