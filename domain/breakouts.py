"""Breakouts: what a host may ask for, and the meetings that they are."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from domain import text
from domain.errors import bad_request
from domain.meetings import EARLY_SECONDS, MOST_ATTENDEES, Meeting
from domain.times import Timestamp, later

FEWEST, MOST = 2, 20
_FIELD = "input.groups"


class Group(msgspec.Struct, frozen=True):
    """Who goes into one breakout; the host is in each."""

    title: str
    user_ids: tuple[str, ...]


def checked_groups(groups: Sequence[Mapping[str, Any]], host_id: str) -> list[Group]:
    """Of a `CreateBreakoutsInput`: 2 to 20 groups, each user in one. Raises BAD_REQUEST."""
    if not FEWEST <= len(groups) <= MOST:
        raise bad_request(_FIELD, "COUNT", f"{_FIELD} has {FEWEST} to {MOST} groups.")
    checked = [_checked(group, host_id) for group in groups]
    everybody = [user_id for group in checked for user_id in group.user_ids]
    if len(everybody) > MOST_ATTENDEES:
        raise bad_request(f"{_FIELD}.userIds", "COUNT", f"{_FIELD} names at most {MOST_ATTENDEES} users.")
    if len(set(everybody)) < len(everybody):
        raise bad_request(f"{_FIELD}.userIds", "TWICE", f"{_FIELD} names each user once.")
    return checked


def new_breakout(parent: Meeting, title: str, *, meeting_id: str, now: Timestamp) -> Meeting:
    """A part of a LIVE meeting, for those who are put into it; it is opened right after.

    It belongs to no course: the course's members are in the parent, and each of them in one breakout at most.
    """
    return Meeting(
        id=meeting_id,
        title=title,
        host_id=parent.host_id,
        status="SCHEDULED",
        starts_at=now,
        ends_at=max(parent.ends_at, later(now, seconds=EARLY_SECONDS)),
        max_attendees=parent.max_attendees,
        created_at=now,
        version=1,
        parent_meeting_id=parent.id,
    )


def _checked(group: Mapping[str, Any], host_id: str) -> Group:
    user_ids = [text.identifier(user_id, f"{_FIELD}.userIds") for user_id in group["user_ids"]]
    return Group(
        title=text.clean(group["title"], f"{_FIELD}.title", longest=text.NAME),
        user_ids=tuple(user_id for user_id in user_ids if user_id != host_id),
    )
