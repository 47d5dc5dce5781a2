"""Courses: the unit of enrollment."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import msgspec

from domain import text
from domain.errors import bad_request
from domain.fields import Rule, as_given, check_given, whole_number
from domain.money import Money, price
from domain.publishing import require_step
from domain.records import Record
from domain.times import Timestamp

MAX_MENTORS = 50
MAX_CAPACITY = 1_000_000
MAX_ACCESS_DAYS = 3_650
COMPLETION_PERCENT = 100.0
"""Of the lessons, where a course says nothing else."""


class Course(Record, frozen=True):
    """A course's META item. Seats and counts live on items of their own."""

    id: str
    slug: str
    title: str
    level: str
    language: str
    category: str
    tags: tuple[str, ...]
    state: str
    access_model: str
    completion_percent: float
    owner_id: str
    lesson_count: int
    """Published lessons."""
    duration_seconds: int
    """Of the published lessons."""
    created_at: Timestamp
    updated_at: Timestamp
    version: int
    summary: str | None = None
    description: str | None = None
    cover_media_id: str | None = None
    cover_key: str | None = None
    """Where the picture is in the store of files."""
    price: Money | None = None
    capacity: int | None = None
    starts_at: Timestamp | None = None
    ends_at: Timestamp | None = None
    access_days: int | None = None
    published_at: Timestamp | None = None


class CourseFilter(msgspec.Struct, frozen=True):
    """What a catalog list is narrowed to; None: no matter. Case counts in none of the texts."""

    category: str | None = None
    tag: str | None = None
    level: str | None = None
    language: str | None = None
    access_model: str | None = None
    owner_id: str | None = None

    def admits(self, course: Course) -> bool:
        return (
            self.category in (None, folded(course.category))
            and (self.tag is None or self.tag in map(folded, course.tags))
            and self.language in (None, folded(course.language))
            and self.level in (None, course.level)
            and self.access_model in (None, course.access_model)
            and self.owner_id in (None, course.owner_id)
        )


def folded(label: str) -> str:
    """A category, tag or language as it is compared."""
    return label.casefold()


def course_filter(given: Mapping[str, Any] | None) -> CourseFilter:
    """A `CourseFilterInput`; null stands for a condition left out. Raises BAD_REQUEST."""
    conditions = {name: value for name, value in (given or {}).items() if value is not None}
    for name, longest in (("category", text.NAME), ("tag", text.TAG), ("language", text.NAME)):
        if name in conditions:
            conditions[name] = folded(text.clean(conditions[name], f"filter.{name}", longest=longest))
    if "owner_id" in conditions:
        conditions["owner_id"] = text.identifier(conditions["owner_id"], "filter.ownerId")
    return CourseFilter(**conditions)


def new_course(given: Mapping[str, Any], *, course_id: str, owner_id: str, now: Timestamp) -> Course:
    """A DRAFT of a `CreateCourseInput`, with the cover's key beside its media. Raises BAD_REQUEST."""
    defaults: dict[str, Any] = {"tags": (), "completion_percent": COMPLETION_PERCENT}
    return _consistent(
        Course(
            id=course_id,
            owner_id=owner_id,
            state="DRAFT",
            lesson_count=0,
            duration_seconds=0,
            created_at=now,
            updated_at=now,
            version=1,
            **{**defaults, **check_given(_RULES, _CLEARED, given)},
        )
    )


def changed_course(course: Course, given: Mapping[str, Any], now: Timestamp) -> Course:
    """The course after an `UpdateCourseInput`, one version on; the cover as in `new_course`. Raises BAD_REQUEST."""
    changes = check_given(_RULES, _CLEARED, given)
    return _consistent(msgspec.structs.replace(course, **changes, updated_at=now, version=course.version + 1))


def course_in_state(course: Course, state: str, now: Timestamp) -> Course:
    """The course one step on in its life cycle; `published_at` is the first time. Raises INVALID_STATE."""
    require_step(course.state, state)
    published_at = course.published_at or (now if state == "PUBLISHED" else None)
    return msgspec.structs.replace(
        course, state=state, published_at=published_at, updated_at=now, version=course.version + 1
    )


def _consistent(course: Course) -> Course:
    """The course, when its fields agree with each other."""
    if (course.access_model == "PAID") != (course.price is not None):
        rule = "PRICE_NEEDED" if course.price is None else "PRICE_NOT_ALLOWED"
        raise bad_request("input.price", rule, "A course has a price if it is PAID, and only then.")
    if course.starts_at is not None and course.ends_at is not None and course.starts_at >= course.ends_at:
        raise bad_request("input.endsAt", "ORDER", "input.endsAt lies behind input.startsAt.")
    return course


def _tags(values: list[str], field: str) -> tuple[str, ...]:
    return tuple(text.tags(values, field))


def _completion_percent(value: float, field: str) -> float:
    if not 0 < value <= 100:
        raise bad_request(field, "RANGE", f"{field} is above 0 and at most 100.")
    return float(value)


_RULES: Mapping[str, Rule] = {
    "slug": text.slug,
    "title": partial(text.clean, longest=text.NAME),
    "summary": partial(text.clean_or_none, longest=text.SUMMARY),
    "description": partial(text.clean_or_none, longest=text.BODY),
    "cover_media_id": text.identifier,
    "cover_key": as_given,
    "level": as_given,
    "language": text.language_tag,
    "category": partial(text.clean, longest=text.NAME),
    "tags": _tags,
    "access_model": as_given,
    "price": price,
    "capacity": whole_number(1, MAX_CAPACITY),
    "starts_at": as_given,
    "ends_at": as_given,
    "access_days": whole_number(1, MAX_ACCESS_DAYS),
    "completion_percent": _completion_percent,
}
_CLEARED: Mapping[str, Any] = {
    "summary": None,
    "cover_media_id": None,
    "cover_key": None,
    "description": None,
    "tags": (),
    "price": None,
    "capacity": None,
    "starts_at": None,
    "ends_at": None,
    "access_days": None,
    "completion_percent": COMPLETION_PERCENT,
}
