"""Two runs of the same tests, operation by operation, and the table of what was found."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

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
    A test is compared up to its first race: what comes after depends on who won, and the test itself judges it.

    Args:
        fields: coordinates of all root fields, in the order of the rows.
    """
    one_run, other_run = list(server), list(appsync)
    races = _first_races([*one_run, *other_run])
    ours, theirs = _by_operation(one_run, races), _by_operation(other_run, races)
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


def _first_races(recorded: Iterable[Operation]) -> dict[str, int]:
    """The number of the first operation that raced, by test."""
    found: dict[str, int] = {}
    for each in recorded:
        if each.raced:
            found[each.test] = min(each.number, found.get(each.test, each.number))
    return found


def _by_operation(
    recorded: Iterable[Operation], races: Mapping[str, int]
) -> dict[tuple[str, tuple[str, ...], str], Counter[str]]:
    found: dict[tuple[str, tuple[str, ...], str], Counter[str]] = defaultdict(Counter)
    for each in recorded:
        if each.test not in races or each.number < races[each.test]:
            found[each.test, each.fields, each.asked][each.answer] += 1
    return found


def _only(one: Counter[str], other: Counter[str]) -> tuple[str, ...]:
    return tuple((one - other).elements())
