"""Token buckets, on a clock that the test moves."""

from domain import rate
from domain.rate import RateLimiter
from tests.waiting import ManualClock


def test_a_burst_passes_and_then_one_a_refill():
    clock = ManualClock()
    limiter = RateLimiter(10, 3, clock)
    assert [limiter.wait("ada") for _ in range(4)] == [0, 0, 0, 1]
    clock.now += 0.11
    assert [limiter.wait("ada") for _ in range(2)] == [0, 1]


def test_a_pause_gives_no_more_than_a_burst():
    clock = ManualClock()
    limiter = RateLimiter(10, 3, clock)
    limiter.wait("ada")
    clock.now += 1000
    assert [limiter.wait("ada") for _ in range(4)] == [0, 0, 0, 1]


def test_knocking_while_refused_does_not_prolong_the_wait():
    clock = ManualClock()
    limiter = RateLimiter(1, 1, clock)
    limiter.wait("ada")
    for _ in range(9):
        clock.now += 0.1
        assert limiter.wait("ada") == 1
    clock.now += 0.11
    assert limiter.wait("ada") == 0


def test_callers_do_not_share():
    limiter = RateLimiter(1, 1, ManualClock())
    assert [limiter.wait(name) for name in ("ada", "bob", "ada")] == [0, 0, 1]


def test_the_callers_remembered_are_bounded(monkeypatch):
    monkeypatch.setattr(rate, "MOST_CALLERS", 10)
    limiter = RateLimiter(1, 1, ManualClock())
    for number in range(100):
        limiter.wait(number)
    assert len(limiter) == 10
    assert limiter.wait(99) == 1


def test_what_is_given_back_can_be_taken_again_and_is_no_more_than_a_burst():
    limiter = RateLimiter(1, 2, ManualClock())
    limiter.wait("ada")
    limiter.wait("ada")
    limiter.give_back("ada")
    assert [limiter.wait("ada") for _ in range(2)] == [0, 1]
    for _ in range(5):
        limiter.give_back("ada")
    assert [limiter.wait("ada") for _ in range(3)] == [0, 0, 1]
    limiter.give_back("a stranger")


def test_a_clock_that_was_set_back_takes_nothing_away():
    clock = ManualClock()
    limiter = RateLimiter(1, 2, clock)
    limiter.wait("ada")
    clock.now -= 50
    assert [limiter.wait("ada") for _ in range(2)] == [0, 1]
