"""How a user wants to be told: channels for each category, and the hours in which devices stay quiet."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Any, get_args
from zoneinfo import ZoneInfo

import msgspec

from domain.errors import bad_request
from domain.notifications import Category, Channel
from domain.records import Record
from domain.times import Timestamp, moment, timestamp

CHANNELS: tuple[Channel, ...] = get_args(Channel)
CATEGORIES: tuple[Category, ...] = get_args(Category)
QUIET_CHANNELS = frozenset({"PUSH", "SMS"})
"""They ring at somebody's bed; in quiet hours they wait."""

_ALWAYS: Mapping[str, tuple[Channel, ...]] = {"SECURITY": ("IN_APP", "EMAIL")}
_DEFAULTS: Mapping[Category, tuple[Channel, ...]] = {
    "SECURITY": ("IN_APP", "EMAIL"),
    "COURSE": ("IN_APP", "PUSH", "EMAIL"),
    "ASSESSMENT": ("IN_APP", "PUSH", "EMAIL"),
    "CHAT": ("IN_APP", "PUSH"),
    "COMMUNITY": ("IN_APP",),
    "MEETING": ("IN_APP", "PUSH", "EMAIL"),
    "ATTENDANCE": ("IN_APP",),
    "MENTORSHIP": ("IN_APP", "PUSH", "EMAIL"),
    "PAYMENT": ("IN_APP", "EMAIL"),
    "MEDIA": ("IN_APP",),
    "DEVICE": ("IN_APP",),
}
_LOCAL_TIME = re.compile(r"([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.[0-9]*)?)?")


class NotificationRule(Record, frozen=True):
    """Channels for one category, in the SDL's order of channels."""

    category: Category
    channels: tuple[Channel, ...]


class NotificationPreferences(Record, frozen=True):
    """A rule for every category, in the SDL's order. Both ends of the quiet hours ("22:00:00") or none."""

    user_id: str
    rules: tuple[NotificationRule, ...]
    version: int
    quiet_from: str | None = None
    quiet_to: str | None = None

    def channels(self, category: str) -> tuple[Channel, ...]:
        return next(rule.channels for rule in self.rules if rule.category == category)


class Chosen(Record, frozen=True):
    """What a user chose: categories without an entry keep their default. `changes` counts how often."""

    changes: int = 0
    channels: dict[str, tuple[Channel, ...]] = msgspec.field(default_factory=dict)
    quiet_from: str | None = None
    quiet_to: str | None = None


def preferences(user_id: str, chosen: Chosen) -> NotificationPreferences:
    """The preferences in full. What a category always uses is in its rule, whatever was chosen."""
    rules = tuple(
        NotificationRule(category, _ordered([*chosen.channels.get(category, default), *_ALWAYS.get(category, ())]))
        for category, default in _DEFAULTS.items()
    )
    return NotificationPreferences(user_id, rules, chosen.changes + 1, chosen.quiet_from, chosen.quiet_to)


def change(chosen: Chosen, given: Mapping[str, Any]) -> Chosen:
    """What is chosen after a change; categories and fields left out stay, null quiet hours are none.

    Raises:
        DomainError: BAD_REQUEST with the field: a category twice (rule UNIQUE), null rules (NULL), a time with
            an offset (LOCAL_TIME), one end of the quiet hours without the other or equal ends (PERIOD).
    """
    quiet = {
        name: _local_time(given[name], f"input.{spelling}") if name in given else getattr(chosen, name)
        for name, spelling in (("quiet_from", "quietFrom"), ("quiet_to", "quietTo"))
    }
    if (quiet["quiet_from"] is None) != (quiet["quiet_to"] is None):
        raise bad_request("input.quietTo", "PERIOD", "input.quietFrom and input.quietTo are set or cleared together.")
    if quiet["quiet_from"] is not None and quiet["quiet_from"] == quiet["quiet_to"]:
        raise bad_request("input.quietTo", "PERIOD", "Quiet hours begin and end at different times.")
    channels = {**chosen.channels, **_rules(given)}
    return Chosen(chosen.changes + 1, channels, **quiet)


def not_before(preferences: NotificationPreferences, channel: str, time_zone: str, now: Timestamp) -> Timestamp:
    """When the channel may be used: now, or the end of the quiet hours that it has to wait for.

    Args:
        time_zone: the user's IANA time zone, in which the quiet hours are told.
    """
    if channel not in QUIET_CHANNELS or preferences.quiet_from is None or preferences.quiet_to is None:
        return now
    begin, end = time.fromisoformat(preferences.quiet_from), time.fromisoformat(preferences.quiet_to)
    local = moment(now).astimezone(ZoneInfo(time_zone))
    at = local.time()
    passes_midnight = begin > end
    is_quiet = at >= begin or at < end if passes_midnight else begin <= at < end
    if not is_quiet:
        return now
    ends_on = local.date() + timedelta(days=1) if passes_midnight and at >= begin else local.date()
    ending = datetime.combine(ends_on, end, local.tzinfo).astimezone(UTC)
    return max(now, timestamp(ending))  # an hour that the clock repeats ends once


def _rules(given: Mapping[str, Any]) -> dict[str, tuple[Channel, ...]]:
    if "rules" not in given:
        return {}
    rules = given["rules"]
    if rules is None:
        raise bad_request("input.rules", "NULL", "input.rules may be left out, but not null.")
    if len({rule["category"] for rule in rules}) != len(rules):
        raise bad_request("input.rules", "UNIQUE", "input.rules has one rule for a category.")
    return {rule["category"]: _ordered(rule["channels"]) for rule in rules}


def _ordered(channels: Sequence[Channel]) -> tuple[Channel, ...]:
    return tuple(sorted(set(channels), key=CHANNELS.index))


def _local_time(value: str | None, field: str) -> str | None:
    if value is None:
        return None
    found = _LOCAL_TIME.fullmatch(value)
    if found is None:
        raise bad_request(field, "LOCAL_TIME", f"{field} is a local time without an offset, e.g. 22:00:00.")
    hour, minute, second = found.groups(default="00")
    return f"{hour}:{minute}:{second}"
