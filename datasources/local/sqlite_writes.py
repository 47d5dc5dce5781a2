"""Units of work that change records.

Everything that can refuse (conditions, limits, tokens) is settled before the first change, so that a refusal leaves
the group as it was.
"""

import hashlib
import sqlite3
from collections.abc import Mapping
from typing import Any, cast

import msgspec

from datasources.limits import KeyValues, checked_key_value, expired
from datasources.local.evaluate import changed, holds
from datasources.local.sqlite_group import RecordGroup, RecordUnit, Stored
from datasources.local.sqlite_schema import Layout, decode
from datasources.ports import Change, Check, ConditionFailed, Delete, Item, Put, Reason, TransactionFailed, Write
from datasources.values import check_size

TOKEN_SECONDS = 600


class Effect(msgspec.Struct, frozen=True):
    """What one write comes to: an item in the place of what is stored."""

    layout: Layout
    key: KeyValues
    stored: Stored | None
    new: Item | None

    @property
    def old(self) -> Item | None:
        return None if self.stored is None else self.stored.item


def effect_of(group: RecordGroup, layout: Layout, key: KeyValues, write: Write) -> Effect:
    """Raises ConditionFailed; ValueError or DomainError for an item that may not be stored."""
    stored = group.stored(layout, key)
    old = None if stored is None else stored.item
    if write.condition is not None and not holds(write.condition, old or {}):
        raise ConditionFailed(None if stored is None else decode(stored.data))
    match write:
        case Put():
            return Effect(layout, key, stored, cast("Item", write.item))
        case Change():
            new = changed(write.key, old, write.updates)
            if new is not None:
                check_size(new)
                _check_number_keys(layout, new)
            return Effect(layout, key, stored, new)
        case Delete():
            return Effect(layout, key, stored, None)
        case Check():
            return Effect(layout, key, stored, old)


def apply(group: RecordGroup, effect: Effect) -> None:
    stored, new = effect.stored, effect.new
    if stored is None or new is not stored.item:
        group.store(effect.layout, effect.key, stored, new)


class Single(RecordUnit, frozen=True):
    """One write. Returns its effect; raises as `effect_of`."""

    def run(self, group: RecordGroup) -> Effect:
        [planned] = self.writes
        effect = effect_of(group, *planned)
        apply(group, effect)
        return effect


class Batch(RecordUnit, frozen=True):
    """Writes without conditions."""

    def run(self, group: RecordGroup) -> None:
        for planned in self.writes:
            apply(group, effect_of(group, *planned))


class Transaction(RecordUnit, frozen=True):
    """Raises TransactionFailed with the reasons of all that did not hold; ValueError for a token of other writes."""

    token: str | None

    def run(self, group: RecordGroup) -> None:
        if self.token is not None and self._is_known(group.connection(), self.token, group.now):
            return
        effects: list[Effect] = []
        failed: dict[int, Reason] = {}
        for number, (layout, key, write) in enumerate(self.writes):
            try:
                effects.append(effect_of(group, layout, key, write))
            except ConditionFailed as failure:
                failed[number] = Reason(failure.item)
        if failed:
            raise TransactionFailed([failed.get(number) for number in range(len(self.writes))])
        for effect in effects:
            apply(group, effect)
        if self.token is not None:
            values = (self.token, self._digest(), group.now)
            group.connection().execute("INSERT OR REPLACE INTO _tokens (token, digest, at) VALUES (?, ?, ?)", values)

    def _is_known(self, connection: sqlite3.Connection, token: str, now: float) -> bool:
        known = connection.execute("SELECT digest, at FROM _tokens WHERE token = ?", (token,)).fetchone()
        if known is None or known[1] <= now - TOKEN_SECONDS:
            return False
        if known[0] != self._digest():
            raise ValueError("the transaction's token was used for other writes")
        return True

    def _digest(self) -> bytes:
        described = [_described(write) for _, _, write in self.writes]
        return hashlib.sha256(msgspec.json.encode(described, order="deterministic")).digest()


class Expiry(RecordUnit, frozen=True):
    """Removes up to `most` items of a table whose time has passed; returns how many there were."""

    layout: Layout
    most: int

    def run(self, group: RecordGroup) -> int:
        layout = self.layout
        rows = group.connection().execute(
            f"SELECT _item FROM {layout.sql_name} INDEXED BY {layout.index_name('_ttl')} WHERE _ttl <= ? LIMIT ?",  # noqa: S608 - names are ours
            (group.now, self.most),
        )
        items = [decode(data) for (data,) in rows.fetchall()]
        gone = [layout.key_values(item) for item in items if expired(layout.table, item, group.now)]
        group.read(layout, gone)
        for key in gone:
            group.store(layout, key, group.stored(layout, key), None)
        return len(items)


def _check_number_keys(layout: Layout, item: Item) -> None:
    """A sum may have left the range of an index's key."""
    for name in layout.table.number_keys:
        if name in item:
            checked_key_value(name, "N", item[name], sort=True)


def _described(value: Any) -> Any:
    """Structs with their class's name, as some differ in nothing else; numbers as text, as JSON's are not exact."""
    if isinstance(value, msgspec.Struct):
        fields = {name: _described(getattr(value, name)) for name in value.__struct_fields__}
        return [type(value).__name__, fields]
    if isinstance(value, Mapping):
        return {name: _described(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_described(inner) for inner in value]
    return [type(value).__name__, repr(value)] if isinstance(value, int | float) else value
