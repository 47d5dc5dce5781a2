"""Which media region is near somebody, judged by their time zone: where a call's sound and pictures meet."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

_PLACES: Mapping[str, tuple[str, float]] = {
    "af-south-1": ("Africa", 2),
    "ap-northeast-1": ("Asia", 9),
    "ap-northeast-2": ("Asia", 8.5),
    "ap-south-1": ("Asia", 5),
    "ap-southeast-1": ("Asia", 7),
    "ap-southeast-2": ("Australia", 10),
    "ca-central-1": ("America", -5),
    "eu-central-1": ("Europe", 0.6),
    "eu-north-1": ("Europe", 1.2),
    "eu-south-1": ("Europe", 0.6),
    "eu-west-1": ("Europe", -0.4),
    "eu-west-2": ("Europe", 0),
    "eu-west-3": ("Europe", 0.2),
    "sa-east-1": ("America", -3.1),
    "us-east-1": ("America", -5.2),
    "us-east-2": ("America", -5.5),
    "us-west-1": ("America", -8.1),
    "us-west-2": ("America", -8),
}
"""Chime's media regions: the area of their time zone, and hours of longitude east of Greenwich."""
_A_DAY = 24
_OTHER_AREA = 6
"""Hours that another continent counts as, for it lies behind an ocean or a desert."""
_WINTER = datetime(2026, 1, 15, tzinfo=UTC)
_AREAS = {"Pacific": "Australia", "Indian": "Asia", "Atlantic": "Europe", "Arctic": "Europe"}


def nearest(time_zone: str, regions: Sequence[str]) -> str:
    """The best of at least one region; the first of them for a time zone that says no place, such as UTC.

    Args:
        time_zone: a name that `zoneinfo` knows, e.g. "Europe/Berlin".
    """
    area, is_place, _ = time_zone.partition("/")
    offset = ZoneInfo(time_zone).utcoffset(_WINTER)
    if not is_place or area == "Etc" or offset is None:
        return regions[0]
    here = _AREAS.get(area, area), offset.total_seconds() / 3600
    return min(regions, key=lambda region: _distance(here, _PLACES.get(region)))


def _distance(here: tuple[str, float], there: tuple[str, float] | None) -> float:
    """In hours of longitude; the farthest for a region that we do not know."""
    if there is None:
        return _A_DAY
    apart = abs(here[1] - there[1])
    return min(apart, _A_DAY - apart) + (_OTHER_AREA if here[0] != there[0] else 0)
