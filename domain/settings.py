"""Personal settings: what they are before anybody chose, and what may be chosen."""

from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

from domain import text
from domain.errors import bad_request
from domain.fields import Rule, as_given, check_given
from domain.times import Timestamp
from domain.users import UserSettings

DEFAULT_TIME_ZONE = "UTC"
SLOWEST, FASTEST = 0.5, 2.0


def default_settings(user_id: str, since: Timestamp) -> UserSettings:
    """The settings of a user who never changed any; `since` is when the account was made."""
    return UserSettings(
        user_id=user_id,
        locale="en",
        time_zone=DEFAULT_TIME_ZONE,
        captions_enabled=False,
        playback_speed=1.0,
        read_receipts_enabled=True,
        presence_visible=True,
        updated_at=since,
        version=1,
    )


def checked_settings(given: Mapping[str, Any]) -> dict[str, Any]:
    """Settings changes as they are stored. Raises BAD_REQUEST."""
    return check_given(_RULES, {}, given)


def _time_zone(value: str, field: str) -> str:
    if value not in _time_zones():
        raise bad_request(field, "TIME_ZONE", f"{field} is an IANA time zone, e.g. Europe/Paris.")
    return value


def _playback_speed(value: float, field: str) -> float:
    if not SLOWEST <= value <= FASTEST:
        raise bad_request(field, "RANGE", f"{field} is {SLOWEST} to {FASTEST}.")
    return value


@cache
def _time_zones() -> frozenset[str]:
    """Of the tz database that is installed with us, so that every host knows the same."""
    return frozenset((resources.files("tzdata") / "zones").read_text(encoding="ascii").split())


_RULES: Mapping[str, Rule] = {
    "locale": text.language_tag,
    "time_zone": _time_zone,
    "captions_enabled": as_given,
    "playback_speed": _playback_speed,
    "read_receipts_enabled": as_given,
    "presence_visible": as_given,
}
