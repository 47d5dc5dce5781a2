"""Modules, lessons and their resources. Ids hold their parents': `<courseId>.<ulid>`, `<lessonId>.<ulid>`."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import msgspec

from domain import text
from domain.errors import bad_request
from domain.fields import Rule, as_given, check_given, input_field, whole_number
from domain.publishing import require_step
from domain.records import Record
from domain.times import Timestamp
from domain.uploads import MediaKind

MAX_MODULES = 200
MAX_LESSONS = 1_000
MAX_RESOURCES = 50
MAX_DURATION_SECONDS = 86_400
MAX_URL = 2_000

ACTIVITIES = frozenset({"QUIZ", "ASSIGNMENT", "MEETING"})
"""Kinds that point to an activity; the others have a length of their own instead."""
PLAYED: Mapping[str, tuple[MediaKind, ...]] = {"VIDEO": ("VIDEO", "RECORDING"), "AUDIO": ("AUDIO", "RECORDING")}
"""Kinds that play a media, and of which kinds it may be."""


class Module(Record, frozen=True):
    id: str
    course_id: str
    title: str
    rank: str
    version: int
    summary: str | None = None
    lesson_count: int = 0
    """All lessons, drafts too; guards deleteModule."""


class Lesson(Record, frozen=True):
    """`body`, `media_id` and `activity_id` are content: only resolvers that checked access may show them."""

    id: str
    course_id: str
    module_id: str
    title: str
    kind: str
    rank: str
    state: str
    is_preview: bool
    duration_seconds: int
    version: int
    release_at: Timestamp | None = None
    activity_id: str | None = None
    media_id: str | None = None
    has_body: bool = False
    body: str | None = None
    """Kept apart from the outline: None with `has_body` where it was not read."""
    resource_count: int = 0

    def is_open(self, now: Timestamp) -> bool:
        """Whether learners with access may have the content by now."""
        return self.state == "PUBLISHED" and (self.release_at is None or self.release_at <= now)


class LessonResource(Record, frozen=True):
    """Either `link_url` or `media_id` is set."""

    id: str
    lesson_id: str
    title: str
    link_url: str | None = None
    media_id: str | None = None


def course_id_of(child_id: str) -> str:
    """The course in a module's or lesson's id; the whole text when it has none."""
    return child_id.partition(".")[0]


def lesson_id_of(resource_id: str) -> str:
    """The lesson in a resource's id; empty when it has none."""
    return resource_id.rpartition(".")[0]


def new_module(given: Mapping[str, Any], *, module_id: str) -> Module:
    """Of a `CreateModuleInput`, not yet ranked. Raises BAD_REQUEST."""
    fields = check_given(_MODULE_RULES, _CLEARED, given)
    return Module(id=module_id, course_id=course_id_of(module_id), rank="", version=1, **fields)


def changed_module(module: Module, given: Mapping[str, Any]) -> Module:
    """The module after an `UpdateModuleInput`, one version on. Raises BAD_REQUEST."""
    changes = check_given(_MODULE_RULES, _CLEARED, given)
    return msgspec.structs.replace(module, **changes, version=module.version + 1)


def new_lesson(given: Mapping[str, Any], *, lesson_id: str) -> Lesson:
    """A DRAFT of a `CreateLessonInput`, not yet ranked. Raises BAD_REQUEST."""
    fields = {
        "is_preview": False,
        "duration_seconds": 0,
        **check_given(_LESSON_RULES, _CLEARED, {name: value for name, value in given.items() if name != "state"}),
    }
    lesson = Lesson(
        id=lesson_id,
        course_id=course_id_of(lesson_id),
        module_id=given["module_id"],
        kind=given["kind"],
        rank="",
        state="DRAFT",
        version=1,
        has_body=fields.get("body") is not None,
        **fields,
    )
    return _consistent(lesson)


def changed_lesson(lesson: Lesson, given: Mapping[str, Any]) -> Lesson:
    """The lesson after an `UpdateLessonInput`, one version on.

    Raises:
        DomainError: BAD_REQUEST; INVALID_STATE when its state does not become the given one.
    """
    changes = check_given(_LESSON_RULES, _CLEARED, given)
    if changes.get("state", lesson.state) != lesson.state:
        require_step(lesson.state, changes["state"])
    if "body" in changes:
        changes["has_body"] = changes["body"] is not None
    return _consistent(msgspec.structs.replace(lesson, **changes, version=lesson.version + 1))


def new_resource(given: Mapping[str, Any], *, resource_id: str) -> LessonResource:
    """Of a `CreateResourceInput`. Raises BAD_REQUEST, rule EXCLUSIVE for a file and a link, or neither."""
    fields = check_given(_RESOURCE_RULES, _CLEARED, given)
    if (fields.get("link_url") is None) == (fields.get("media_id") is None):
        raise bad_request(input_field("media_id"), "EXCLUSIVE", "A resource has either a mediaId or a linkUrl.")
    return LessonResource(id=resource_id, lesson_id=given["lesson_id"], **fields)


def _consistent(lesson: Lesson) -> Lesson:
    """The lesson, when it has what its kind needs and nothing that its kind refuses."""
    if lesson.kind in PLAYED and lesson.media_id is None:
        raise bad_request(input_field("media_id"), "NEEDED", f"A lesson of kind {lesson.kind} has a media.")
    if lesson.kind not in PLAYED and lesson.media_id is not None:
        raise bad_request(input_field("media_id"), "NOT_ALLOWED", f"Kind {lesson.kind} has no media of its own.")
    if lesson.kind in ACTIVITIES:
        if lesson.activity_id is None:
            raise bad_request(input_field("activity_id"), "NEEDED", f"A lesson of kind {lesson.kind} has an activity.")
    elif lesson.activity_id is not None:
        raise bad_request(input_field("activity_id"), "NOT_ALLOWED", f"Kind {lesson.kind} has no activity.")
    elif lesson.duration_seconds < 1:
        raise bad_request(input_field("duration_seconds"), "NEEDED", f"Kind {lesson.kind} needs a duration above 0.")
    return lesson


def _web_address(value: str, field: str) -> str:
    """Links lead to the web, never to a script."""
    address = text.clean(value, field, longest=MAX_URL)
    if not address.lower().startswith(("http://", "https://")):
        raise bad_request(field, "SCHEME", f"{field} begins with http:// or https://.")
    return address


_MODULE_RULES: Mapping[str, Rule] = {
    "title": partial(text.clean, longest=text.NAME),
    "summary": partial(text.clean_or_none, longest=text.SUMMARY),
}
_LESSON_RULES: Mapping[str, Rule] = {
    "title": partial(text.clean, longest=text.NAME),
    "state": as_given,
    "body": partial(text.clean_or_none, longest=text.BODY),
    "activity_id": text.identifier,
    "media_id": text.identifier,
    "is_preview": as_given,
    "release_at": as_given,
    "duration_seconds": whole_number(0, MAX_DURATION_SECONDS),
}
_RESOURCE_RULES: Mapping[str, Rule] = {
    "title": partial(text.clean, longest=text.NAME),
    "link_url": _web_address,
    "media_id": text.identifier,
}
_CLEARED: Mapping[str, Any] = {
    "summary": None,
    "body": None,
    "activity_id": None,
    "media_id": None,
    "is_preview": False,
    "release_at": None,
    "duration_seconds": 0,
    "link_url": None,
}
