"""The records that one group commit changes: read ahead, changed in memory, written together at its end.

Each statement costs the writer's thread a wait for Python's lock, which the event loop holds most of the time. So
what all units of a group look at is read by a few statements, however many units there are, and what they change is
written by a few. What one group has seen the next need not read, unless another connection has committed meanwhile.
"""

import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec

from datasources.limits import KeyValues
from datasources.local.evaluate import same
from datasources.local.sqlite_schema import Insert, Layout, bindable, decode, encode
from datasources.ports import MAX_BATCH_GET, Item, Write

Planned = tuple[Layout, KeyValues, Write]
"""A write, and the record that it is about."""

MOST_UNWRITTEN_BYTES = 16 * 1024 * 1024
"""Of changed items, which are written then, although the group is not at its end."""
MOST_REMEMBERED_BYTES = 2 * 1024 * 1024
"""Of items as they are stored, from one group to the next; as objects they take some ten times as much."""
_LEAST_BYTES = 100
"""That a record is counted as which is known not to be there."""
_CHANGES = Insert("INSERT INTO _changes (at, name, kind, key, old, new)", columns=6)


class Stored(msgspec.Struct, frozen=True, gc=False):
    """An item and its bytes."""

    item: Item
    data: bytes | bytearray


class RecordUnit(msgspec.Struct, frozen=True):
    """A unit of work on single records. Whatever it refuses, it refuses before it changes anything.

    Attributes:
        writes: name the records that it looks at.
    """

    writes: Sequence[Planned]

    def run(self, group: "RecordGroup") -> Any:
        raise NotImplementedError


class Known:
    """Records as they are stored; None for those that are not."""

    def __init__(self) -> None:
        self.by: dict[Layout, dict[KeyValues, Stored | None]] = defaultdict(dict)
        self.bytes = 0

    def add(self, layout: Layout, key: KeyValues, stored: Stored | None) -> None:
        self.by[layout][key] = stored
        self.bytes += _LEAST_BYTES if stored is None else _LEAST_BYTES + len(stored.data)

    def add_absent(self, layout: Layout, keys: Sequence[KeyValues]) -> None:
        self.by[layout].update(dict.fromkeys(keys))
        self.bytes += _LEAST_BYTES * len(keys)

    def clear(self) -> None:
        self.by.clear()
        self.bytes = 0


class RecordGroups:
    """Groups of one connection, each of which knows what the one before it has seen.

    Args:
        now: epoch seconds.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._known = Known()
        self._version: int | None = None

    def __call__(self, connection: sqlite3.Connection, works: Iterable[Any]) -> "RecordGroup":
        """A group in the connection's transaction."""
        known, self._known = self._known, Known()  # what this one changes is so only when it has committed
        (version,) = connection.execute("PRAGMA data_version").fetchone()
        if version != self._version or known.bytes > MOST_REMEMBERED_BYTES:
            self._version = version
            known.clear()
        return RecordGroup(connection, works, self._now(), known, self._keep)

    def _keep(self, known: Known) -> None:
        self._known = known


class RecordGroup:
    """One transaction of the writer, as its units of work see it: each sees what those before it have changed.

    Args:
        connection: in a transaction.
        works: those that are going to be done, for what they read.
        now: epoch seconds.
        known: what the store is known to hold.
        keep: is given what it is known to hold after the commit.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        works: Iterable[Any],
        now: float,
        known: Known,
        keep: Callable[[Known], None],
    ) -> None:
        self.now = now
        self._connection = connection
        self._known = known
        self._keep = keep
        self._changed: dict[Layout, dict[KeyValues, list[Any] | None]] = defaultdict(dict)
        self._feed: list[tuple[Any, ...]] = []
        self._unwritten_bytes = 0
        try:
            self._read_ahead(works)
        except msgspec.MsgspecError:  # a damaged item: the unit that asks for it fails, and no other
            self._known.clear()

    def do(self, work: Any) -> Any:
        """What a unit of work returns: one on records, or one that is given the connection."""
        if isinstance(work, RecordUnit):
            return work.run(self)
        return work(self.connection())

    def connection(self) -> sqlite3.Connection:
        """For statements that change no record; they see all that was changed so far."""
        self.finish()
        return self._connection

    def finish(self) -> None:
        """Write what was changed."""
        for layout, rows in self._changed.items():
            present = [row for row in rows.values() if row is not None]
            layout.upsert.run(self._connection, present)
            if len(present) < len(rows):
                self._connection.executemany(layout.delete, [key for key, row in rows.items() if row is None])
        self._changed.clear()
        _CHANGES.run(self._connection, self._feed)
        self._feed.clear()
        self._unwritten_bytes = 0

    def committed(self) -> None:
        self._keep(self._known)

    def stored(self, layout: Layout, key: KeyValues) -> Stored | None:
        known = self._known.by[layout]
        if key not in known:
            self.read(layout, [key])
        return known[key]

    def store(self, layout: Layout, key: KeyValues, old: Stored | None, item: Item | None) -> None:
        """Put an item in the place of `old`, which is there; None removes it. The same again: nothing is written."""
        new = None if item is None else Stored(item, bindable(encode(item)))
        if _are_same(old, new):
            return
        self._known.add(layout, key, new)
        if new is None:
            self._changed[layout][key] = None
        else:
            self._changed[layout][key] = layout.row(new.item, new.data)
            self._unwritten_bytes += len(new.data)
        if layout.table.tells_of(key):
            self._tell(layout, key, old, new)
        if self._unwritten_bytes > MOST_UNWRITTEN_BYTES:
            self.finish()
            self._known.clear()

    def _tell(self, layout: Layout, key: KeyValues, old: Stored | None, new: Stored | None) -> None:
        names = dict(zip(layout.table.key_names, key, strict=True))
        kind = "INSERT" if old is None else "REMOVE" if new is None else "MODIFY"
        images = _image(layout, old), _image(layout, new)
        self._feed.append((self.now, layout.table.name, kind, bindable(encode(names)), *images))

    def _read_ahead(self, works: Iterable[Any]) -> None:
        wanted: dict[Layout, dict[KeyValues, None]] = defaultdict(dict)
        for work in works:
            if isinstance(work, RecordUnit):
                for layout, key, _ in work.writes:
                    if key not in self._known.by[layout]:
                        wanted[layout][key] = None
        for layout, keys in wanted.items():
            self.read(layout, list(keys))

    def read(self, layout: Layout, keys: Sequence[KeyValues]) -> None:
        """Know them as they are stored, in few statements."""
        for start in range(0, len(keys), MAX_BATCH_GET):
            some = keys[start : start + MAX_BATCH_GET]
            self._known.add_absent(layout, some)
            for (data,) in self._connection.execute(*layout.select_these(some)).fetchall():
                item = decode(data)
                self._known.add(layout, layout.key_values(item), Stored(item, data))


def _are_same(old: Stored | None, new: Stored | None) -> bool:
    if old is None or new is None:
        return old is new
    if len(old.data) != len(new.data):
        return False
    return old.data == new.data or (old.item == new.item and same(old.item, new.item))


def _image(layout: Layout, stored: Stored | None) -> bytes | bytearray | None:
    """What a change shows of an item."""
    if stored is None:
        return None
    return encode(layout.table.shown(stored.item)) if layout.table.private else stored.data
