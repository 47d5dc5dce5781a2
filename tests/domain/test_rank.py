"""Ranks keep the order of a list, whatever is put where."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.rank import DIGITS, behind, between

positions = st.lists(st.integers(0, 10_000), min_size=1, max_size=200)


def inserted(positions: list[int]) -> list[str]:
    """A list that grew by an insertion at each position, modulo its length then."""
    ranks: list[str] = []
    for position in positions:
        at = position % (len(ranks) + 1)
        before = ranks[at - 1] if at else None
        after = ranks[at] if at < len(ranks) else None
        ranks.insert(at, between(before, after))
    return ranks


@given(positions)
def test_ranks_rise_in_byte_order_wherever_they_were_put(positions: list[int]) -> None:
    ranks = inserted(positions)
    assert [rank.encode() for rank in ranks] == sorted({rank.encode() for rank in ranks})


@given(positions)
def test_a_rank_never_ends_with_the_lowest_digit(positions: list[int]) -> None:
    assert all(rank and rank[-1] != DIGITS[0] and set(rank) <= set(DIGITS) for rank in inserted(positions))


@given(st.text(DIGITS, max_size=9), st.text(DIGITS, max_size=9))
def test_something_fits_between_any_two(one: str, other: str) -> None:
    low, high = sorted((one + "1", other + "2"))
    assert low < between(low, high) < high
    assert between(None, low) < low
    assert high < between(high, None)


@given(st.sampled_from(["z" * 6, "z" * 7 + "k"]), st.sampled_from(["000001", "0000001"]))
def test_there_is_room_beyond_the_outermost_steps(last: str, first: str) -> None:
    assert last < between(last, None)
    assert between(None, first) < first


def test_appending_and_prepending_stay_short() -> None:
    assert max(map(len, inserted(list(range(5_000))))) <= 6
    assert max(map(len, inserted([0] * 5_000))) <= 6


def test_inserting_in_one_place_lengthens_a_rank_by_one_digit_in_about_six_times() -> None:
    low, high = "V", "V00001"
    for _ in range(300):
        high = between(low, high)
    assert len(high) <= 6 + 300 / 5


def test_ranks_that_do_not_rise_are_refused() -> None:
    with pytest.raises(ValueError, match="rise"):
        between("b", "a")
    with pytest.raises(ValueError, match="rise"):
        between("a", "a")


@given(positions)
def test_fresh_ranks_lie_behind_all_the_old_ones(positions: list[int]) -> None:
    ranks = inserted(positions)
    fresh = behind(ranks)
    assert len(fresh) == len(ranks)
    assert ranks + fresh == sorted(set(ranks + fresh))
    assert max(map(len, fresh)) <= 6
