"""Values of attributes: DynamoDB's types, exact numbers, and sizes in bytes.

Plain values have exact built-in types: tuples are lists, enums their text, integral numbers int.
"""

from collections.abc import Mapping
from decimal import Decimal
from types import NoneType
from typing import Any

import msgspec

from datasources.ports import MAX_ITEM_BYTES, Item
from domain.errors import Code, DomainError

MAX_NESTING = 32
MAX_INTEGER = 2**63
"""Where 64-bit integers end; beyond are DynamoDB's 38 digits."""
_MAX_DIGITS = 38
_FLAT = frozenset({str, int, bool, type(None), bytes, list})
_TEXT = frozenset({str})
_KINDS: Mapping[type, str] = {
    bool: "BOOL",  # before int, which it is too
    str: "S",
    int: "N",
    float: "N",
    NoneType: "NULL",
    bytes: "B",
    list: "L",
    tuple: "L",
    dict: "M",
}


def kind_of(value: Any) -> str:
    """DynamoDB's name of a value's type."""
    kind = _KINDS.get(type(value))
    return kind or next((kind for each, kind in _KINDS.items() if isinstance(value, each)), "M")


def plain(value: Any, depth: int = 1) -> Any:
    """A value as it is stored and comes back. Raises ValueError for what DynamoDB cannot hold exactly."""
    kind = type(value)
    if kind is str:
        if not value.isascii():
            value.encode()  # a lone surrogate has no UTF-8 form: UnicodeEncodeError is a ValueError
        return value
    if kind is int and -MAX_INTEGER <= value < MAX_INTEGER:
        return value
    if kind is int or kind is float:
        return plain_number(value)
    if kind is bool or value is None or kind is bytes:
        return value
    if depth > MAX_NESTING:
        raise ValueError(f"values nest deeper than {MAX_NESTING} levels")
    if kind is list or kind is tuple:  # before Mapping, which takes longer to tell
        return [plain(inner, depth + 1) for inner in value]
    if kind is dict or isinstance(value, Mapping):
        return {attribute_name(name): plain(inner, depth + 1) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner, depth + 1) for inner in value]
    if isinstance(value, str):
        return plain(str.__str__(value))
    raise ValueError(f"{kind.__name__} is no type of an attribute")


def plain_item(item: Mapping[str, Any]) -> Item:
    """A copy of an item in plain values.

    Raises:
        ValueError: as `plain`.
        DomainError: LIMIT_EXCEEDED beyond 400 KB.
    """
    packed = _packed(item) if _is_flat(item) else None
    if packed is not None and _is_surely_small(packed):
        copy: Item = msgspec.msgpack.decode(packed)  # as nearly all are
    else:
        copy = plain(item)
        check_size(copy)
    return copy


def _is_flat(item: Mapping[str, Any]) -> bool:
    """Whether all its values are scalars of plain types, but for empty lists: told without a look at each."""
    values = [*item.values()]
    kinds = [*map(type, values)]
    are_flat = _FLAT.issuperset(kinds) and kinds.count(list) == values.count([])
    return are_flat and set(map(type, item)) == _TEXT and "" not in item


def plain_number(value: int | float) -> int | float:
    """An integral number as int, any other as float; at most 38 significant digits, magnitude below 1e126."""
    if type(value) is int:
        digits = str(abs(value))
        if len(digits) > 126 or len(digits.rstrip("0")) > _MAX_DIGITS:
            raise ValueError(f"the number has more than {_MAX_DIGITS} digits")
        return value
    exact = Decimal(repr(float(value)))
    if not exact.is_finite() or exact.adjusted() > 125 or (exact and exact.adjusted() < -130):
        raise ValueError("the number is out of range")
    return int(exact) if exact == exact.to_integral_value() else float(value)


def attribute_name(name: Any) -> str:
    if type(name) is str and name and name.isascii():
        return name
    if not isinstance(name, str) or not name:
        raise ValueError("an attribute needs a name")
    return str(plain(name))


def item_size(item: Mapping[str, Any]) -> int:
    """Bytes as DynamoDB counts them: names and values, 3 for a list or map and 1 for each of its entries."""
    return sum(text_size(name) + _value_size(value) for name, value in item.items())


def text_size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())


def _value_size(value: Any) -> int:
    if isinstance(value, str):
        return text_size(value)
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
    packed = _packed(item)
    if (packed is None or not _is_surely_small(packed)) and item_size(item) > MAX_ITEM_BYTES:
        raise item_too_large()


def _packed(item: Mapping[str, Any]) -> bytes | None:
    """As msgpack; None for an integer beyond 64 bits and for half a surrogate pair."""
    try:
        return msgspec.msgpack.encode(item)
    except (OverflowError, UnicodeEncodeError):
        return None


def _is_surely_small(packed: bytes) -> bool:
    """Told in a hundredth of the time that counting takes: no value is over four times as large as in msgpack."""
    return 4 * len(packed) <= MAX_ITEM_BYTES


def item_too_large() -> DomainError:
    return DomainError(Code.LIMIT_EXCEEDED, "The record is too large to be stored.", limit=MAX_ITEM_BYTES)
