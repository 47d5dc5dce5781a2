"""docs/parity.md: its table is written by `make parity ARGS=--write`, all else by hand."""

from collections.abc import Sequence
from pathlib import Path

from app import sdl
from tests.parity.comparison import Row, table

PAGE = Path(__file__).parents[2] / "docs" / "parity.md"
_HEAD = "| Operation |"


def root_fields() -> list[str]:
    """Coordinates of the contract's root fields, in the order of the table's rows."""
    schema = sdl.build(sdl.load())
    return [f"{root}.{name}" for root in sdl.ROOTS for name in sorted(schema.type_map[root].fields)]


def with_table(page: str, rows: Sequence[Row]) -> str:
    """The page with these rows in the place of its table."""
    lines = page.splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith(_HEAD))
    last = max(number for number, line in enumerate(lines) if line.startswith("|"))
    return "\n".join([*lines[:first], *table(rows), *lines[last + 1 :]]) + "\n"


def rows_of(page: str) -> list[list[str]]:
    """The cells of the table's rows."""
    return [
        [cell.strip() for cell in line.strip("|").split("|")] for line in page.splitlines() if line.startswith("| `")
    ]
