"""The code shown in a call: of one meeting, new every 30 seconds, the one before taken for 10 more."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.attendance_challenge import SecretChallenge, is_right, new_challenge, shown_code, try_name
from domain.errors import Code, DomainError
from domain.times import Timestamp, later

NOW = Timestamp("2036-09-01T10:00:00.000Z")
"""The first moment of a code's half minute."""


def challenge(seconds: int = 600, closes_at: Timestamp | None = None) -> SecretChallenge:
    return new_challenge("m1", seconds, id="c1", closes_at=closes_at or later(NOW, days=1), now=NOW)


def test_a_code_has_six_digits_and_lives_half_a_minute() -> None:
    open_ = challenge()
    first = shown_code(open_, NOW)
    assert len(first.code) == 6
    assert first.code.isdecimal()
    assert first.code_expires_at == later(NOW, seconds=30)
    assert shown_code(open_, later(NOW, seconds=29.999)) == first
    codes = {shown_code(open_, later(NOW, seconds=30 * number)).code for number in range(20)}
    assert len(codes) > 15


@pytest.mark.parametrize(
    ("seconds", "right"),
    [(0, True), (29.999, True), (30, True), (39.999, True), (40, False), (60, False), (3600, False)],
)
def test_the_code_before_is_taken_for_ten_seconds_more(seconds: float, right: bool) -> None:
    open_ = challenge()
    code = shown_code(open_, NOW).code
    assert is_right(open_, code, later(NOW, seconds=seconds)) is right


def test_a_code_is_of_one_challenge() -> None:
    code = shown_code(challenge(), NOW).code
    others = [challenge() for _ in range(20)]
    assert sum(is_right(other, code, NOW) for other in others) <= 1


@given(st.text(max_size=40))
def test_any_text_may_be_answered(answer: str) -> None:
    open_ = challenge()
    assert is_right(open_, answer, NOW) is (answer.strip() in {shown_code(open_, NOW).code, _previous(open_)})
    assert try_name(open_, answer, NOW) == try_name(open_, f" {answer}", NOW)


def test_tries_are_told_apart_by_answer_and_half_minute_and_hide_the_answer() -> None:
    open_ = challenge()
    names = {try_name(open_, answer, later(NOW, seconds=after)) for answer in ("123456", "654321") for after in (0, 30)}
    assert len(names) == 4
    assert try_name(open_, "123456", NOW) == try_name(open_, "123456", later(NOW, seconds=10))
    assert not any("123456" in name for name in names)


def test_a_challenge_ends_with_the_window() -> None:
    closes_at = later(NOW, seconds=45)
    open_ = challenge(600, closes_at)
    assert open_.challenge.closes_at == closes_at
    assert shown_code(open_, later(NOW, seconds=40)).code_expires_at == closes_at
    assert challenge(30).challenge.closes_at == later(NOW, seconds=30)


@pytest.mark.parametrize("seconds", [-1, 0, 29, 601, 2**31 - 1])
def test_a_challenge_lasts_half_a_minute_to_ten(seconds: int) -> None:
    with pytest.raises(DomainError) as refused:
        challenge(seconds)
    assert (refused.value.code, refused.value.info["field"]) == (Code.BAD_REQUEST, "durationSeconds")


def _previous(open_: SecretChallenge) -> str:
    return shown_code(open_, later(NOW, seconds=-30)).code
