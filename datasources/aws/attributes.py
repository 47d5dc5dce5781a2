"""Items to and from DynamoDB's wire types, with exact numbers."""

import base64
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from datasources.ports import Item
from datasources.values import kind_of

Wire = dict[str, Any]


def to_wire(item: Mapping[str, Any]) -> dict[str, Wire]:
    return {name: wire_value(value) for name, value in item.items()}


def wire_value(value: Any) -> Wire:
    kind = kind_of(value)
    match kind:
        case "N":
            return {"N": str(value) if type(value) is int else format(Decimal(repr(value)), "f")}
        case "NULL":
            return {"NULL": True}
        case "L":
            return {"L": [wire_value(inner) for inner in value]}
        case "M":
            return {"M": to_wire(value)}
        case _:
            return {kind: value}


def from_wire(attributes: Mapping[str, Wire]) -> Item:
    return {name: plain_value(value) for name, value in attributes.items()}


def plain_value(wire: Wire) -> Any:
    ((kind, value),) = wire.items()
    match kind:
        case "N":
            return _number(value)
        case "NULL":
            return None
        case "L":
            return [plain_value(inner) for inner in value]
        case "M":
            return from_wire(value)
        case "B":
            return base64.b64decode(value) if isinstance(value, str) else value  # text in JSON, bytes from the client
        case _:
            return value


def _number(text: str) -> int | float:
    """An integral number as int, as `datasources.limits.plain_number` makes it."""
    try:
        return int(text)
    except ValueError:
        exact = Decimal(text)
        return int(exact) if exact == exact.to_integral_value() else float(exact)
