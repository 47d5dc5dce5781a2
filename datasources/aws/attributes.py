"""Items to and from DynamoDB's wire types, with exact numbers."""

import base64
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import msgspec

from datasources.ports import Item
from datasources.values import kind_of

Wire = dict[str, Any]


def to_wire(item: Mapping[str, Any]) -> dict[str, Wire]:
    return {name: {"S": value} if type(value) is str else wire_value(value) for name, value in item.items()}


def wire_value(value: Any) -> Wire:
    if type(value) is str:  # what most values are
        return {"S": value}
    if type(value) is int:
        return {"N": str(value)}
    kind = kind_of(value)
    match kind:
        case "N":
            return {"N": format(Decimal(repr(value)), "f")}
        case "NULL":
            return {"NULL": True}
        case "L":
            return {"L": [wire_value(inner) for inner in value]}
        case "M":
            return {"M": to_wire(value)}
        case _:
            return {kind: value}


def from_wire(attributes: Mapping[str, Wire]) -> Item:
    return {
        name: wire["S"] if "S" in wire else _number(wire["N"]) if "N" in wire else plain_value(wire)
        for name, wire in attributes.items()
    }


def from_json(item: bytes | msgspec.Raw) -> Item:
    """An item as it stands in an answer."""
    return from_wire(msgspec.json.decode(item))


def plain_value(wire: Wire) -> Any:
    if "L" in wire:
        return [inner["S"] if "S" in inner else plain_value(inner) for inner in wire["L"]]
    ((kind, value),) = wire.items()
    read = _READ.get(kind)
    return value if read is None else read(value)


def _number(text: str) -> int | float:
    """An integral number as int, as `datasources.limits.plain_number` makes it."""
    try:
        return int(text)
    except ValueError:
        exact = Decimal(text)
        return int(exact) if exact == exact.to_integral_value() else float(exact)


def _bytes(value: str | bytes) -> bytes:
    """Text in JSON, bytes from aioboto3's client."""
    return base64.b64decode(value) if isinstance(value, str) else value


_READ: Mapping[str, Callable[[Any], Any]] = {
    "N": _number,
    "NULL": lambda _: None,
    "M": from_wire,
    "B": _bytes,
}
"""Those kinds whose values are not written as they are."""
