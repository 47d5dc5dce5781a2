"""CSV that opens in any spreadsheet and runs in none."""

import csv
import io

import pytest

from domain.csv_text import lines


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_what_begins_as_a_formula_is_shown_and_not_run(text: str) -> None:
    [[cell]] = csv.reader(io.StringIO(lines([[text]]), newline=""))
    assert cell == f"'{text}"


def test_other_text_comes_back_as_it_was() -> None:
    row = ['Ada, "the" first', "two\nlines", "3-1=2", "\u6f22\u5b57"]
    assert list(csv.reader(io.StringIO(lines([row]), newline=""))) == [row]


def test_numbers_are_numbers_and_nothing_is_empty() -> None:
    assert lines([[-5, None, 0]]) == "-5,,0\r\n"
