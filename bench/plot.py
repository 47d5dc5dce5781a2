"""docs/benchmarks.svg: how many times better than each peer, on a logarithmic scale, beside the targets."""

import math
from collections.abc import Sequence
from xml.sax.saxutils import escape

from bench.report import PAGE, Result

PICTURE = PAGE.with_suffix(".svg")

_WIDTH, _LEFT, _RIGHT = 920, 460, 800
"""The names end at _LEFT and the numbers begin behind _RIGHT."""
_TOP, _ROW = 56, 20
_MARKS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)

_STYLE = """\
text { font: 12px system-ui, sans-serif; fill: var(--ink) } .title { font-weight: 600 } .faint { fill: var(--faint) }
svg { --paper: #fff; --ink: #1f2328; --faint: #59636e; --line: #d1d9e0; --good: #1a7f37; --bad: #cf222e }
@media (prefers-color-scheme: dark) {
  svg { --paper: #0d1117; --ink: #f0f6fc; --faint: #9198a1; --line: #3d444d; --good: #3fb950; --bad: #f85149 }
}
.paper { fill: var(--paper) } .grid { stroke: var(--line) } .even, .target { stroke: var(--ink) }
.good { stroke: var(--good); fill: var(--good) } .bad { stroke: var(--bad); fill: var(--bad) }
.bar { stroke-width: 8 } .target { stroke-width: 2 }"""


def drawn(results: Sequence[Result]) -> str:
    """The picture of all that have a ratio and a target."""
    shown = [(result, result.ratio, result.target) for result in results if result.ratio and result.target]
    scale = _Scale([value for _, ratio, target in shown for value in (ratio, target)])
    height = _TOP + _ROW * len(shown) + 12
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img">',
        "<title>How many times better than each peer, and the targets</title>",
        f"<style>{_STYLE}</style>",
        f'<rect class="paper" width="{_WIDTH}" height="{height}" rx="6"/>',
        '<text class="title" x="16" y="22">Times better than the peer; the upright mark is the target</text>',
    ]
    for mark in scale.marks:
        kind = "even" if mark == 1 else "grid"
        parts.append(_line(kind, scale.x(mark), _TOP - 8, scale.x(mark), height - 12))
        parts.append(f'<text class="faint" x="{scale.x(mark)}" y="{_TOP - 14}" text-anchor="middle">{mark:g}x</text>')
    for number, (result, ratio, target) in enumerate(shown):
        parts += _row(result, ratio, target, scale, _TOP + _ROW * number + _ROW / 2)
    return "\n".join([*parts, "</svg>"]) + "\n"


class _Scale:
    """Where on the picture a ratio is."""

    def __init__(self, values: Sequence[float]) -> None:
        low, high = min([0.5, *values]), max([2.0, *values])
        below = [mark for mark in _MARKS if mark <= low] or _MARKS[:1]
        above = [mark for mark in _MARKS if mark >= high] or _MARKS[-1:]
        self.marks = [mark for mark in _MARKS if below[-1] <= mark <= above[0]]

    def x(self, value: float) -> float:
        first, last = math.log(self.marks[0]), math.log(self.marks[-1])
        share = (math.log(value) - first) / (last - first)
        return round(_LEFT + 16 + min(max(share, 0), 1) * (_RIGHT - _LEFT - 16), 1)


def _row(result: Result, ratio: float, target: float, scale: _Scale, y: float) -> list[str]:
    kind = "good" if ratio >= target else "bad"
    numbers = f'{ratio:.2f}x<tspan class="faint"> of {round(target, 2):g}x</tspan>'
    return [
        f'<text x="{_LEFT}" y="{y + 4}" text-anchor="end">{escape(result.name)}</text>',
        _line(f"bar {kind}", scale.x(1), y, scale.x(ratio), y),
        f'<circle class="{kind}" cx="{scale.x(ratio)}" cy="{y}" r="4.5"/>',
        _line("target", scale.x(target), y - 7, scale.x(target), y + 7),
        f'<text x="{_RIGHT + 12}" y="{y + 4}">{numbers}</text>',
    ]


def _line(kind: str, x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line class="{kind}" x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}"/>'
