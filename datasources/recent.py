"""Bounded memories of what was read a moment ago."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

from domain.times import Timestamp, later

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
T = TypeVar("T", float, Timestamp)


class ExpiringCache(Generic[K, V, T]):
    """At most `size` values, each between two times of its own; the one unused longest makes room."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._entries: OrderedDict[K, tuple[V, T, T]] = OrderedDict()

    def get(self, key: K, now: T) -> V | None:
        entry = self._entries.get(key)
        if entry is None:
            return None
        value, since, until = entry
        if not since <= now < until:  # a clock that was set back proves nothing
            del self._entries[key]
            return None
        self._entries.move_to_end(key)
        return value

    def put(self, key: K, value: V, *, since: T, until: T) -> None:
        self._entries[key] = (value, since, until)
        self._entries.move_to_end(key)
        if len(self._entries) > self._size:
            self._entries.popitem(last=False)

    def remove(self, key: K) -> None:
        self._entries.pop(key, None)

    def clear(self) -> None:
        self._entries.clear()

    def __len__(self) -> int:
        return len(self._entries)


class Recent(ExpiringCache[K, V, Timestamp]):
    """At most `size` values, each for `seconds` after it was read.

    A value that was being read while `forget` was called is not remembered, for it may be the old one:
    `ticket` is taken before the read and handed to `remember` behind it.
    """

    def __init__(self, *, size: int, seconds: float) -> None:
        super().__init__(size)
        self._seconds = seconds
        self._forgotten = 0

    def ticket(self) -> int:
        return self._forgotten

    def remember(self, key: K, value: V, now: Timestamp, ticket: int) -> None:
        if ticket == self._forgotten:
            self.put(key, value, since=now, until=later(now, seconds=self._seconds))

    def forget(self, key: K) -> None:
        self._forgotten += 1
        self.remove(key)
