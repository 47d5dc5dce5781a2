"""Results as a table on the terminal, in `bench/results.json`, and in docs/benchmarks.md for readers."""

import json
import os
import platform
import shutil
import subprocess
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

RESULTS = Path(__file__).parent / "results.json"
PAGE = Path(__file__).parent.parent / "docs" / "benchmarks.md"


@dataclass(frozen=True)
class Result:
    """`ours` and `peer` in `unit`; `ratio` says how many times better ours is, None without a peer.

    `target` is the least ratio, or the most in `unit` where there is no peer; None: no goal.
    """

    name: str
    ours: float
    peer: float | None
    unit: str
    ratio: float | None
    target: float | None

    @property
    def verdict(self) -> str:
        if self.target is None:
            return ""
        reached = self.ours <= self.target if self.ratio is None else self.ratio >= self.target
        return "reached" if reached else "MISSED"

    def cells(self) -> tuple[str, str, str, str, str, str, str]:
        ratio = "" if self.ratio is None else f"{self.ratio:.2f}x"
        target = "" if self.target is None else f"{self.target:,.1f}x" if self.ratio else f"{self.target:,.0f}"
        peer = "" if self.peer is None else _figure(self.peer)
        return self.name, _figure(self.ours), peer, self.unit, ratio, target, self.verdict


HEADINGS = ("what", "ours", "peer", "unit", "ratio", "target", "")


def table(results: list[Result]) -> str:
    rows = [HEADINGS, *(result.cells() for result in results)]
    return "\n".join(
        f"{name:<64}{ours:>10}{peer:>10}  {unit:<8}{ratio:>8}{target:>8}  {verdict}".rstrip()
        for name, ours, peer, unit, ratio, target, verdict in rows
    )


def write(results: list[Result], left_out: list[str]) -> None:
    RESULTS.write_text(
        json.dumps({"results": [asdict(result) for result in results], "leftOut": left_out}, indent=2) + "\n"
    )


def publish(results: list[Result], left_out: list[str]) -> None:
    """docs/benchmarks.md: the latest figures, and on what they were measured."""
    day = datetime.now(UTC).date().isoformat()
    lines = [_INTRODUCTION, f"Measured on {day}: {_machine()}.", ""]
    lines += [_row(HEADINGS), _row(("---", *["--:"] * 2, "---", *["--:"] * 2, "---"))]
    lines += [_row(result.cells()) for result in results]
    lines += ["", *(f"Not measured: {line}." for line in left_out)]
    PAGE.write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")


_INTRODUCTION = """\
# Benchmarks

Written by `make bench`, which measures everything anew in a few minutes.

- Each server is one process on one core; the load comes from another, over 16 kept-alive connections. "us CPU" is the
  server's CPU time for a request, kernel included: it swings less than requests a second do. Ours runs with everything
  on: sign-in, limits, rate limits, access log, field authorization.
- Servers take turns in short rounds of shuffled order. A ratio is the median of the rounds' ratios, and 2x means half
  the CPU time; it holds better from machine to machine than the figures do.
- All servers are asked for the same answer, and nothing is timed before the answers are equal.
- In memory, small is 5 fields, medium 584 fields in three levels, large 1,000 objects of 8 fields (180 KB).
- On SQLite, small is one course, page is a course with 20 modules, 100 lessons and its owner, catalog is 100 courses
  of 8 fields. Strawberry asks the same datasource classes there, through DataLoaders, and checks no credentials.
- SQLite's writes are synced to disk before they count.
"""


def _machine() -> str:
    versions = [f"Python {platform.python_version()}"]
    if shutil.which("node"):
        version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout.strip()
        versions.append(f"Node.js {version.removeprefix('v')}")
    load = os.getloadavg()[0]
    return f"{_processor()}, {os.cpu_count()} cores, load {load:.1f}, {platform.system()}, {', '.join(versions)}"


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _row(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"


def _figure(value: float) -> str:
    return f"{value:,.0f}"
