"""ULIDs of our own making, held to a library's."""

import itertools
import time
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ulid import ULID

from domain import ulids


@given(st.integers(0, 2**48 - 1), st.binary(min_size=10, max_size=10))
def test_they_are_written_as_the_library_writes_them(milliseconds: int, randomness: bytes) -> None:
    text = ulids.ulid(milliseconds, randomness)
    assert text == str(ULID.from_bytes(milliseconds.to_bytes(6, "big") + randomness))
    assert ulids.milliseconds_of(text) == milliseconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0" * 25,
        "0" * 27,
        "8" + "0" * 25,
        "U" + "0" * 25,
        "0" * 25 + "é",
        "0" * 25 + "a",
        "0" * 25 + "O",
        "0" * 99_999,
    ],
)
def test_what_is_none_is_told_apart(text: str) -> None:
    with pytest.raises(ValueError, match="no ULID"):
        ulids.milliseconds_of(text)


def test_a_new_one_is_of_now() -> None:
    before = time.time_ns() // 1_000_000
    made = {ulids.new_ulid() for _ in range(100)}
    assert len(made) == 100
    assert all(before <= ulids.milliseconds_of(each) <= time.time_ns() // 1_000_000 for each in made)


def test_they_rise_also_within_a_millisecond_and_when_the_clock_goes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    made = list(itertools.islice(ulids.rising_ulids(), 1_000))
    assert made == sorted(set(made))

    clock = iter([5, 5, 4, 3, 6])
    monkeypatch.setattr("domain.ulids.time", SimpleNamespace(time_ns=lambda: next(clock) * 1_000_000))
    made = list(itertools.islice(ulids.rising_ulids(), 5))
    assert made == sorted(set(made))
    assert [ulids.milliseconds_of(each) for each in made] == [5, 5, 5, 5, 6]
