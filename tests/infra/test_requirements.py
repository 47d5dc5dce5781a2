"""The table of requirements is whole and current."""

import pytest

from tests.infra.requirements import PAGE, ROWS, marks, page


def test_every_mark_names_a_row() -> None:
    assert {row for row, _ in marks()} <= set(ROWS)


@pytest.mark.parametrize("row", ROWS)
def test_every_row_is_held_by_a_test(row: str) -> None:
    assert [test for marked, test in marks() if marked == row], ROWS[row]


def test_the_page_says_what_the_tests_do() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "python -m tests.infra.requirements writes it anew"
