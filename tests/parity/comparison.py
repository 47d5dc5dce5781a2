"""Two runs of the same tests, operation by operation, and the table of what was found."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from tests.parity.recording import Operation


class Difference(msgspec.Struct, frozen=True):
    """What one runtime answered and the other did not.

    Attributes:
        server, appsync: the answers that only one of them gave, as JSON text.
    """

    test: str
    asked: str
    server: tuple[str, ...]
    appsync: tuple[str, ...]


class Row(msgspec.Struct, frozen=True):
    """How often a root field was asked through both, and answered alike."""

    field: str
    asked: int
    equal: int


class Comparison(msgspec.Struct, frozen=True):
    operations: int
    equal: int
    differences: tuple[Difference, ...]
    rows: tuple[Row, ...]


def compare(server: Iterable[Operation], appsync: Iterable[Operation], fields: Sequence[str]) -> Comparison:
    """
    Of the same operation of one test the answers are compared as a set, for in a race each caller may be the winner.

    Args:
        fields: coordinates of all root fields, in the order of the rows.
    """
    ours, theirs = _by_operation(server), _by_operation(appsync)
    asked: Counter[str] = Counter()
    equal: Counter[str] = Counter()
    differences = []
    operations = alike = 0
    for key in sorted(ours.keys() | theirs.keys()):
        test, names, text = key
        one, other = ours.get(key, Counter()), theirs.get(key, Counter())
        total, same = max(one.total(), other.total()), (one & other).total()
        operations, alike = operations + total, alike + same
        for name in names:
            asked[name] += total
            equal[name] += same
        if same < total:
            differences.append(Difference(test, text, _only(one, other), _only(other, one)))
    rows = tuple(Row(name, asked[name], equal[name]) for name in fields)
    return Comparison(operations, alike, tuple(differences), rows)


def table(rows: Iterable[Row]) -> Iterator[str]:
    """The parity table in Markdown."""
    yield "| Operation | Asked of both runtimes | Answered alike |"
    yield "| --- | --: | --: |"
    for row in rows:
        yield f"| `{row.field}` | {row.asked} | {'all' if row.asked == row.equal else row.equal} |"


def _by_operation(recorded: Iterable[Operation]) -> dict[tuple[str, tuple[str, ...], str], Counter[str]]:
    found: dict[tuple[str, tuple[str, ...], str], Counter[str]] = defaultdict(Counter)
    for each in recorded:
        found[each.test, each.fields, each.asked][each.answer] += 1
    return found


def _only(one: Counter[str], other: Counter[str]) -> tuple[str, ...]:
    return tuple((one - other).elements())
