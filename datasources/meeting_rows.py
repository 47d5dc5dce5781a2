"""Items of the tables Meetings and MeetingAttendees, with the attributes that their indexes need.

Beside a meeting's roster stand the sightings in its calls and the ends of its Chime meetings; both are forgotten
when nothing can come any more that they would explain.
"""

from typing import Any

import msgspec

from datasources.conditions import all_of, any_of, equals, greater, not_exists
from datasources.ports import Attributes, Change, Check, Item, Put
from datasources.shards import shard
from datasources.tables import MEETING_ATTENDEES, MEETINGS
from datasources.updates import Add, Set, Update, difference
from domain.meeting_attendees import MeetingAttendee
from domain.meeting_presence import Sighting
from domain.meetings import Meeting
from domain.records import to_item
from domain.times import Timestamp, epoch_seconds

DUE_SHARDS = 4
ROSTER_BEGINS = "$"
"""Sorts behind all other rows of a meeting, and before every user of whom `may_meet` is true."""
_EVENT = "#EVENT#"
_ENDED = "#ENDED#"
_KEPT_SECONDS = 3 * 24 * 3600
"""Of sightings: two days in which a meeting may go on with new Chime meetings, and one for events that come late."""
_COUNTED = ("attendeeCount", "invitedCount")


def meeting_key(meeting_id: str) -> dict[str, str]:
    return {"meetingId": meeting_id}


def attendee_key(meeting_id: str, user_id: str) -> dict[str, str]:
    return {"meetingId": meeting_id, "userId": user_id}


def planned_partition(day: str, number: int) -> str:
    """Of DueIndex, with the meetings planned for a day, YYYY-MM-DD, by their start."""
    return f"PLANNED#{day}#{number}"


def live_partition(number: int) -> str:
    """Of DueIndex, with the meetings that go on, by when to look after them."""
    return f"LIVE#{number}"


def meeting_of(item: Attributes) -> Meeting:
    return msgspec.convert({**item, "id": item["meetingId"]}, Meeting)


def new_meeting_row(meeting: Meeting) -> Put:
    return Put(MEETINGS, {**meeting_key(meeting.id), **_attributes(meeting)}, not_exists("meetingId"))


def meeting_step(before: Meeting, after: Meeting) -> Change:
    """The write of one step. Fails when the meeting is another by now; the counts of its roster may have moved."""
    updates = difference(_uncounted(_attributes(before)), _uncounted(_attributes(after)))
    return Change(MEETINGS, meeting_key(before.id), updates, equals("version", before.version))


def looked_after(meeting: Meeting, until: Timestamp) -> Change:
    """Look after it again at `until`. Fails when somebody else just did, or the meeting does not go on."""
    updates = [Set("checkAt", until), Set("dueAt", until)]
    as_read = all_of(equals("status", "LIVE"), equals("checkAt", meeting.check_at))
    return Change(MEETINGS, meeting_key(meeting.id), updates, as_read)


def unchanged_meeting(meeting: Meeting) -> Check:
    return Check(MEETINGS, meeting_key(meeting.id), equals("version", meeting.version))


def attendee_of(item: Attributes) -> MeetingAttendee:
    return msgspec.convert(item, MeetingAttendee)


def attendee_step(before: MeetingAttendee | None, after: MeetingAttendee) -> Put:
    """The write of one step. Fails when the row is another by now."""
    unchanged = not_exists("userId") if before is None else equals("version", before.version)
    return Put(MEETING_ATTENDEES, to_item(after), unchanged)


def still_joined(row: MeetingAttendee) -> Check:
    """That the user is in the meeting."""
    return Check(MEETING_ATTENDEES, attendee_key(row.meeting_id, row.user_id), equals("status", "JOINED"))


def seats_taken(before: MeetingAttendee | None, after: MeetingAttendee) -> list[Update]:
    """What a step of the roster changes in its meeting's count."""
    more = after.is_joined - (before is not None and before.is_joined)
    return [Add("attendeeCount", more)] if more else []


def is_roster_row(key: Attributes) -> bool:
    return not str(key["userId"]).startswith("#")


def sightings_prefix(user_id: str) -> str:
    return f"{_EVENT}{user_id}#"


def new_sighting(meeting_id: str, user_id: str, sighting: Sighting) -> Put:
    """Fails when the same was seen before."""
    name = f"{sightings_prefix(user_id)}{sighting.at}#{sighting.kind}#{sighting.attendee_id}"
    item = {**attendee_key(meeting_id, name), **to_item(sighting), "ttl": epoch_seconds(sighting.at) + _KEPT_SECONDS}
    return Put(MEETING_ATTENDEES, item, not_exists("userId"))


def sighting_of(item: Attributes) -> Sighting:
    return msgspec.convert(item, Sighting)


def session_ends_prefix() -> str:
    return _ENDED


def session_end(meeting_id: str, session_id: str, at: Timestamp) -> Change:
    """That a Chime meeting is over since `at`. Fails when an earlier end is known already."""
    updates = [Set("at", at), Set("ttl", epoch_seconds(at) + _KEPT_SECONDS)]
    key = attendee_key(meeting_id, f"{_ENDED}{session_id}")
    return Change(MEETING_ATTENDEES, key, updates, any_of(not_exists("at"), greater("at", at)))


def session_goes_on(meeting_id: str, session_id: str) -> Check:
    """Holds while the end of a Chime meeting is not known."""
    return Check(MEETING_ATTENDEES, attendee_key(meeting_id, f"{_ENDED}{session_id}"), not_exists("at"))


def ended_session(key: Attributes) -> str | None:
    """The Chime meeting whose end a row tells; None for a row of another kind."""
    name = str(key["userId"])
    return name.removeprefix(_ENDED) if name.startswith(_ENDED) else None


def _attributes(meeting: Meeting) -> Item:
    """The item without its key."""
    item: dict[str, Any] = to_item(meeting)
    del item["id"]
    number = shard(meeting.id, DUE_SHARDS)
    if meeting.status == "SCHEDULED":
        item |= {"dueShard": planned_partition(meeting.starts_at[:10], number), "dueAt": meeting.starts_at}
    elif meeting.is_live and meeting.check_at is not None:
        item |= {"dueShard": live_partition(number), "dueAt": meeting.check_at}
    return item


def _uncounted(item: Item) -> Item:
    return {name: value for name, value in item.items() if name not in _COUNTED}
