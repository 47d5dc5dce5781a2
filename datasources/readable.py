"""Reads of many items: one that cannot be read is told to the log and counts as absent, the others are shown."""

import logging
from collections.abc import Callable, Iterable
from typing import TypeVar

import msgspec

from datasources.ports import Item

T = TypeVar("T")

_log = logging.getLogger(__name__)


def readable(items: Iterable[Item | None], convert: Callable[[Item], T]) -> list[T]:
    """The records of those items that are there and whole, in order."""
    records = (record_or_none(item, convert) for item in items)
    return [record for record in records if record is not None]


def record_or_none(item: Item | None, convert: Callable[[Item], T]) -> T | None:
    """The record of one item among many; None when there is none, or none that can be read.

    Args:
        convert: raises msgspec.ValidationError or KeyError for what is no such item.
    """
    if item is None:
        return None
    try:
        return convert(item)
    except (msgspec.ValidationError, KeyError) as error:
        _log.error("a stored item is no record: %s", _names(item), exc_info=error)
        return None


def _names(item: Item) -> dict[str, str]:
    """What leads to the item: its ids and sort key, and nothing of its content."""
    return {name: str(item[name]) for name in ("id", "userId", "courseId", "sk") if name in item}
