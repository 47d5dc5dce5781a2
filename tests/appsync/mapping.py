"""What the API's APPSYNC_JS resolvers do with an event and with what our function answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Failed:
    """`util.error(message, errorType, data, errorInfo)`: the field is null, and this is its error."""

    message: str
    error_type: str
    data: Any = None
    info: Any = None


def value_of(result: Mapping[str, Any]) -> Any:
    """A field's value from one result of our function, or `Failed`."""
    error = result.get("error")
    if error is not None:
        return Failed(error["message"], error["errorType"], error.get("data"), error.get("errorInfo"))
    return result.get("data")


def batches(events: Sequence[Any], most: int) -> list[Sequence[Any]]:
    """The calls that `BatchInvoke` makes of one field's events."""
    return [events[start : start + most] for start in range(0, len(events), most)]
