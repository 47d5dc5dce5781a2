"""Presence is the union of what was seen, in whatever order and however often it was told."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from domain.meeting_presence import MOST_INTERVALS, PresenceInterval, Sighting, presence
from domain.times import Timestamp, later, moment

START = Timestamp("2036-09-01T08:00:00.000Z")


def at(milliseconds: float) -> Timestamp:
    return later(START, seconds=milliseconds / 1000)


def came(milliseconds: float, attendee: str = "a", session: str = "s") -> Sighting:
    return Sighting(at(milliseconds), "JOINED", session, attendee)


def went(milliseconds: float, attendee: str = "a", session: str = "s", how: str = "LEFT") -> Sighting:
    return Sighting(at(milliseconds), how, session, attendee)


def stay(since: int, until: int | None, reason: str | None = "LEFT") -> PresenceInterval:
    left_at = None if until is None else at(until)
    return PresenceInterval(at(since), left_at, None if until is None else reason)  # type: ignore[arg-type]


def millisecond(of: Timestamp) -> int:
    return round((moment(of) - moment(START)).total_seconds() * 1000)


def covered(intervals: tuple[PresenceInterval, ...]) -> set[int]:
    """Every millisecond in closed intervals."""
    return {
        each
        for interval in intervals
        if interval.left_at is not None
        for each in range(millisecond(interval.joined_at), millisecond(interval.left_at))
    }


def test_nobody_was_seen() -> None:
    assert presence([], {}).intervals == ()
    assert presence([went(5)], {}).seconds == 0


def test_who_has_not_left_is_there() -> None:
    found = presence([came(0), went(1500), came(4000)], {})

    assert found.intervals == (stay(0, 1500), stay(4000, None))
    assert (found.is_open, found.seconds) == (True, 1)


def test_how_a_stay_ended_is_kept() -> None:
    for how in ("LEFT", "DROPPED", "REMOVED"):
        assert presence([came(0), went(10, how=how)], {}).intervals == (stay(0, 10, how),)


def test_the_end_of_the_call_ends_what_is_open_and_nothing_counts_after_it() -> None:
    seen = [came(0), came(50, "b"), went(60, "b"), came(100, "c")]

    assert presence(seen, {"s": at(90)}).intervals == (stay(0, 90, "MEETING_ENDED"),)
    assert presence([came(0), went(95)], {"s": at(90)}).intervals == (stay(0, 90, "MEETING_ENDED"),)
    assert presence([*seen, came(200, "d", "t")], {"s": at(90)}).intervals[-1] == stay(200, None)


def test_stays_of_one_user_as_several_attendees_are_united() -> None:
    seen = [came(0, "a"), went(100, "a"), came(50, "b"), went(200, "b", how="DROPPED"), came(200, "c"), went(300, "c")]

    found = presence(seen, {})

    assert found.intervals == (stay(0, 300),)


def test_a_put_out_wins_over_the_loss_that_it_looks_like() -> None:
    seen = [came(0), went(10, how="DROPPED"), went(10, how="REMOVED"), went(10)]

    assert presence(seen, {}).intervals == (stay(0, 10, "REMOVED"),)


def test_after_300_stays_200_intervals_are_kept_and_the_time_is_exact() -> None:
    # The n-th stay lasts a second; the pause behind it is the longer, the later it is.
    seen: list[Sighting] = []
    now = 0
    for number in range(300):
        seen += [came(now), went(now + 1000)]
        now += 1000 + 10 * (number + 1)

    found = presence(reversed(seen), {})

    assert len(found.intervals) == MOST_INTERVALS
    assert found.seconds == 300
    first = found.intervals[0]
    assert first.left_at is not None
    assert millisecond(first.left_at) == 101 * 1000 + sum(10 * (number + 1) for number in range(100))
    assert all(millisecond(each.left_at or "") - millisecond(each.joined_at) == 1000 for each in found.intervals[1:])


STAYS = st.dictionaries(
    st.sampled_from("abc"), st.lists(st.integers(0, 400), min_size=2, max_size=12, unique=True).map(sorted), max_size=3
)


@given(STAYS, st.randoms(use_true_random=False))
def test_order_and_repetition_change_nothing(stays: dict[str, list[int]], chance: object) -> None:
    """Each attendee's sorted moments are by turns coming and going; who comes last stays to the end of the call."""
    seen = [
        came(each, attendee) if number % 2 == 0 else went(each, attendee)
        for attendee, moments in stays.items()
        for number, each in enumerate(moments)
    ]
    shuffled = seen * 2
    chance.shuffle(shuffled)  # type: ignore[attr-defined]

    found = presence(shuffled, {"s": at(1000)})

    assert found == presence(seen, {"s": at(1000)})
    expected = {
        millisecond
        for moments in stays.values()
        for since, until in zip(moments[::2], [*moments[1::2], 1000], strict=False)
        for millisecond in range(since, until)
    }
    assert covered(found.intervals) == expected
    assert found.seconds == len(expected) // 1000
    for earlier, later_on in pairwise(found.intervals):
        assert earlier.left_at is not None
        assert earlier.left_at < later_on.joined_at
