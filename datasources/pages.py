"""Pages whose items are at hand as plain values."""

from functools import partial
from typing import Any

import msgspec

from datasources.ports import Item, Record
from datasources.readable import readable


class ItemPage(msgspec.Struct, frozen=True):
    """A `Page`."""

    items: list[Item]
    last_key: dict[str, Any] | None

    def records(self, kind: type[Record]) -> list[Record]:
        return readable(self.items, partial(msgspec.convert, type=kind))
