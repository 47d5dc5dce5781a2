"""Items of the tables Attendance and AttendanceChanges, with the attributes that their indexes need.

Beside the records of a meeting, by user, stand its policy, its challenge, and how often a user has tried what.
"""

from typing import Any

import msgspec

from datasources.conditions import (
    Condition,
    all_of,
    any_of,
    at_most,
    contains,
    equals,
    exists,
    greater,
    less,
    not_exists,
)
from datasources.ports import Attributes, Change, Check, Delete, Item, Put, Write
from datasources.shards import shard
from datasources.tables import ATTENDANCE, ATTENDANCE_CHANGES
from datasources.updates import Add, Remove, Set, SetIfMissing
from domain.attendance import AttendanceChange, AttendanceRecord, change_of
from domain.attendance_challenge import TRIES, AttendanceChallenge, SecretChallenge
from domain.attendance_policy import AttendancePolicy, default_policy
from domain.attendance_settling import Settling, first_work
from domain.meetings import Meeting
from domain.records import to_item
from domain.times import Timestamp, epoch_seconds, later

DUE_SHARDS = 4
RECORDS_BEGIN = "$"
"""Sorts behind a meeting's other rows, and before every user."""
_POLICY = "#POLICY"
_CHALLENGE = "#CHALLENGE"
_WORK = "#WORK"
_KEPT_SECONDS = 24 * 3600


def attendance_key(meeting_id: str, user_id: str) -> dict[str, str]:
    return {"meetingId": meeting_id, "userId": user_id}


def policy_key(meeting_id: str) -> dict[str, str]:
    return attendance_key(meeting_id, _POLICY)


def challenge_key(meeting_id: str) -> dict[str, str]:
    return attendance_key(meeting_id, _CHALLENGE)


def policy_of(item: Attributes) -> AttendancePolicy:
    return msgspec.convert(item, AttendancePolicy)


def new_policy(policy: AttendancePolicy) -> Put:
    """Fails when the meeting has one already."""
    return Put(ATTENDANCE, _policy_item(policy), not_exists("meetingId"))


def policy_step(before: AttendancePolicy, after: AttendancePolicy) -> Put:
    """Fails when the policy is another by now."""
    return Put(ATTENDANCE, _policy_item(after), equals("version", before.version))


def creation(meeting: Meeting) -> list[Write]:
    """Written with a new meeting. A breakout has no attendance of its own: its people are in the parent."""
    if meeting.parent_meeting_id is not None:
        return []
    policy = default_policy(meeting)
    return [new_policy(policy), new_work(policy)]


def open_for(policy: AttendancePolicy, method: str, now: Timestamp) -> Check:
    """That the method marks now, and that the records count as they did when the policy was read."""
    in_time = all_of(at_most("opensAt", now), greater("closesAt", now), contains("methods", method))
    return Check(ATTENDANCE, policy_key(policy.meeting_id), all_of(in_time, _counts_as(policy)))


def counted_as(policy: AttendancePolicy) -> Check:
    """That the records count as they did when the policy was read."""
    return Check(ATTENDANCE, policy_key(policy.meeting_id), _counts_as(policy))


def begun_to_count(meeting_id: str, now: Timestamp) -> Change:
    """Whatever is written of the meeting from now on counts in its course's summaries. Fails when it is so already."""
    return Change(ATTENDANCE, policy_key(meeting_id), [Set("countedAt", now)], not_exists("countedAt"))


def work_key(meeting_id: str) -> dict[str, str]:
    return attendance_key(meeting_id, _WORK)


def work_of(item: Attributes) -> Settling:
    return msgspec.convert(item, Settling)


def new_work(policy: AttendancePolicy) -> Put:
    """What workers do from the opening of the window on; replaces what was planned before."""
    return Put(ATTENDANCE, _work_item(first_work(policy)))


def work_step(before: Settling, after: Settling) -> Put:
    """Fails when the work is another by now."""
    return Put(ATTENDANCE, _work_item(after), _is_still(before))


def work_done(work: Settling) -> Delete:
    """As `work_step`."""
    return Delete(ATTENDANCE, work_key(work.meeting_id), _is_still(work))


def due_partition(number: int) -> str:
    return f"DUE#{number}"


def record_of(item: Attributes) -> AttendanceRecord:
    return msgspec.convert(item, AttendanceRecord)


def record_step(policy: AttendancePolicy, before: AttendanceRecord | None, after: AttendanceRecord) -> Put:
    """The write of one step. Fails when the record is another by now."""
    unchanged = not_exists("userId") if before is None else equals("version", before.version)
    item: dict[str, Any] = {**to_item(after), "startsMeeting": f"{after.starts_at}#{after.meeting_id}"}
    if policy.counted_at is not None:
        item["isCounted"] = True
    return Put(ATTENDANCE, item, unchanged)


def counted(record: AttendanceRecord) -> Change:
    """The record counts in its course's summaries from now on. Fails when it is another by now."""
    key = attendance_key(record.meeting_id, record.user_id)
    return Change(ATTENDANCE, key, [Set("isCounted", True)], equals("version", record.version))


def is_counted(item: Attributes) -> bool:
    return bool(item.get("isCounted"))


def is_record_row(key: Attributes) -> bool:
    return not str(key["userId"]).startswith("#")


def new_change(record: AttendanceRecord, now: Timestamp) -> Put:
    """The entry of the record's history. Fails when there is one of that version."""
    change = change_of(record, now)
    key = {"meetingUser": changes_partition(record.meeting_id, record.user_id), "sk": f"{change.version:010d}"}
    return Put(ATTENDANCE_CHANGES, {**to_item(change), **key}, not_exists("sk"))


def changes_partition(meeting_id: str, user_id: str) -> str:
    return f"{meeting_id}#{user_id}"


def change_record_of(item: Attributes) -> AttendanceChange:
    return msgspec.convert(item, AttendanceChange)


def challenge_of(item: Attributes) -> SecretChallenge:
    return SecretChallenge(msgspec.convert(item, AttendanceChallenge), item["secret"])


def new_challenge_row(new: SecretChallenge, now: Timestamp) -> Put:
    """Fails while another one is open."""
    challenge = new.challenge
    item = {
        **to_item(challenge),
        **challenge_key(challenge.meeting_id),
        "secret": new.secret,
        "ttl": epoch_seconds(challenge.closes_at) + _KEPT_SECONDS,
    }
    return Put(ATTENDANCE, item, any_of(not_exists("meetingId"), at_most("closesAt", now)))


def still_open(challenge: AttendanceChallenge, now: Timestamp) -> Check:
    same = all_of(equals("id", challenge.id), greater("closesAt", now))
    return Check(ATTENDANCE, challenge_key(challenge.meeting_id), same)


def one_try(meeting_id: str, what: str, user_id: str, name: str, now: Timestamp) -> Change:
    """One more try of the user at `what`. Fails when one of that name was counted before, and at the 6th."""
    key = attendance_key(meeting_id, f"#TRIES#{what}#{user_id}")
    ttl = epoch_seconds(later(now, seconds=_KEPT_SECONDS))
    is_new = all_of(not_exists(f"try_{name}"), any_of(not_exists("tries"), less("tries", TRIES)))
    return Change(ATTENDANCE, key, [Add("tries", 1), Set(f"try_{name}", True), SetIfMissing("ttl", ttl)], is_new)


def no_try(counted_try: Change, name: str) -> Change:
    """Takes a counted try back. Fails when it is not counted any more."""
    return Change(ATTENDANCE, counted_try.key, [Add("tries", -1), Remove(f"try_{name}")], exists(f"try_{name}"))


def was_tried(item: Item | None, name: str) -> bool:
    return item is not None and f"try_{name}" in item


def _policy_item(policy: AttendancePolicy) -> Item:
    return {**to_item(policy), **policy_key(policy.meeting_id)}


def _is_still(work: Settling) -> Condition:
    return all_of(equals("step", work.step), equals("dueAt", work.due_at))


def _work_item(work: Settling) -> Item:
    number = shard(work.meeting_id, DUE_SHARDS)
    return {**to_item(work), **work_key(work.meeting_id), "dueShard": due_partition(number)}


def _counts_as(policy: AttendancePolicy) -> Condition:
    return not_exists("countedAt") if policy.counted_at is None else exists("countedAt")
