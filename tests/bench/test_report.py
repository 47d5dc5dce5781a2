"""Where results end up: the file of all of them, the page and its plot."""

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from bench import plot, report
from bench.report import Part, Result

PARTS = {
    name: Part(title, lambda _: [], how) for name, title, how in (("a", "Apples", "- Weighed.\n"), ("b", "Beans", ""))
}
FASTER = Result("one, against another", 2, 8, "us CPU", 4.0, 5.0, (3.5, 4.5))
ALONE = Result("one alone", 7, None, "ms", None, 10)


@pytest.fixture(autouse=True)
def _elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(report, "RESULTS", tmp_path / "results.json")
    monkeypatch.setattr(report, "PAGE", tmp_path / "page.md")
    report.PAGE.write_text("# Benchmarks\n")


def test_a_part_measured_alone_leaves_the_others_as_they_are() -> None:
    report.keep(PARTS, "b", [ALONE])
    assert [each.name for each in report.keep(PARTS, "a", [FASTER])] == [FASTER.name, ALONE.name]
    entries = json.loads(report.RESULTS.read_text())
    assert [entry["part"] for entry in entries] == ["a", "b"]
    assert {"name", "ours", "peer", "ratio", "target"} <= entries[0].keys()
    assert report.keep(PARTS, "a", []) == [ALONE]


def test_the_page_keeps_figures_of_other_parts_and_says_anew_how_all_are_measured() -> None:
    report.publish(PARTS, "a", [FASTER], ["pears: there are none"])
    weighed_better = PARTS | {"a": Part("Apples", lambda _: [], "- Weighed twice.\n")}
    report.publish(weighed_better, "b", [ALONE], [])
    page = report.PAGE.read_text()
    assert page.index("- Weighed twice.") < page.index("4.00x (3.50-4.50)") < page.index("Not measured: pears")
    assert page.index("Not measured: pears") < page.index("## Beans") < page.index("| one alone | 7 |")
    assert "- Weighed.\n" not in page


def test_the_plot_shows_each_ratio_beside_its_target() -> None:
    drawn = plot.drawn([FASTER, ALONE])
    texts = ["".join(each.itertext()) for each in _parsed(drawn).iter("{http://www.w3.org/2000/svg}text")]
    assert FASTER.name in texts
    assert "4.00x of 5x" in texts
    assert ALONE.name not in texts


def test_a_plot_of_nothing_is_a_picture_too() -> None:
    assert _parsed(plot.drawn([])).tag.endswith("svg")


def _parsed(drawn: str) -> ET.Element:
    return ET.fromstring(drawn)  # noqa: S314 - made a moment ago
