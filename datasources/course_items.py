"""Items of table Courses: all of one course in its partition, and the slugs in partitions of their own."""

import zlib
from typing import Any

import msgspec

from datasources.ports import Item
from domain.courses import Course, folded
from domain.lessons import Lesson, Module, course_id_of
from domain.records import to_item
from domain.times import Timestamp

META = "META"
SEATS = "SEATS"
COUNTS = "COUNTS"
ORDER = "ORDER"
MENTOR = "MENTOR#"
MODULE = "MODULE#"
LESSON = "LESSON#"
BODY = "BODY#"
RESOURCE = "RES#"
ANNOUNCEMENT = "ANNOUNCEMENT#"
ANNOUNCED = "ANNOUNCED"
SLUG = "SLUG"

CATALOG_SHARDS = tuple(f"PUBLISHED#{number}" for number in range(4))
"""Partitions of CatalogIndex; only published courses are in one."""


def key(course_id: str, sk: str) -> dict[str, Any]:
    return {"courseId": course_id, "sk": sk}


def module_key(module_id: str) -> dict[str, Any]:
    return key(course_id_of(module_id), MODULE + module_id)


def lesson_key(lesson_id: str) -> dict[str, Any]:
    return key(course_id_of(lesson_id), LESSON + lesson_id)


def body_key(lesson_id: str) -> dict[str, Any]:
    return key(course_id_of(lesson_id), BODY + lesson_id)


def resource_key(lesson_id: str, resource_id: str) -> dict[str, Any]:
    return key(course_id_of(lesson_id), f"{RESOURCE}{lesson_id}#{resource_id}")


def announcement_key(announcement_id: str) -> dict[str, Any]:
    return key(course_id_of(announcement_id), ANNOUNCEMENT + announcement_id)


def slug_key(slug: str) -> dict[str, Any]:
    return key(f"SLUG#{slug}", SLUG)


def mentor_key(course_id: str, user_id: str) -> dict[str, Any]:
    return key(course_id, MENTOR + user_id)


def mentor_item(course_id: str, user_id: str, now: Timestamp) -> Item:
    """`updatedAt` sorts the courses that a user teaches, and is when they began to.

    It does not follow the course's changes: a list whose order moved would lose rows between its pages.
    """
    return {**mentor_key(course_id, user_id), "teacherId": user_id, "updatedAt": now}


def catalog_shard(course_id: str) -> str:
    return CATALOG_SHARDS[zlib.crc32(course_id.encode()) % len(CATALOG_SHARDS)]


def course_attributes(course: Course) -> Item:
    """The attributes of META that follow from the record, with the texts that filters compare."""
    return {
        **to_item(course),
        "categoryKey": folded(course.category),
        "languageKey": folded(course.language),
        "tagKeys": [folded(tag) for tag in course.tags],
    }


def course_of(item: Item) -> Course:
    return msgspec.convert(item, Course)


def module_of(item: Item) -> Module:
    return msgspec.convert(item, Module)


def lesson_attributes(lesson: Lesson) -> Item:
    """Without the body, which has an item of its own so that an outline reads no texts."""
    attributes = to_item(lesson)
    attributes.pop("body", None)
    return attributes


def lesson_of(item: Item) -> Lesson:
    return msgspec.convert(item, Lesson)
