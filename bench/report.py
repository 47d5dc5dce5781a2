"""One result is one ratio of two servers measured in the same run; the table and `bench/results.json`."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

RESULTS = Path(__file__).parent / "results.json"


@dataclass(frozen=True)
class Result:
    """`ours` and `peer` in `unit`; `ratio` says how many times better ours is; `target` is its least, None: no goal."""

    name: str
    ours: float
    peer: float | None
    unit: str
    ratio: float | None
    target: float | None

    @property
    def verdict(self) -> str:
        if self.ratio is None or self.target is None:
            return ""
        return "reached" if self.ratio >= self.target else "MISSED"


def table(results: list[Result]) -> str:
    lines = [f"{'what':<58}{'ours':>12}{'peer':>12}  {'unit':<10}{'ratio':>8}{'target':>8}"]
    for result in results:
        peer = f"{result.peer:>12,.1f}" if result.peer is not None else f"{'':>12}"
        ratio = f"{result.ratio:>7.2f}x" if result.ratio is not None else f"{'':>8}"
        target = f"{result.target:>7.1f}x" if result.target is not None else f"{'':>8}"
        line = f"{result.name:<58}{result.ours:>12,.1f}{peer}  {result.unit:<10}{ratio}{target}  {result.verdict}"
        lines.append(line.rstrip())
    return "\n".join(lines)


def write(results: list[Result], left_out: list[str]) -> None:
    RESULTS.write_text(
        json.dumps({"results": [asdict(result) for result in results], "leftOut": left_out}, indent=2) + "\n"
    )
