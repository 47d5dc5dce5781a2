"""DynamoDB's limits on requests, checked alike by every engine before anything is sent or stored.

A `checked_...` function returns a copy in plain values. Breaking a rule is a ValueError, for it is our own
mistake; only an item's size is a DomainError (LIMIT_EXCEEDED), for many texts that are each allowed may add
up to it.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import repeat
from typing import Any, assert_never

import msgspec

from datasources.conditions import (
    AllOf,
    AnyOf,
    Attribute,
    BeginsWith,
    Compare,
    Condition,
    Contains,
    Exists,
    Not,
    NotExists,
    OneOf,
)
from datasources.ports import (
    MAX_BATCH_GET,
    MAX_BATCH_WRITE,
    MAX_ITEM_BYTES,
    MAX_QUERIES,
    MAX_TRANSACTION,
    Change,
    Check,
    Delete,
    Item,
    Put,
    SortRange,
    Write,
)
from datasources.tables import Index, KeyType, Table
from datasources.updates import Add, Remove, Set, SetIfMissing, Update
from datasources.values import (
    MAX_INTEGER,
    attribute_name,
    item_size,
    kind_of,
    plain,
    plain_item,
    plain_number,
    text_size,
)

MAX_PAGE = 1000
MAX_PARTITION_KEY_BYTES = 2048
MAX_SORT_KEY_BYTES = 1024
MAX_OPERANDS = 100
MAX_TRANSACTION_BYTES = 4 * 1024 * 1024
MAX_TOKEN_CHARACTERS = 36
_TTL = "ttl"
_TEXT = frozenset({str})
_ABSENT = repeat("-")
"""What attributes that are not there are taken for: a text that a key may be."""

KeyValues = tuple[Any, ...]
"""In the order of `Table.key_names`."""
Keyed = tuple[KeyValues, Write]
"""A write in plain values, and the key of the item that it is about."""


# Items and keys


def expired(table: Table, item: Mapping[str, Any], now: float) -> bool:
    return table.ttl and _TTL in item and bool(item[_TTL] <= now)


def checked_item(table: Table, item: Mapping[str, Any]) -> Item:
    copy = plain_item(item)
    _check_attributes(table, copy, required=True)
    return copy


def checked_key(table: Table, key: Mapping[str, Any]) -> Item:
    return dict(zip(table.key_names, checked_key_values(table, key), strict=True))


def checked_key_values(table: Table, key: Mapping[str, Any]) -> KeyValues:
    try:
        values = table.key_values(key)
    except KeyError:
        values = ()
    if not values or len(values) != len(key):
        raise ValueError(f"a key of {table.name} is {', '.join(table.key_names)}")
    if _are_usual(values):
        return values
    names = zip(table.key_names, values, strict=True)
    return tuple(checked_key_value(name, "S", value, sort=name == table.sort) for name, value in names)


def _are_usual(values: Sequence[Any]) -> bool:
    """Whether each may be any text key. Nearly all are, and together that is told quickly."""
    if set(map(type, values)) != _TEXT or "" in values:
        return False
    texts = "".join(values)
    return len(texts) <= MAX_SORT_KEY_BYTES and texts.isascii()


def checked_key_value(name: str, kind: KeyType, value: Any, *, sort: bool) -> Any:
    """One key attribute's value: of its type, not empty, within DynamoDB's size."""
    value = plain(value)
    if kind == "N":
        # SQLite's integers end here; no key comes near.
        if type(value) not in (int, float) or not -MAX_INTEGER <= value < MAX_INTEGER:
            raise ValueError(f"{name} is a number key")
        return value
    most = MAX_SORT_KEY_BYTES if sort else MAX_PARTITION_KEY_BYTES
    if type(value) is not str or not 1 <= text_size(value) <= most:
        raise ValueError(f"{name} is a text key of 1 to {most} bytes")
    return value


def _check_attributes(table: Table, attributes: Mapping[str, Any], *, required: bool) -> None:
    """Key attributes of the table (when required), those of its indexes where present, and `ttl`."""
    if required and not all(map(attributes.__contains__, table.key_names)):
        raise ValueError(f"an item of {table.name} needs {' and '.join(table.key_names)}")
    if table.number_keys or not _are_usual([*map(attributes.get, table.text_keys, _ABSENT)]):
        for name, kind, sort in table.key_attributes:
            if name in attributes:
                checked_key_value(name, kind, attributes[name], sort=sort)
    if table.ttl and type(attributes.get(_TTL, 0)) is not int:
        raise ValueError("ttl is in whole epoch seconds")


def check_batch_get(keys: Sequence[Any]) -> None:
    if len(keys) > MAX_BATCH_GET:
        raise ValueError(f"at most {MAX_BATCH_GET} keys are read at once")


# Conditions and updates


def check_condition(condition: Condition) -> None:
    """Raises ValueError for a condition that DynamoDB would refuse."""
    match condition:
        case Compare():
            if not isinstance(condition.value, Attribute):
                plain(condition.value)
                if condition.operator not in ("=", "<>") and kind_of(condition.value) not in ("S", "N", "B"):
                    raise ValueError("only texts, numbers and bytes have an order")
        case AllOf() | AnyOf():
            _check_count(condition.conditions)
            for inner in condition.conditions:
                check_condition(inner)
        case Exists() | NotExists():
            pass
        case OneOf():
            _check_count(condition.values)
            for value in condition.values:
                plain(value)
        case BeginsWith():
            if not isinstance(condition.prefix, str):
                raise ValueError("a prefix is a text")
        case Contains():
            plain(condition.value)
        case Not():
            check_condition(condition.condition)
        case _:
            assert_never(condition)


def _check_count(operands: Sequence[Any]) -> None:
    if not 1 <= len(operands) <= MAX_OPERANDS:
        raise ValueError(f"a condition has 1 to {MAX_OPERANDS} operands")


def condition_names(condition: Condition) -> Iterator[str]:
    """Every attribute that a condition looks at."""
    match condition:
        case AllOf(conditions) | AnyOf(conditions):
            for inner in conditions:
                yield from condition_names(inner)
        case Not(inner):
            yield from condition_names(inner)
        case Compare(name, _, Attribute(other)):
            yield name
            yield other
        case _:
            yield condition.name


def checked_updates(table: Table, updates: Sequence[Update]) -> tuple[Update, ...]:
    if not updates:
        raise ValueError("a change has at least one update")
    names = {update.name for update in updates}
    if len(names) != len(updates):
        raise ValueError("an attribute is updated twice")
    if not names.isdisjoint(table.key_names):
        raise ValueError("a key attribute cannot be updated")
    return tuple([_checked_update(table, update) for update in updates])


def _checked_update(table: Table, update: Update) -> Update:
    name = attribute_name(update.name)
    match update:
        case Set() | SetIfMissing():
            value = plain(update.value)
            if name in table.checked_names:
                _check_attributes(table, {name: value}, required=False)
            return update if value is update.value else type(update)(name, value)
        case Remove():
            return update
        case Add(_, amount):
            if isinstance(amount, bool) or not isinstance(amount, int | float):
                raise ValueError("only a number can be added")
            if any(name == key and kind == "S" for key, kind, _ in table.key_attributes):
                raise ValueError(f"{name} is a text key")
            return Add(name, plain_number(amount))
        case _:
            assert_never(update)


# Writes


def checked_write(write: Write) -> Keyed:
    """Sizes of changed items are the engine's to check, as only it knows them."""
    table, condition = write.table, write.condition
    if condition is not None:
        check_condition(condition)
    if isinstance(write, Put):
        item = checked_item(table, write.item)
        return table.key_values(item), Put(table, item, condition)
    values = checked_key_values(table, write.key)
    key = dict(zip(table.key_names, values, strict=True))
    match write:
        case Check():
            return values, Check(table, key, write.condition)
        case Change():
            return values, Change(table, key, checked_updates(table, write.updates), condition)
        case Delete():
            return values, Delete(table, key, condition)
        case _:
            assert_never(write)


def checked_transaction(writes: Sequence[Write], token: str | None) -> list[Keyed]:
    if not 1 <= len(writes) <= MAX_TRANSACTION:
        raise ValueError(f"a transaction has 1 to {MAX_TRANSACTION} writes")
    if token is not None and not 1 <= len(token) <= MAX_TOKEN_CHARACTERS:
        raise ValueError(f"a transaction's token has 1 to {MAX_TOKEN_CHARACTERS} characters")
    checked = [checked_write(write) for write in writes]
    _check_distinct(checked)
    if len(checked) * MAX_ITEM_BYTES > MAX_TRANSACTION_BYTES:
        sizes = [item_size(write.item) for _, write in checked if isinstance(write, Put)]
        if sum(sizes) > MAX_TRANSACTION_BYTES:
            raise ValueError("the transaction is larger than 4 MB")
    return checked


def checked_batch(table: Table, puts: Sequence[Mapping[str, Any]], deletes: Sequence[Mapping[str, Any]]) -> list[Keyed]:
    """Puts and deletes."""
    if len(puts) + len(deletes) > MAX_BATCH_WRITE:
        raise ValueError(f"a batch has at most {MAX_BATCH_WRITE} writes")
    checked = [checked_write(Put(table, item)) for item in puts]
    checked += [checked_write(Delete(table, key)) for key in deletes]
    _check_distinct(checked)
    return checked


def _check_distinct(checked: Sequence[Keyed]) -> None:
    if len({(write.table.name, key) for key, write in checked}) != len(checked):
        raise ValueError("an item is written twice")


# Queries


def check_query(
    table: Table,
    index: Index | None,
    partition: Any,
    sort: SortRange | None,
    limit: int,
    after: Mapping[str, Any] | None,
    where: Condition | None,
) -> None:
    """Raises ValueError for a query that DynamoDB would refuse, or one over `MAX_PAGE` items."""
    if not 1 <= limit <= MAX_PAGE:
        raise ValueError(f"a page has 1 to {MAX_PAGE} items")
    partition_name, sort_name, sort_type = query_keys(table, index)
    checked_key_value(partition_name, "S", partition, sort=False)
    if sort is not None:
        if sort_name is None:
            raise ValueError("there is no sort key to bound")
        _check_range(sort_name, sort_type, sort)
    if after is not None:
        _check_start(table, index, partition, after)
    if where is not None:
        check_condition(where)
        if not {partition_name, sort_name}.isdisjoint(condition_names(where)):
            raise ValueError("a filter cannot look at the keys of the query")


def check_queries(starts: Mapping[str, Any]) -> None:
    if len(starts) > MAX_QUERIES:
        raise ValueError(f"at most {MAX_QUERIES} partitions are queried at once")


def query_keys(table: Table, index: Index | None) -> tuple[str, str | None, KeyType]:
    """Partition attribute, sort attribute (or None) and its type, of the table or of its index."""
    return (table.partition, table.sort, "S") if index is None else (index.partition, index.sort, index.sort_type)


def position_names(table: Table, index: Index | None) -> tuple[str, ...]:
    """The attributes of a page's `last_key`: the index's keys, then those of the table."""
    names = table.key_names if index is None else (index.partition, index.sort, *table.key_names)
    return tuple(dict.fromkeys(name for name in names if name))


def _check_range(name: str, kind: KeyType, sort: SortRange) -> None:
    if sort.prefix is not None and kind != "S":
        raise ValueError(f"{name} is a number key and has no prefix")
    given = [value for value in msgspec.structs.astuple(sort) if value is not None]
    if len(given) > 1:
        alone = sort.prefix is not None or sort.equal is not None
        two_lower = sort.after is not None and sort.at_least is not None
        two_upper = sort.before is not None and sort.at_most is not None
        if alone or two_lower or two_upper:
            raise ValueError("these bounds of a sort key exclude each other")
    for value in given:
        checked_key_value(name, kind, value, sort=True)


def _check_start(table: Table, index: Index | None, partition: Any, after: Mapping[str, Any]) -> None:
    if set(after) != set(position_names(table, index)):
        raise ValueError("that is no position in this query")
    if after[query_keys(table, index)[0]] != partition:
        raise ValueError("that position is in another partition")
    _check_attributes(table, after, required=True)
