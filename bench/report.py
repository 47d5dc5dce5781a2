"""Results as a table on the terminal, in `bench/results.json`, and in docs/benchmarks.md for readers."""

import json
import os
import platform
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
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
    """

    title: str
    measure: Callable[[list[str]], "list[Result]"]
    how: str


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
        target = "" if self.target is None else f"{self.target:,.1f}x" if self.ratio else f"{self.target:,.0f}"
        peer = "" if self.peer is None else _figure(self.peer)
        return self.name, _figure(self.ours), peer, self.unit, ratio, target, self.verdict


HEADINGS = ("what", "ours", "peer", "unit", "ratio", "target", "")


def table(results: list[Result]) -> str:
    rows = [HEADINGS, *(result.cells() for result in results)]
    return "\n".join(
        f"{name:<64}{ours:>10}{peer:>10}  {unit:<8}{ratio:>20}{target:>8}  {verdict}".rstrip()
        for name, ours, peer, unit, ratio, target, verdict in rows
    )


def write(results: list[Result], left_out: list[str]) -> None:
    RESULTS.write_text(
        json.dumps({"results": [asdict(result) for result in results], "leftOut": left_out}, indent=2) + "\n"
    )


def publish(parts: Mapping[str, Part], part: Part, results: list[Result], left_out: list[str]) -> None:
    """The part's section of docs/benchmarks.md: how it is measured, on what it was, and the figures."""
    day = datetime.now(UTC).date().isoformat()
    lines = [f"## {part.title}", "", *([part.how] if part.how else []), f"Measured on {day}: {_machine()}.", ""]
    lines += [_row(HEADINGS), _row(("---", *["--:"] * 2, "---", *["--:"] * 2, "---"))]
    lines += [_row(result.cells()) for result in results]
    lines += ["", *(f"Not measured: {line}." for line in left_out)]
    sections = _sections() | {part.title: "\n".join(lines).rstrip()}
    shown = [sections[each.title] for each in parts.values() if each.title in sections]
    PAGE.write_text("\n\n".join([_INTRODUCTION, *shown]) + "\n", encoding="utf-8")


def _sections() -> dict[str, str]:
    """Those of the page as it is, by title."""
    _, *sections = PAGE.read_text(encoding="utf-8").split("\n## ")
    return {section.partition("\n")[0]: f"## {section}".rstrip() for section in sections}


_INTRODUCTION = """\
# Benchmarks

Written by `make bench`, which measures everything anew in some minutes; `./dev bench NAME` measures one part.

- Each server is one process on one core; the load comes from another. "us CPU" is the server's CPU time, kernel
  included: it swings less than requests a second do. Ours runs with everything on: sign-in, limits, access log,
  field authorization.
- Servers take turns in short rounds of shuffled order. A ratio is the median of the rounds' ratios, and 2x means half
  the CPU time; it holds better from machine to machine than the figures do.
- All servers are asked for the same answer, and nothing is timed before the answers are equal.
- Over HTTP 16 connections are kept alive."""


def _machine() -> str:
    versions = [f"Python {platform.python_version()}"]
    if shutil.which("node"):
        version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout.strip()
        versions.append(f"Node.js {version.removeprefix('v')}")
    load = os.getloadavg()[0]
    return f"{os.cpu_count()} cores, load {load:.1f}, {platform.system()}, {', '.join(versions)}"


def _row(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"


def _figure(value: float) -> str:
    """Two digits at least, unless there are none."""
    return f"{value:,.1f}" if value < 10 and value != int(value) else f"{value:,.0f}"
