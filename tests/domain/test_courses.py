"""What a course may be, and what its fields have to do with each other."""

from typing import Any

import msgspec
import pytest

from domain.courses import Course, changed_course, course_filter, course_in_state, new_course
from domain.errors import Code, DomainError
from domain.money import Money
from domain.times import Timestamp

NOW = Timestamp("2026-09-01T08:00:00.000Z")
LATER = Timestamp("2026-09-02T08:00:00.000Z")
PRICE = {"amount_minor": 1999.0, "currency": "EUR"}


def course(**given: Any) -> Course:
    valid = {
        "slug": "sailing",
        "title": "Sailing",
        "level": "BEGINNER",
        "language": "en",
        "category": "Sports",
        "access_model": "FREE",
    }
    return new_course({**valid, **given}, course_id="c1", owner_id="ada", now=NOW)


def refusal(**given: Any) -> tuple[str, str]:
    """Field and rule."""
    with pytest.raises(DomainError) as refused:
        course(**given)
    assert refused.value.code is Code.BAD_REQUEST
    return refused.value.info["field"], refused.value.info["rule"]


def test_a_new_course_is_an_empty_draft_of_its_owner() -> None:
    made = course()
    assert (made.state, made.version, made.owner_id, made.lesson_count) == ("DRAFT", 1, "ada", 0)
    assert (made.tags, made.completion_percent, made.capacity, made.published_at) == ((), 100.0, None, None)


def test_texts_are_trimmed_and_tags_do_not_repeat() -> None:
    made = course(title="  Sailing \n", summary=" ", tags=["wind", " wind ", "sea"])
    assert (made.title, made.summary, made.tags) == ("Sailing", None, ("wind", "sea"))


@pytest.mark.parametrize(
    ("given", "field", "rule"),
    [
        ({"slug": "ab"}, "slug", "SLUG"),
        ({"slug": "Sailing"}, "slug", "SLUG"),
        ({"slug": "a--b"}, "slug", "SLUG"),
        ({"slug": "a" * 81}, "slug", "SLUG"),
        ({"title": " "}, "title", "LENGTH"),
        ({"title": "a" * 201}, "title", "LENGTH"),
        ({"title": "a\x00b"}, "title", "CHARACTERS"),
        ({"summary": "a" * 501}, "summary", "LENGTH"),
        ({"description": "a" * 20_001}, "description", "LENGTH"),
        ({"language": "english!"}, "language", "LANGUAGE_TAG"),
        ({"category": ""}, "category", "LENGTH"),
        ({"tags": ["a"] * 21}, "tags", "COUNT"),
        ({"tags": ["a" * 41]}, "tags", "LENGTH"),
        ({"capacity": 0}, "capacity", "RANGE"),
        ({"capacity": 1_000_001}, "capacity", "RANGE"),
        ({"access_days": 0}, "accessDays", "RANGE"),
        ({"access_days": 3_651}, "accessDays", "RANGE"),
        ({"completion_percent": 0}, "completionPercent", "RANGE"),
        ({"completion_percent": 100.1}, "completionPercent", "RANGE"),
        ({"completion_percent": float("nan")}, "completionPercent", "RANGE"),
        ({"starts_at": LATER, "ends_at": NOW}, "endsAt", "ORDER"),
        ({"starts_at": NOW, "ends_at": NOW}, "endsAt", "ORDER"),
        ({"access_model": "PAID"}, "price", "PRICE_NEEDED"),
        ({"price": PRICE}, "price", "PRICE_NOT_ALLOWED"),
        ({"access_model": "PAID", "price": {**PRICE, "amount_minor": 0.5}}, "price.amountMinor", "RANGE"),
        ({"access_model": "PAID", "price": {**PRICE, "amount_minor": 0}}, "price.amountMinor", "RANGE"),
        ({"access_model": "PAID", "price": {**PRICE, "amount_minor": 1e13}}, "price.amountMinor", "RANGE"),
        ({"access_model": "PAID", "price": {**PRICE, "currency": "eur"}}, "price.currency", "CURRENCY"),
        ({"access_model": "PAID", "price": {**PRICE, "currency": "XYZ"}}, "price.currency", "CURRENCY"),
    ],
)
def test_a_field_that_breaks_its_rule_is_named(given: dict[str, Any], field: str, rule: str) -> None:
    assert refusal(**given) == (f"input.{field}", rule)


def test_a_price_is_a_whole_number_of_minor_units() -> None:
    assert course(access_model="PAID", price=PRICE).price == Money(1999, "EUR")


@pytest.mark.parametrize("name", ["slug", "title", "level", "language", "category", "access_model"])
def test_what_a_course_must_have_is_not_cleared(name: str) -> None:
    with pytest.raises(DomainError) as refused:
        changed_course(course(), {name: None}, LATER)
    assert refused.value.info["rule"] == "NULL"


def test_null_clears_and_what_is_left_out_stays() -> None:
    before = course(summary="Boats.", tags=["wind"], capacity=5, access_days=9, starts_at=NOW, completion_percent=50)
    cleared = {"summary": None, "tags": None, "capacity": None, "access_days": None, "completion_percent": None}
    expected = msgspec.structs.replace(
        before,
        summary=None,
        tags=(),
        capacity=None,
        access_days=None,
        completion_percent=100.0,
        updated_at=LATER,
        version=2,
    )
    assert changed_course(before, cleared, LATER) == expected


def test_fields_are_held_against_those_that_stay() -> None:
    paid = course(access_model="PAID", price=PRICE, ends_at=NOW)
    for given in ({"access_model": "FREE"}, {"price": None}, {"starts_at": LATER}):
        with pytest.raises(DomainError) as refused:
            changed_course(paid, given, LATER)
        assert refused.value.code is Code.BAD_REQUEST
    assert changed_course(paid, {"access_model": "FREE", "price": None}, LATER).price is None


STATES = ("DRAFT", "PUBLISHED", "ARCHIVED")
STEPS = {("DRAFT", "PUBLISHED"), ("PUBLISHED", "DRAFT"), ("PUBLISHED", "ARCHIVED"), ("ARCHIVED", "DRAFT")}


@pytest.mark.parametrize("wanted", STATES)
@pytest.mark.parametrize("current", STATES)
def test_only_the_steps_of_the_life_cycle_are_taken(current: str, wanted: str) -> None:
    before = msgspec.structs.replace(course(), state=current)
    if (current, wanted) in STEPS:
        assert course_in_state(before, wanted, LATER).state == wanted
    else:
        with pytest.raises(DomainError) as refused:
            course_in_state(before, wanted, LATER)
        assert refused.value.code is Code.INVALID_STATE
        assert refused.value.info["status"] == current


def test_a_filter_compares_texts_without_case() -> None:
    made = course(category="Water Sports", tags=["Wind"], language="de-CH")
    for given in ({"category": " water SPORTS "}, {"tag": "WIND"}, {"language": "DE-ch"}, {"owner_id": "ada"}, None):
        assert course_filter(given).admits(made)
    for given in (
        {"category": "water"},
        {"tag": "win"},
        {"language": "de"},
        {"owner_id": "bob"},
        {"level": "ADVANCED"},
    ):
        assert not course_filter(given).admits(made)


def test_a_filter_is_bounded() -> None:
    for given in ({"category": " "}, {"tag": "a" * 41}, {"owner_id": ""}):
        with pytest.raises(DomainError) as refused:
            course_filter(given)
        assert refused.value.code is Code.BAD_REQUEST
