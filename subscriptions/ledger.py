"""What subscribers heard last of each record, as far as this process knows: its own events and those of the others."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

SIZE = 50_000
"""Records remembered; the one heard of longest ago makes room. Of a forgotten one, subscribers may hear again."""

State = int | str | None
Entry = tuple[str, tuple[str, ...], State]
"""A subscription field, the record that it showed, and in which state."""


class Mark(msgspec.Struct, frozen=True):
    """How a payload says what it shows.

    Attributes:
        record: fields that name the record.
        state: the field that says in which state it is; rising where a record has a version, null being the lowest.
    """

    record: tuple[str, ...]
    state: str


class Ledger:
    """One a process.

    Args:
        marks: by subscription field; of other fields nothing is remembered.
    """

    def __init__(self, marks: Mapping[str, Mark], size: int = SIZE) -> None:
        self._marks = marks
        self._size = size
        self._heard: OrderedDict[tuple[str, tuple[str, ...]], State] = OrderedDict()

    def entries(self, fields: Sequence[str], payload: Mapping[str, Any]) -> tuple[Entry, ...]:
        """What listeners to these fields hear with this payload; nothing of a payload that does not name its record."""
        found = []
        for field in fields:
            mark = self._marks.get(field)
            if mark is not None and payload.keys() >= {*mark.record, mark.state}:
                found.append((field, tuple(payload[name] for name in mark.record), payload[mark.state]))
        return tuple(found)

    def note(self, entries: Sequence[Entry]) -> None:
        for field, record, state in entries:
            self._heard[field, record] = state
            self._heard.move_to_end((field, record))
            if len(self._heard) > self._size:
                self._heard.popitem(last=False)

    def heard(self, field: str, record: tuple[str, ...], state: State) -> bool:
        """Whether exactly this was heard last."""
        return (field, record) in self._heard and self._heard[field, record] == state

    def reached(self, field: str, record: tuple[str, ...], state: State) -> bool:
        """Whether this or a later state was heard last."""
        if (field, record) not in self._heard:
            return False
        known: Any = self._heard[field, record]
        return known == state or state is None or (known is not None and known > state)
