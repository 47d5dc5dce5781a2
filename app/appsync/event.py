"""What AppSync sends for one field: its Context object, as the resolvers' request function passes it on."""

from collections.abc import Mapping
from typing import Any

import msgspec


class Info(msgspec.Struct, frozen=True, rename="camel"):
    """Which field is asked for.

    Attributes:
        selection_set_list: the paths of what is selected below, by the names of the client's answer.
        selection_set_graphql: the same as text, where fragments keep their names.
    """

    field_name: str
    parent_type_name: str
    selection_set_list: tuple[str, ...] = ()
    selection_set_graphql: str = msgspec.field(name="selectionSetGraphQL", default="")


class Request(msgspec.Struct, frozen=True):
    """The HTTP request. `headers`: names as the client wrote them."""

    headers: Mapping[str, Any] | None = None


class Event(msgspec.Struct, frozen=True):
    """One field of one parent.

    Attributes:
        arguments: as AppSync coerced them; absent ones are not there.
        identity: by mode; None for an API key.
        source: the parent as JSON; None on a root field.
    """

    info: Info
    arguments: Mapping[str, Any] | None = None
    identity: Mapping[str, Any] | None = None
    source: Any = None
    request: Request | None = None

    @property
    def coordinate(self) -> str:
        return f"{self.info.parent_type_name}.{self.info.field_name}"

    def header(self, name: str) -> str | None:
        """A header's value, given its lower-case name; None when it is absent or no text."""
        headers = (self.request and self.request.headers) or {}
        found = next((value for key, value in headers.items() if key.lower() == name), None)
        return found if isinstance(found, str) and found else None


class BadEvent(Exception):
    """No event of AppSync's: somebody else has invoked the function."""


def read_event(written: Any) -> Event:
    """Raises BadEvent."""
    try:
        return msgspec.convert(written, Event)
    except msgspec.ValidationError as error:
        raise BadEvent(str(error)) from None
