"""Results as a table on the terminal, in `bench/results.json`, and in docs/benchmarks.md for readers."""

import json
import os
import platform
import shutil
import subprocess
import timeit
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path

RESULTS = Path(__file__).parent / "results.json"
PAGE = Path(__file__).parent.parent / "docs" / "benchmarks.md"


@dataclass(frozen=True)
class Part:
    """One section of the page.

    Attributes:
        measure: is given a list for what could not be measured and why.
        how: it is measured, beyond what holds for all parts.
        by_itself: takes longer than all others together, and is measured only when it is named.
    """

    title: str
    measure: Callable[[list[str]], "list[Result]"]
    how: str
    by_itself: bool = False


@dataclass(frozen=True)
class Result:
    """`ours` and `peer` in `unit`; `ratio` says how many times better ours is, None without a peer.

    `target` is the least ratio, or the most in `unit` where there is no peer; None: no goal.
    `spread` is the middle half of the ratios that `ratio` is the median of, where the machine's other work shows.
    """

    name: str
    ours: float
    peer: float | None
    unit: str
    ratio: float | None
    target: float | None
    spread: tuple[float, float] | None = None

    @property
    def verdict(self) -> str:
        if self.target is None:
            return ""
        reached = self.ours <= self.target if self.ratio is None else self.ratio >= self.target
        return "reached" if reached else "MISSED"

    def cells(self) -> tuple[str, str, str, str, str, str, str]:
        ratio = "" if self.ratio is None else f"{self.ratio:.2f}x"
        if self.spread is not None:
            ratio += f" ({self.spread[0]:.2f}-{self.spread[1]:.2f})"
        target = "" if self.target is None else f"{round(self.target, 2):g}x" if self.ratio else f"{self.target:,.0f}"
        peer = "" if self.peer is None else _figure(self.peer)
        return self.name, _figure(self.ours), peer, self.unit, ratio, target, self.verdict


HEADINGS = ("what", "ours", "peer", "unit", "ratio", "target", "")


def table(results: Sequence[Result]) -> str:
    rows = [HEADINGS, *(result.cells() for result in results)]
    widest = max(len(name) for name, *_ in rows)
    return "\n".join(
        f"{name:<{widest}}{ours:>10}{peer:>10}  {unit:<8}{ratio:>20}{target:>8}  {verdict}".rstrip()
        for name, ours, peer, unit, ratio, target, verdict in rows
    )


def keep(parts: Mapping[str, Part], name: str, results: Sequence[Result]) -> list[Result]:
    """Puts a part's results in the place of its former ones; all parts' results, in the parts' order."""
    kept = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else []
    fresh = [{"part": name, **asdict(result)} for result in results]
    entries = [entry for entry in kept if entry["part"] != name] + fresh
    entries = [entry for part in parts for entry in entries if entry["part"] == part]
    lines = ",\n".join(f"  {json.dumps(entry)}" for entry in entries)
    RESULTS.write_text(f"[\n{lines}\n]\n", encoding="utf-8")
    return [Result(**{field.name: entry[field.name] for field in fields(Result)}) for entry in entries]


def publish(parts: Mapping[str, Part], name: str, results: Sequence[Result], left_out: Sequence[str]) -> None:
    """Writes the page anew: a part's section says how it is measured, on what it was, the figures and what lacks."""
    day = datetime.now(UTC).date().isoformat()
    lines = [f"{_MEASURED}{day}: {_machine()}.", ""]
    lines += [_row(HEADINGS), _row(("---", *["--:"] * 2, "---", *["--:"] * 2, "---"))]
    lines += [_row(result.cells()) for result in results]
    lines += ["", *(f"Not measured: {line}." for line in left_out)]
    _render(parts, _figures() | {parts[name].title: "\n".join(lines).rstrip()})


def _render(parts: Mapping[str, Part], figures: Mapping[str, str]) -> None:
    """Args: figures: of parts, by title; the others have no section."""
    sections = [
        "\n".join([f"## {part.title}", "", *([part.how] if part.how else []), figures[part.title]])
        for part in parts.values()
        if part.title in figures
    ]
    PAGE.write_text("\n\n".join([_INTRODUCTION, *sections]) + "\n", encoding="utf-8")


def _figures() -> dict[str, str]:
    """What the page shows of each part, by title, without how it was measured."""
    _, *sections = PAGE.read_text(encoding="utf-8").split("\n## ")
    return {
        section.partition("\n")[0]: _MEASURED + section.partition(f"\n{_MEASURED}")[2].rstrip() for section in sections
    }


_MEASURED = "Measured on "
_INTRODUCTION = """\
# Benchmarks

Written by `make bench`, which measures anew what takes a quarter of an hour altogether. `./dev bench NAME` measures one
part and leaves the others as they are; uploads under faults take half an hour, and are measured only so. All figures
are in [bench/results.json](../bench/results.json), too.

- Each server is one process on one core; the load comes from another. "us CPU" is the server's CPU time, kernel
  included: it swings less than requests a second do. Ours runs with everything on: sign-in, limits, access log,
  field authorization.
- Servers take turns in short rounds of shuffled order. A ratio is the median of the rounds' ratios, and 2x means half
  the CPU time; it holds better from machine to machine than the figures do.
- All servers are asked for the same answer, and nothing is timed before the answers are equal. Each request warms all
  of them up until V8 has compiled what is hot.
- Over HTTP 16 connections are kept alive.
- How Python was built counts as much as the code: Debian's builds and the official images' are optimized, pyenv's are
  not unless one asks for it, and take half as long again, which peers in Node.js do not feel. Above each table stands
  what Python took to make a small object and ask it one thing.

![How many times better than each peer, and the targets](benchmarks.svg)"""


def _machine() -> str:
    versions = [f"Python {platform.python_version()} ({_object_nanoseconds():.0f} ns an object)"]
    if shutil.which("node"):
        version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout.strip()
        versions.append(f"Node.js {version.removeprefix('v')}")
    load = os.getloadavg()[0]
    return f"{os.cpu_count()} cores, load {load:.1f}, {platform.system()}, {', '.join(versions)}"


_OBJECT = """
class Item:
    def __init__(self, value): self.value = value
    def named(self): return f"{self.value}"
known = {}
"""


def _object_nanoseconds() -> float:
    """What Python takes, at its best, to make a small object, call it and keep what it says."""
    times = 100_000
    return min(timeit.repeat("known[Item(7).named()] = 1", _OBJECT, number=times, repeat=7)) / times * 1e9


def _row(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"


def _figure(value: float) -> str:
    """Two digits at least, unless there are none."""
    return f"{value:,.1f}" if value < 10 and value != int(value) else f"{value:,.0f}"
