"""AWSJSON: a string of JSON on the wire in both directions, a value for resolvers."""

from typing import Any

import orjson

_LONGEST = 256 * 1024  # characters; a stored item holds 400 KB
_DEEPEST = 32

# A record or a date that lands here is a bug, not JSON.
_JSON_ONLY = orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_SUBCLASS


def parse(value: Any) -> Any:
    """The value that the text describes; None for the text `null`. Numbers beyond 64 bits become doubles."""
    if not isinstance(value, str):
        raise ValueError("a string that holds JSON is expected")
    if len(value) > _LONGEST:
        raise ValueError(f"at most {_LONGEST} characters")
    try:
        parsed = orjson.loads(value)
    except orjson.JSONDecodeError:
        raise ValueError("the text is not JSON") from None
    _refuse_deeper_than(_DEEPEST, parsed)
    return parsed


def serialise(value: Any) -> str:
    try:
        return orjson.dumps(value, option=_JSON_ONLY).decode()
    except TypeError:
        raise ValueError("a JSON value is expected") from None


def _refuse_deeper_than(deepest: int, value: Any) -> None:
    level = [value]
    for _ in range(deepest + 1):
        level = [
            child
            for each in level
            if isinstance(each, dict | list)
            for child in (each.values() if isinstance(each, dict) else each)
        ]
        if not level:
            return
    raise ValueError(f"at most {deepest} levels deep")
