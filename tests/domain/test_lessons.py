"""What modules, lessons and resources may be."""

from typing import Any

import msgspec
import pytest

from domain.errors import Code, DomainError
from domain.lessons import Lesson, changed_lesson, changed_module, new_lesson, new_module, new_resource
from domain.times import Timestamp

NOW = Timestamp("2026-09-01T08:00:00.000Z")
LATER = Timestamp("2026-09-02T08:00:00.000Z")


def lesson(**given: Any) -> Lesson:
    valid = {"module_id": "c1.m1", "title": "Knots", "kind": "VIDEO", "media_id": "m1", "duration_seconds": 60}
    return new_lesson({**valid, **given}, lesson_id="c1.l1")


def rule_of(refused: pytest.ExceptionInfo[DomainError]) -> tuple[str, str]:
    assert refused.value.code is Code.BAD_REQUEST
    return refused.value.info["field"], refused.value.info["rule"]


def test_a_new_lesson_is_a_draft_that_belongs_to_the_course_of_its_id() -> None:
    made = lesson(body="Text.")
    assert (made.state, made.course_id, made.module_id) == ("DRAFT", "c1", "c1.m1")
    assert (made.is_preview, made.has_body, made.version) == (False, True, 1)


@pytest.mark.parametrize(
    ("given", "field", "rule"),
    [
        ({"title": ""}, "title", "LENGTH"),
        ({"body": "a" * 20_001}, "body", "LENGTH"),
        ({"duration_seconds": 0}, "durationSeconds", "NEEDED"),
        ({"duration_seconds": None}, "durationSeconds", "NEEDED"),
        ({"duration_seconds": -1}, "durationSeconds", "RANGE"),
        ({"duration_seconds": 86_401}, "durationSeconds", "RANGE"),
        ({"activity_id": "q1"}, "activityId", "NOT_ALLOWED"),
        ({"kind": "QUIZ", "media_id": None}, "activityId", "NEEDED"),
        ({"kind": "QUIZ", "media_id": None, "activity_id": ""}, "activityId", "ID"),
        ({"media_id": None}, "mediaId", "NEEDED"),
        ({"kind": "AUDIO", "media_id": None}, "mediaId", "NEEDED"),
        ({"kind": "ARTICLE"}, "mediaId", "NOT_ALLOWED"),
        ({"kind": "QUIZ", "activity_id": "q1"}, "mediaId", "NOT_ALLOWED"),
        ({"media_id": "m" * 129}, "mediaId", "ID"),
    ],
)
def test_a_field_that_breaks_its_rule_is_named(given: dict[str, Any], field: str, rule: str) -> None:
    with pytest.raises(DomainError) as refused:
        lesson(**given)
    assert rule_of(refused) == (f"input.{field}", rule)


@pytest.mark.parametrize("kind", ["QUIZ", "ASSIGNMENT", "MEETING"])
def test_an_activity_stands_in_for_a_duration(kind: str) -> None:
    made = new_lesson({"module_id": "c1.m1", "title": "Test", "kind": kind, "activity_id": "q1"}, lesson_id="c1.l1")
    assert (made.duration_seconds, made.activity_id) == (0, "q1")
    with pytest.raises(DomainError) as refused:
        changed_lesson(made, {"activity_id": None})
    assert rule_of(refused) == ("input.activityId", "NEEDED")


def test_null_clears_and_what_is_left_out_stays() -> None:
    before = lesson(body="Text.", release_at=NOW, is_preview=True)
    after = changed_lesson(before, {"body": None, "release_at": None, "is_preview": None})
    expected = msgspec.structs.replace(before, body=None, has_body=False, release_at=None, is_preview=False, version=2)
    assert after == expected
    for name in ("title", "state"):
        with pytest.raises(DomainError) as refused:
            changed_lesson(before, {name: None})
        assert rule_of(refused) == (f"input.{name}", "NULL")


def test_a_lesson_changes_its_state_by_the_steps_of_the_life_cycle() -> None:
    draft = lesson()
    assert changed_lesson(draft, {"state": "DRAFT"}).state == "DRAFT"
    published = changed_lesson(draft, {"state": "PUBLISHED"})
    archived = changed_lesson(published, {"state": "ARCHIVED"})
    for current, wanted in ((draft, "ARCHIVED"), (archived, "PUBLISHED")):
        with pytest.raises(DomainError) as refused:
            changed_lesson(current, {"state": wanted})
        assert refused.value.code is Code.INVALID_STATE


def test_a_lesson_is_open_once_published_and_released() -> None:
    draft = lesson(release_at=LATER)
    published = changed_lesson(draft, {"state": "PUBLISHED"})
    assert [draft.is_open(LATER), published.is_open(NOW), published.is_open(LATER)] == [False, False, True]


def test_a_module_has_a_title_and_may_have_a_summary() -> None:
    made = new_module({"title": " Ropes ", "summary": "All of them."}, module_id="c1.m1")
    assert (made.title, made.summary, made.course_id) == ("Ropes", "All of them.", "c1")
    assert changed_module(made, {"summary": None}).summary is None
    with pytest.raises(DomainError) as refused:
        changed_module(made, {"title": None})
    assert rule_of(refused) == ("input.title", "NULL")


@pytest.mark.parametrize("link", ["javascript:alert(1)", "data:text/html,x", "ftp://example.com", "//example.com"])
def test_a_resource_links_to_the_web_only(link: str) -> None:
    with pytest.raises(DomainError) as refused:
        new_resource({"lesson_id": "c1.l1", "title": "Chart", "link_url": link}, resource_id="c1.l1.r1")
    assert rule_of(refused) == ("input.linkUrl", "SCHEME")


@pytest.mark.parametrize("given", [{}, {"link_url": "https://example.com", "media_id": "m1"}, {"media_id": None}])
def test_a_resource_is_either_a_file_or_a_link(given: dict[str, Any]) -> None:
    with pytest.raises(DomainError) as refused:
        new_resource({"lesson_id": "c1.l1", "title": "Chart", **given}, resource_id="c1.l1.r1")
    assert rule_of(refused) == ("input.mediaId", "EXCLUSIVE")
    assert new_resource({"lesson_id": "c1.l1", "title": "Chart", "media_id": "m1"}, resource_id="r").media_id == "m1"
