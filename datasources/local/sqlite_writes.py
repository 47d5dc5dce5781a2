"""Units of work that change records; each runs inside the writer's transaction.

Everything that can refuse (conditions, limits, tokens) is settled before the first statement that writes,
so that a refusal leaves the group's transaction as it was.
"""

import hashlib
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from datasources.limits import checked_key_value, expired, key_attributes, key_of
from datasources.local.evaluate import changed, holds, same
from datasources.local.sqlite_queries import read
from datasources.local.sqlite_schema import Layout, decode, encode
from datasources.ports import Change, Check, ConditionFailed, Delete, Item, Put, Reason, TransactionFailed, Write
from datasources.values import check_size

TOKEN_SECONDS = 600
_INSERT_CHANGE = "INSERT INTO _changes (at, name, kind, key, old, new) VALUES (?, ?, ?, ?, ?, ?)"


class Effect(msgspec.Struct, frozen=True):
    """What one write comes to. Same item before and after: nothing is stored."""

    layout: Layout
    key: Item
    old: Item | None
    new: Item | None


def effect_of(connection: sqlite3.Connection, layout: Layout, write: Write) -> Effect:
    """Raises ConditionFailed; ValueError or DomainError for an item that may not be stored."""
    key = key_of(write)
    old = read(connection, layout, key)
    if write.condition is not None and not holds(write.condition, old or {}):
        raise ConditionFailed(old)
    match write:
        case Put():
            return Effect(layout, key, old, dict(write.item))
        case Change():
            new = changed(key, old, write.updates)
            if new is not None:
                check_size(new)
                _check_index_keys(layout, new)
            return Effect(layout, key, old, new)
        case Delete():
            return Effect(layout, key, old, None)
        case Check():
            return Effect(layout, key, old, old)


def _check_index_keys(layout: Layout, item: Item) -> None:
    """A sum may have left the range of a number key."""
    for name, kind, sort in key_attributes(layout.table):
        if name in item:
            checked_key_value(name, kind, item[name], sort=sort)


def apply(connection: sqlite3.Connection, effect: Effect, now: float) -> None:
    old, new, layout = effect.old, effect.new, effect.layout
    if (old is None and new is None) or (old is not None and new is not None and same(old, new)):
        return
    if new is None:
        connection.execute(layout.delete, layout.key_values(effect.key))
    else:
        connection.execute(layout.upsert, layout.row(new))
    if layout.table.feed:
        kind = "INSERT" if old is None else "REMOVE" if new is None else "MODIFY"
        images = [None if image is None else encode(layout.table.shown(image)) for image in (old, new)]
        connection.execute(_INSERT_CHANGE, (now, layout.table.name, kind, encode(effect.key), *images))


def transact(
    connection: sqlite3.Connection, writes: Sequence[tuple[Layout, Write]], token: str | None, now: float
) -> None:
    """Raises TransactionFailed with the reasons of all that did not hold; ValueError for a token of other writes."""
    if token is not None:
        digest = _digest([write for _, write in writes])
        known = connection.execute("SELECT digest, at FROM _tokens WHERE token = ?", (token,)).fetchone()
        if known is not None and known[1] > now - TOKEN_SECONDS:
            if known[0] != digest:
                raise ValueError("the transaction's token was used for other writes")
            return
    effects: list[Effect] = []
    reasons: list[Reason | None] = []
    for layout, write in writes:
        try:
            effects.append(effect_of(connection, layout, write))
            reasons.append(None)
        except ConditionFailed as failed:
            reasons.append(Reason(failed.item))
    if any(reasons):
        raise TransactionFailed(reasons)
    for effect in effects:
        apply(connection, effect, now)
    if token is not None:
        connection.execute("INSERT OR REPLACE INTO _tokens (token, digest, at) VALUES (?, ?, ?)", (token, digest, now))


def _digest(writes: Sequence[Write]) -> bytes:
    return hashlib.sha256(msgspec.json.encode([_described(write) for write in writes], order="deterministic")).digest()


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


def remove_expired(connection: sqlite3.Connection, layout: Layout, now: float, most: int) -> int:
    """Delete up to `most` items whose time has passed; how many there were."""
    rows = connection.execute(
        f"SELECT _item FROM {layout.sql_name} INDEXED BY {layout.index_name('_ttl')} WHERE _ttl <= ? LIMIT ?",  # noqa: S608 - names are ours
        (now, most),
    ).fetchall()
    for (data,) in rows:
        item = decode(data)
        if expired(layout.table, item, now):
            key = {name: item[name] for name in layout.table.key_names}
            apply(connection, Effect(layout, key, item, None), now)
    return len(rows)
