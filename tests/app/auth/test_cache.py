"""The bounded memory behind sign-in."""

from app.auth.cache import ExpiringCache


def test_a_value_is_kept_until_its_time() -> None:
    cache: ExpiringCache[str, int] = ExpiringCache(2)
    cache.put("a", 1, until=10)

    assert cache.get("a", 9.9) == 1
    assert cache.get("a", 10) is None
    assert len(cache) == 0


def test_the_one_unused_longest_makes_room() -> None:
    cache: ExpiringCache[str, int] = ExpiringCache(2)
    cache.put("a", 1, until=10)
    cache.put("b", 2, until=10)
    assert cache.get("a", 0) == 1
    cache.put("c", 3, until=10)

    assert len(cache) == 2
    assert [cache.get(key, 0) for key in "abc"] == [1, None, 3]
