"""The bounded memories behind sign-in and rights."""

from datasources.recent import ExpiringCache, Recent
from domain.times import Timestamp, later

NOW = Timestamp("2036-09-01T08:00:00.000Z")


def test_a_value_is_kept_until_its_time() -> None:
    cache: ExpiringCache[str, int, float] = ExpiringCache(2)
    cache.put("a", 1, since=5, until=10)

    assert cache.get("a", 9.9) == 1
    assert cache.get("a", 10) is None
    assert len(cache) == 0


def test_a_clock_that_was_set_back_finds_nothing() -> None:
    cache: ExpiringCache[str, int, float] = ExpiringCache(2)
    cache.put("a", 1, since=5, until=10)

    assert cache.get("a", 4.9) is None
    assert cache.get("a", 6) is None


def test_the_one_unused_longest_makes_room() -> None:
    cache: ExpiringCache[str, int, float] = ExpiringCache(2)
    cache.put("a", 1, since=0, until=10)
    cache.put("b", 2, since=0, until=10)
    assert cache.get("a", 0) == 1
    cache.put("c", 3, since=0, until=10)

    assert len(cache) == 2
    assert [cache.get(key, 0) for key in "abc"] == [1, None, 3]


def test_what_was_read_is_remembered_for_its_seconds() -> None:
    memory: Recent[str, int] = Recent(size=2, seconds=5)
    memory.remember("a", 1, NOW, memory.ticket())

    assert memory.get("a", later(NOW, seconds=4)) == 1
    assert memory.get("a", later(NOW, seconds=5)) is None


def test_a_read_that_began_before_a_change_is_not_remembered() -> None:
    memory: Recent[str, int] = Recent(size=2, seconds=5)
    ticket = memory.ticket()
    memory.forget("a")
    memory.remember("a", 1, NOW, ticket)

    assert memory.get("a", NOW) is None
