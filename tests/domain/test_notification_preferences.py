"""Quiet hours: told in the user's own time, also across midnight and when clocks are changed."""

from datetime import UTC, datetime, time

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from domain.notification_preferences import Chosen, change, not_before, preferences
from domain.times import Timestamp, moment, timestamp


def at(text: str) -> Timestamp:
    return timestamp(datetime.fromisoformat(text))


def free_at(channel: str, now: str, begin: str, end: str, zone: str = "Europe/Paris") -> Timestamp:
    quiet = preferences("ben", Chosen(1, {}, begin, end))
    return not_before(quiet, channel, zone, at(now))


@pytest.mark.parametrize(
    ("now", "free"),
    [
        ("2036-09-01T21:59:59+02:00", "2036-09-01T21:59:59+02:00"),
        ("2036-09-01T22:00:00+02:00", "2036-09-02T07:00:00+02:00"),
        ("2036-09-02T00:00:00+02:00", "2036-09-02T07:00:00+02:00"),
        ("2036-09-02T06:59:59+02:00", "2036-09-02T07:00:00+02:00"),
        ("2036-09-02T07:00:00+02:00", "2036-09-02T07:00:00+02:00"),
        ("2036-10-25T23:00:00+02:00", "2036-10-26T07:00:00+01:00"),  # the night in which clocks go back
        ("2036-03-29T23:00:00+01:00", "2036-03-30T07:00:00+02:00"),  # and forward
    ],
)
def test_a_night_passes_midnight_in_the_users_time(now: str, free: str) -> None:
    assert free_at("PUSH", now, "22:00:00", "07:00:00") == at(free)


@pytest.mark.parametrize(
    ("now", "free"),
    [
        ("2036-09-01T12:59:00+02:00", "2036-09-01T12:59:00+02:00"),
        ("2036-09-01T13:00:00+02:00", "2036-09-01T15:00:00+02:00"),
        ("2036-09-01T15:00:00+02:00", "2036-09-01T15:00:00+02:00"),
    ],
)
def test_a_midday_rest_begins_and_ends_on_one_day(now: str, free: str) -> None:
    assert free_at("SMS", now, "13:00:00", "15:00:00") == at(free)


@pytest.mark.parametrize("channel", ["EMAIL", "IN_APP"])
def test_what_rings_nowhere_does_not_wait(channel: str) -> None:
    assert free_at(channel, "2036-09-01T23:00:00+02:00", "22:00:00", "07:00:00") == at("2036-09-01T23:00:00+02:00")


@given(
    st.datetimes(datetime(2036, 1, 1), datetime(2037, 1, 1), timezones=st.just(UTC)),
    st.times(),
    st.times(),
    st.sampled_from(["UTC", "Europe/Paris", "America/St_Johns", "Australia/Lord_Howe", "Pacific/Apia"]),
)
def test_the_wait_is_shorter_than_a_day_and_then_over(now: datetime, begin: time, end: time, zone: str) -> None:
    begins, ends = (each.isoformat(timespec="seconds") for each in (begin, end))
    assume(begins != ends)
    quiet = preferences("ben", Chosen(1, {}, begins, ends))
    free = not_before(quiet, "PUSH", zone, timestamp(now))
    assert 0 <= (moment(free) - moment(timestamp(now))).total_seconds() <= 25 * 3600
    assert not_before(quiet, "PUSH", zone, free) == free


def test_a_choice_is_kept_beside_later_ones() -> None:
    first = change(Chosen(), {"rules": [{"category": "CHAT", "channels": ["SMS", "PUSH", "SMS"]}]})
    second = change(first, {"rules": [{"category": "MEDIA", "channels": []}]})

    found = preferences("ben", second)

    assert found.channels("CHAT") == ("PUSH", "SMS")
    assert found.channels("MEDIA") == ()
    assert found.channels("SECURITY") == ("IN_APP", "EMAIL")
    assert found.version == 3
