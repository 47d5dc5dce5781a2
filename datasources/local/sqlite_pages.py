"""Pages as they lie in the file: a row becomes what is asked for, in one step."""

from functools import partial
from typing import Any

import msgspec

from datasources.local.sqlite_schema import decode
from datasources.ports import Item, Record
from datasources.readable import record_or_none


class RecordDecoders:
    """From a row's bytes to a record, without an item between. One for each class that is asked for."""

    def __init__(self) -> None:
        self._decoders: dict[type[Any], msgspec.msgpack.Decoder[Any]] = {}

    def of(self, kind: type[Record]) -> "msgspec.msgpack.Decoder[Record]":
        decoder = self._decoders.get(kind)
        if decoder is None:
            decoder = self._decoders[kind] = msgspec.msgpack.Decoder(kind)
        return decoder


class RowPage:
    """A `Page`."""

    def __init__(self, rows: list[bytes], last_key: dict[str, Any] | None, decoders: RecordDecoders) -> None:
        self.last_key = last_key
        self._rows = rows
        self._decoders = decoders

    @property
    def items(self) -> list[Item]:
        return [decode(row) for row in self._rows]

    def records(self, kind: type[Record]) -> list[Record]:
        read = self._decoders.of(kind).decode
        try:
            return [read(row) for row in self._rows]
        except msgspec.ValidationError:  # of one of them, which the long way finds
            records = (record_or_none(item, partial(msgspec.convert, type=kind)) for item in self.items)
            return [record for record in records if record is not None]
