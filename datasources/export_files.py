"""An export's file while it is made: on this machine's disk, row by row, so that memory holds a page of it only."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import assert_never

import msgspec

from domain.csv_text import Cell, lines
from domain.exports import ExportFormat

CONTENT_TYPES: dict[ExportFormat, str] = {"CSV": "text/csv; charset=utf-8", "JSON": "application/json"}


class ExportFile:
    """A table with named columns: lines of CSV, or a JSON list of an object a row."""

    def __init__(self, path: Path, format: ExportFormat, columns: Sequence[str]) -> None:
        self.path = path
        self.rows = 0
        self._format = format
        self._columns = tuple(columns)

    async def begin(self) -> None:
        await self._write(lines([self._columns]) if self._format == "CSV" else "[")

    async def add(self, rows: Sequence[Sequence[Cell]]) -> None:
        if rows:
            await self._write(self._text(rows))
            self.rows += len(rows)

    async def end(self) -> None:
        if self._format == "JSON":
            await self._write("\n]\n")

    def _text(self, rows: Sequence[Sequence[Cell]]) -> str:
        match self._format:
            case "CSV":
                return lines(rows)
            case "JSON":
                objects = [msgspec.json.encode(dict(zip(self._columns, row, strict=True))).decode() for row in rows]
                return (",\n" if self.rows else "\n") + ",\n".join(objects)
            case _:
                assert_never(self._format)

    async def _write(self, text: str) -> None:
        await asyncio.to_thread(_append, self.path, text.encode())


def _append(path: Path, piece: bytes) -> None:
    with path.open("ab") as file:
        file.write(piece)
