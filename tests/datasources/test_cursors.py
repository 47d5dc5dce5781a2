"""List positions as clients hold them: sealed, bound, and good for a day."""

import string

import pytest

from datasources.cursors import LIFETIME_SECONDS, Cursors
from domain.errors import Code, DomainError
from tests.school import Clock

POSITION = {"userId": "ada", "sk": "COURSE#7"}
BOUND = b"ada, Query.listCourses"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def cursors(clock: Clock) -> Cursors:
    return Cursors(b"a secret of these tests", clock.now)


def refused(cursors: Cursors, token: str, bound_to: bytes = BOUND) -> bool:
    with pytest.raises(DomainError) as refusal:
        cursors.open(token, bound_to=bound_to)
    return refusal.value.code is Code.INVALID_NEXT_TOKEN


def test_a_position_comes_back_as_it_was(cursors: Cursors) -> None:
    assert cursors.open(cursors.seal(POSITION, bound_to=BOUND), bound_to=BOUND) == POSITION


def test_nothing_of_a_position_can_be_read(cursors: Cursors) -> None:
    assert "ada" not in cursors.seal(POSITION, bound_to=BOUND)
    assert cursors.seal(POSITION, bound_to=BOUND) != cursors.seal(POSITION, bound_to=BOUND)


@pytest.mark.parametrize("length", range(3))
def test_a_token_with_any_one_sign_changed_is_refused(cursors: Cursors, length: int) -> None:
    """Whatever is left over in its last sign; texts of three lengths have them all."""
    token = cursors.seal("x" * length, bound_to=BOUND)
    for place, sign in enumerate(token):
        other = next(each for each in string.ascii_letters if each != sign)
        assert refused(cursors, token[:place] + other + token[place + 1 :])
    for sign in string.ascii_letters + string.digits + "-_":
        if sign != token[-1]:
            assert refused(cursors, token[:-1] + sign)


@pytest.mark.parametrize("sign", ["=", "==", "\n", " ", "!", "A", "\0", "é"])
def test_a_token_with_something_added_is_refused(cursors: Cursors, sign: str) -> None:
    token = cursors.seal(POSITION, bound_to=BOUND)
    assert refused(cursors, token + sign)
    assert refused(cursors, sign + token)


@pytest.mark.parametrize("token", ["", "A", "====", "not a token", "A" * 5_000])
def test_what_is_no_token_is_refused(cursors: Cursors, token: str) -> None:
    assert refused(cursors, token)


def test_a_token_is_good_for_what_it_was_bound_to_only(cursors: Cursors, clock: Clock) -> None:
    token = cursors.seal(POSITION, bound_to=BOUND)
    assert refused(cursors, token, b"ben, Query.listCourses")
    assert refused(Cursors(b"another secret, of another school", clock.now), token)


def test_a_token_lives_for_a_day(cursors: Cursors, clock: Clock) -> None:
    token = cursors.seal(POSITION, bound_to=BOUND)
    clock.advance(seconds=LIFETIME_SECONDS - 1)
    assert cursors.open(token, bound_to=BOUND) == POSITION
    clock.advance(seconds=1)
    assert refused(cursors, token)
