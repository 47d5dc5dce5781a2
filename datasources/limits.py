"""DynamoDB's limits and types, checked alike by every engine before anything is sent or stored.

A `checked_...` function returns a plain copy: exact built-in types, tuples as lists, integral numbers as
int. Breaking a rule is a ValueError, for it is our own mistake; only an item's size is a DomainError
(LIMIT_EXCEEDED), for many texts that are each allowed may add up to it.
"""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, assert_never

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
from domain.errors import Code, DomainError

MAX_PAGE = 1000
MAX_PARTITION_KEY_BYTES = 2048
MAX_SORT_KEY_BYTES = 1024
MAX_NESTING = 32
MAX_OPERANDS = 100
MAX_TRANSACTION_BYTES = 4 * 1024 * 1024
MAX_TOKEN_CHARACTERS = 36
_MAX_DIGITS = 38
_MAX_INTEGER = 2**63
_TTL = "ttl"


# Values


def plain(value: Any, depth: int = 1) -> Any:
    """A value as it is stored and comes back. Raises ValueError for what DynamoDB cannot hold exactly."""
    kind = type(value)
    if kind is str:
        if not value.isascii():
            value.encode()  # a lone surrogate has no UTF-8 form: UnicodeEncodeError is a ValueError
        return value
    if kind is bool or value is None or kind is bytes:
        return value
    if kind is int or kind is float:
        return plain_number(value)
    if depth > MAX_NESTING:
        raise ValueError(f"values nest deeper than {MAX_NESTING} levels")
    if isinstance(value, Mapping):
        return {_name(name): plain(inner, depth + 1) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner, depth + 1) for inner in value]
    if isinstance(value, str):
        return plain(str.__str__(value))
    raise ValueError(f"{kind.__name__} is no type of an attribute")


def plain_number(value: int | float) -> int | float:
    """An integral number as int, any other as float; at most 38 significant digits, magnitude below 1e126."""
    if type(value) is int:
        if -_MAX_INTEGER <= value < _MAX_INTEGER:
            return value
        digits = str(abs(value))
        if len(digits) > 126 or len(digits.rstrip("0")) > _MAX_DIGITS:
            raise ValueError(f"the number has more than {_MAX_DIGITS} digits")
        return value
    exact = Decimal(repr(float(value)))
    if not exact.is_finite() or exact.adjusted() > 125 or (exact and exact.adjusted() < -130):
        raise ValueError("the number is out of range")
    return int(exact) if exact == exact.to_integral_value() else float(value)


def _name(name: Any) -> str:
    if not isinstance(name, str) or not name:
        raise ValueError("an attribute needs a name")
    return str(plain(name))


def item_size(item: Mapping[str, Any]) -> int:
    """Bytes as DynamoDB counts them: names and values, 3 for a list or map and 1 for each of its entries."""
    return sum(_text_size(name) + _value_size(value) for name, value in item.items())


def _text_size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())


def _value_size(value: Any) -> int:
    if isinstance(value, str):
        return _text_size(value)
    if value is None or isinstance(value, bool):
        return 1
    if isinstance(value, int | float):
        return len(str(value).strip("-0.").replace(".", "")) // 2 + 2
    if isinstance(value, bytes):
        return len(value)
    if isinstance(value, Mapping):
        return 3 + len(value) + item_size(value)
    return 3 + len(value) + sum(_value_size(inner) for inner in value)


def check_size(item: Mapping[str, Any]) -> None:
    """Raises DomainError LIMIT_EXCEEDED beyond 400 KB."""
    if item_size(item) > MAX_ITEM_BYTES:
        raise item_too_large()


def item_too_large() -> DomainError:
    return DomainError(Code.LIMIT_EXCEEDED, "The record is too large to be stored.", limit=MAX_ITEM_BYTES)


def expired(table: Table, item: Mapping[str, Any], now: float) -> bool:
    return table.ttl and _TTL in item and bool(item[_TTL] <= now)


# Items and keys


def checked_item(table: Table, item: Mapping[str, Any]) -> Item:
    copy: Item = plain(item)
    _check_attributes(table, copy, required=True)
    check_size(copy)
    return copy


def checked_key(table: Table, key: Mapping[str, Any]) -> Item:
    if set(key) != set(table.key_names):
        raise ValueError(f"a key of {table.name} is {', '.join(table.key_names)}")
    return {
        name: checked_key_value(name, "S", key[name], sort=position > 0)
        for position, name in enumerate(table.key_names)
    }


def checked_key_value(name: str, kind: KeyType, value: Any, *, sort: bool) -> Any:
    """One key attribute's value: of its type, not empty, within DynamoDB's size."""
    value = plain(value)
    if kind == "N":
        # SQLite's integers end here; no key comes near.
        if type(value) not in (int, float) or not -_MAX_INTEGER <= value < _MAX_INTEGER:
            raise ValueError(f"{name} is a number key")
        return value
    most = MAX_SORT_KEY_BYTES if sort else MAX_PARTITION_KEY_BYTES
    if type(value) is not str or not 1 <= _text_size(value) <= most:
        raise ValueError(f"{name} is a text key of 1 to {most} bytes")
    return value


def _check_attributes(table: Table, attributes: Mapping[str, Any], *, required: bool) -> None:
    """Key attributes of the table (when required), those of its indexes where present, and `ttl`."""
    for name, kind, sort in key_attributes(table):
        if name in attributes:
            checked_key_value(name, kind, attributes[name], sort=sort)
        elif required and name in table.key_names:
            raise ValueError(f"an item of {table.name} needs {name}")
    if table.ttl and _TTL in attributes and type(attributes[_TTL]) is not int:
        raise ValueError("ttl is in whole epoch seconds")


def key_attributes(table: Table) -> Iterator[tuple[str, KeyType, bool]]:
    """Name, type and role (is it a sort key) of each attribute that the table or an index has for a key."""
    for position, name in enumerate(table.key_names):
        yield name, "S", position > 0
    for index in table.indexes:
        yield index.partition, "S", False
        if index.sort:
            yield index.sort, index.sort_type, True


def check_batch_get(keys: Sequence[Any]) -> None:
    if len(keys) > MAX_BATCH_GET:
        raise ValueError(f"at most {MAX_BATCH_GET} keys are read at once")


# Conditions and updates


def check_condition(condition: Condition) -> None:
    """Raises ValueError for a condition that DynamoDB would refuse."""
    match condition:
        case Exists() | NotExists():
            pass
        case Compare(_, operator, value):
            if not isinstance(value, Attribute):
                plain(value)
                if operator not in ("=", "<>") and kind_of(value) not in ("S", "N", "B"):
                    raise ValueError("only texts, numbers and bytes have an order")
        case OneOf(_, values):
            _check_count(values)
            for value in values:
                plain(value)
        case BeginsWith(_, prefix):
            if not isinstance(prefix, str):
                raise ValueError("a prefix is a text")
        case Contains(_, value):
            plain(value)
        case AllOf(conditions) | AnyOf(conditions):
            _check_count(conditions)
            for inner in conditions:
                check_condition(inner)
        case Not(inner):
            check_condition(inner)
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


def kind_of(value: Any) -> str:
    """DynamoDB's name of a value's type."""
    if isinstance(value, bool):
        return "BOOL"
    if isinstance(value, str):
        return "S"
    if isinstance(value, int | float):
        return "N"
    if value is None:
        return "NULL"
    if isinstance(value, bytes):
        return "B"
    return "M" if isinstance(value, Mapping) else "L"


def checked_updates(table: Table, updates: Sequence[Update]) -> tuple[Update, ...]:
    if not updates:
        raise ValueError("a change has at least one update")
    names = [update.name for update in updates]
    if len(set(names)) != len(names):
        raise ValueError("an attribute is updated twice")
    if not set(names).isdisjoint(table.key_names):
        raise ValueError("a key attribute cannot be updated")
    return tuple(_checked_update(table, update) for update in updates)


def _checked_update(table: Table, update: Update) -> Update:
    name = _name(update.name)
    match update:
        case Remove():
            return update
        case Add(_, amount):
            if isinstance(amount, bool) or not isinstance(amount, int | float):
                raise ValueError("only a number can be added")
            if any(name == key and kind == "S" for key, kind, _ in key_attributes(table)):
                raise ValueError(f"{name} is a text key")
            return Add(name, plain_number(amount))
        case Set(_, value) | SetIfMissing(_, value):
            value = plain(value)
            _check_attributes(table, {name: value}, required=False)
            return type(update)(name, value)
        case _:
            assert_never(update)


# Writes


def checked_write(write: Write) -> Write:
    """The write in plain values. Sizes of changed items are the engine's to check, as only it knows them."""
    if write.condition is not None:
        check_condition(write.condition)
    match write:
        case Put(table, item, condition):
            return Put(table, checked_item(table, item), condition)
        case Change(table, key, updates, condition):
            return Change(table, checked_key(table, key), checked_updates(table, updates), condition)
        case Delete(table, key, condition):
            return Delete(table, checked_key(table, key), condition)
        case Check(table, key, condition):
            return Check(table, checked_key(table, key), condition)
        case _:
            assert_never(write)


def key_of(write: Write) -> Item:
    """The key that a write is about."""
    source = write.item if isinstance(write, Put) else write.key
    return {name: source[name] for name in write.table.key_names}


def checked_transaction(writes: Sequence[Write], token: str | None) -> list[Write]:
    if not 1 <= len(writes) <= MAX_TRANSACTION:
        raise ValueError(f"a transaction has 1 to {MAX_TRANSACTION} writes")
    if token is not None and not 1 <= len(token) <= MAX_TOKEN_CHARACTERS:
        raise ValueError(f"a transaction's token has 1 to {MAX_TOKEN_CHARACTERS} characters")
    checked = [checked_write(write) for write in writes]
    _check_distinct(checked)
    if sum(item_size(write.item) for write in checked if isinstance(write, Put)) > MAX_TRANSACTION_BYTES:
        raise ValueError("the transaction is larger than 4 MB")
    return checked


def checked_batch(
    table: Table, puts: Sequence[Mapping[str, Any]], deletes: Sequence[Mapping[str, Any]]
) -> list[Put | Delete]:
    if len(puts) + len(deletes) > MAX_BATCH_WRITE:
        raise ValueError(f"a batch has at most {MAX_BATCH_WRITE} writes")
    writes: list[Put | Delete] = [Put(table, checked_item(table, item)) for item in puts]
    writes += [Delete(table, checked_key(table, key)) for key in deletes]
    _check_distinct(writes)
    return writes


def _check_distinct(writes: Sequence[Write]) -> None:
    if len({(write.table.name, *key_of(write).values()) for write in writes}) != len(writes):
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
    given = {bound: value for bound in SortRange.__struct_fields__ if (value := getattr(sort, bound)) is not None}
    lower = given.keys() & {"after", "at_least"}
    upper = given.keys() & {"before", "at_most"}
    alone = given.keys() & {"prefix", "equal"}
    if (alone and len(given) > 1) or len(lower) > 1 or len(upper) > 1:
        raise ValueError("these bounds of a sort key exclude each other")
    for value in given.values():
        checked_key_value(name, kind, value, sort=True)


def _check_start(table: Table, index: Index | None, partition: Any, after: Mapping[str, Any]) -> None:
    if set(after) != set(position_names(table, index)):
        raise ValueError("that is no position in this query")
    if after[query_keys(table, index)[0]] != partition:
        raise ValueError("that position is in another partition")
    _check_attributes(table, after, required=True)
