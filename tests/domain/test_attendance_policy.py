"""The rules of attendance: what a host may choose, and when the window is open."""

from typing import Any

import msgspec
import pytest

from domain.attendance_policy import (
    AttendancePolicy,
    FaceAbilities,
    changed_policy,
    default_policy,
    moved_policy,
    require_method,
    require_open,
)
from domain.errors import Code, DomainError
from domain.meetings import Meeting
from domain.times import Timestamp, later

STARTS = Timestamp("2036-09-01T10:00:00.000Z")
ENDS = Timestamp("2036-09-01T11:00:00.000Z")
NOW = Timestamp("2036-09-01T08:00:00.000Z")
ALL = FaceAbilities(compares=True, tells_life=True)


def meeting(starts_at: Timestamp = STARTS, ends_at: Timestamp = ENDS) -> Meeting:
    return Meeting(
        id="m1",
        title="Birds",
        host_id="ada",
        status="SCHEDULED",
        starts_at=starts_at,
        ends_at=ends_at,
        max_attendees=250,
        created_at=NOW,
        version=1,
        course_id="c1",
    )


def changed(abilities: FaceAbilities = ALL, at: Timestamp = NOW, **given: Any) -> AttendancePolicy:
    return changed_policy(default_policy(meeting()), given, abilities, at)


def refusal(abilities: FaceAbilities = ALL, at: Timestamp = NOW, **given: Any) -> DomainError:
    with pytest.raises(DomainError) as refused:
        changed(abilities, at, **given)
    return refused.value


def test_by_default_who_is_in_the_call_is_present_from_ten_minutes_before_the_start_to_the_planned_end() -> None:
    policy = default_policy(meeting())
    assert policy.methods == ("JOIN",)
    assert (policy.opens_at, policy.closes_at) == (later(STARTS, seconds=-600), ENDS)
    assert policy.late_at == later(STARTS, seconds=600)
    assert (policy.minimum_attended_seconds, policy.minimum_similarity_percent) == (0, 95)


def test_the_window_includes_its_opening_and_not_its_closing() -> None:
    policy = default_policy(meeting())
    for at, is_open in (
        (later(policy.opens_at, seconds=-0.001), False),
        (policy.opens_at, True),
        (later(policy.closes_at, seconds=-0.001), True),
        (policy.closes_at, False),
    ):
        assert policy.is_open(at) is is_open
        if not is_open:
            with pytest.raises(DomainError) as refused:
                require_open(policy, at)
            assert refused.value.code is Code.ATTENDANCE_CLOSED
            assert refused.value.info["opensAt"] == policy.opens_at
            assert refused.value.info["closesAt"] == policy.closes_at


def test_what_is_left_out_stays_and_null_is_the_default_again() -> None:
    once = changed(late_after_seconds=60, opens_at=STARTS, minimum_similarity_percent=99.0)
    twice = changed_policy(once, {"methods": ["CHALLENGE"]}, ALL, NOW)
    assert (twice.late_after_seconds, twice.opens_at, twice.minimum_similarity_percent) == (60, STARTS, 99)
    thrice = changed_policy(twice, {"late_after_seconds": None, "opens_at": None}, ALL, NOW)
    assert (thrice.late_after_seconds, thrice.opens_at) == (600, later(STARTS, seconds=-600))
    assert [policy.version for policy in (once, twice, thrice)] == [2, 3, 4]


def test_a_window_that_the_host_did_not_choose_follows_the_meeting() -> None:
    later_on = meeting(later(STARTS, days=1), later(ENDS, days=1))
    moved = moved_policy(default_policy(meeting()), later_on)
    assert (moved.opens_at, moved.closes_at) == (later(later_on.starts_at, seconds=-600), later_on.ends_at)
    assert moved.version == 2
    assert moved_policy(moved, later_on) is moved

    kept = moved_policy(changed(closes_at=ENDS), later_on)
    assert (kept.opens_at, kept.closes_at) == (later(later_on.starts_at, seconds=-600), ENDS)


def test_rules_stay_once_the_window_has_opened() -> None:
    opens_at = default_policy(meeting()).opens_at
    assert changed(at=later(opens_at, seconds=-0.001), methods=["JOIN", "CHALLENGE"]).version == 2
    assert refusal(at=opens_at, methods=["JOIN"]).code is Code.INVALID_STATE


@pytest.mark.parametrize(
    ("given", "field", "rule"),
    [
        ({"methods": []}, "input.methods", "METHODS"),
        ({"methods": ["MANUAL"]}, "input.methods", "METHODS"),
        ({"methods": ["JOIN", "AUTOMATIC"]}, "input.methods", "METHODS"),
        ({"methods": ["FACE"]}, "input.methods", "FACE_ALONE"),
        ({"methods": None}, "input.methods", "NULL"),
        ({"late_after_seconds": -1}, "input.lateAfterSeconds", "RANGE"),
        ({"minimum_attended_seconds": 12 * 3600 + 1}, "input.minimumAttendedSeconds", "RANGE"),
        ({"minimum_similarity_percent": 79.9}, "input.minimumSimilarityPercent", "RANGE"),
        ({"minimum_similarity_percent": 100.1}, "input.minimumSimilarityPercent", "RANGE"),
        ({"minimum_similarity_percent": float("nan")}, "input.minimumSimilarityPercent", "RANGE"),
        ({"opens_at": ENDS}, "input.closesAt", "ORDER"),
        ({"opens_at": later(NOW, days=-1), "closes_at": NOW}, "input.closesAt", "FUTURE"),
        ({"opens_at": later(STARTS, days=-1.1)}, "input.opensAt", "RANGE"),
        ({"closes_at": later(ENDS, days=1.1)}, "input.closesAt", "RANGE"),
    ],
)
def test_rules_that_make_no_sense_are_refused(given: dict[str, Any], field: str, rule: str) -> None:
    error = refusal(**given)
    assert (error.code, error.info["field"], error.info["rule"]) == (Code.BAD_REQUEST, field, rule)


def test_faces_and_liveness_need_a_deployment_that_can() -> None:
    without_faces = FaceAbilities(compares=False, tells_life=False)
    without_life = FaceAbilities(compares=True, tells_life=False)
    assert refusal(without_faces, methods=["FACE", "JOIN"]).code is Code.FEATURE_DISABLED
    assert refusal(without_life, liveness_required=True).code is Code.FEATURE_DISABLED
    assert changed(without_life, methods=["FACE", "JOIN"]).methods == ("FACE", "JOIN")
    assert changed(methods=["CHALLENGE", "FACE"], liveness_required=True).liveness_required


def test_methods_are_kept_once_and_in_order() -> None:
    assert changed(methods=["JOIN", "FACE", "JOIN"]).methods == ("FACE", "JOIN")


def test_only_the_policys_methods_mark() -> None:
    policy = msgspec.structs.replace(default_policy(meeting()), methods=("CHALLENGE",))
    require_method(policy, "CHALLENGE")
    with pytest.raises(DomainError) as refused:
        require_method(policy, "FACE")
    assert (refused.value.code, refused.value.info["methods"]) == (Code.METHOD_NOT_ALLOWED, ["CHALLENGE"])
