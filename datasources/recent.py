"""A bounded memory of what was read a moment ago."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

from domain.times import Timestamp, later

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Recent(Generic[K, V]):
    """At most `size` values, each for `seconds` after it was read; the one unused longest makes room.

    A value that was being read while `forget` was called is not remembered, for it may be the old one:
    `ticket` is taken before the read and handed to `remember` behind it.
    """

    def __init__(self, *, size: int, seconds: float) -> None:
        self._size = size
        self._seconds = seconds
        self._entries: OrderedDict[K, tuple[V, Timestamp, Timestamp]] = OrderedDict()
        self._forgotten = 0

    def get(self, key: K, now: Timestamp) -> V | None:
        entry = self._entries.get(key)
        if entry is None:
            return None
        value, since, until = entry
        if not since <= now < until:  # a clock that was set back proves nothing
            del self._entries[key]
            return None
        self._entries.move_to_end(key)
        return value

    def ticket(self) -> int:
        return self._forgotten

    def remember(self, key: K, value: V, now: Timestamp, ticket: int) -> None:
        if ticket != self._forgotten:
            return
        self._entries[key] = (value, now, later(now, seconds=self._seconds))
        self._entries.move_to_end(key)
        if len(self._entries) > self._size:
            self._entries.popitem(last=False)

    def forget(self, key: K) -> None:
        self._forgotten += 1
        self._entries.pop(key, None)
