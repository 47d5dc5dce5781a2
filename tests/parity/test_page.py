"""docs/parity.md carries a row for every root field, and in each of them all answers were alike."""

from tests.parity.page import PAGE, root_fields, rows_of, with_table


def test_the_table_is_of_this_contract() -> None:
    rows = rows_of(PAGE.read_text(encoding="utf-8"))
    assert [name.strip("`") for name, _, _ in rows] == root_fields(), "make parity ARGS=--write"
    assert all(int(asked) > 0 and equal == "all" for _, asked, equal in rows)


def test_a_table_takes_the_place_of_the_last_one_and_of_no_other() -> None:
    page = PAGE.read_text(encoding="utf-8")
    emptied = with_table(page, [])
    assert rows_of(emptied) == []
    assert emptied.count("| --- |") == page.count("| --- |")
