"""Pages are remembered within bounds, and never instead of what was read."""

import pytest

from datasources import row_pages
from datasources.ports import Item
from datasources.row_pages import RememberedPages, RowPage
from domain.records import Record


class Word(Record, frozen=True):
    word: str


class Reader:
    """Rows are words in a text; it counts how often they are read."""

    def __init__(self) -> None:
        self.reads = 0
        self.pages: RememberedPages[str] = RememberedPages(self._items, lambda kind: self._words, len)

    def read(self, question: str, rows: str) -> list[str]:
        page = RowPage(question, rows, None, self.pages)
        return [each.word for each in page.records(Word)]

    def _items(self, rows: str) -> list[Item]:
        return [{"word": word} for word in rows.split()]

    def _words(self, rows: str) -> list[Word]:
        self.reads += 1
        return [Word(word) for word in rows.split()]


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch) -> Reader:
    monkeypatch.setattr(row_pages, "REMEMBERED_BYTES", 40)
    monkeypatch.setattr(row_pages, "LARGEST_REMEMBERED", 20)
    return Reader()


def test_a_page_that_is_as_it_was_is_not_read_again(reader: Reader) -> None:
    for rows in ("a b", "a b", "a c", "a c", "a b"):
        assert reader.read("all", rows) == rows.split()
    assert reader.reads == 3
    assert reader.read("others", "a b") == ["a", "b"]
    assert reader.reads == 4


def test_pages_that_nobody_asks_for_make_room(reader: Reader) -> None:
    for question in "abc":
        reader.read(question, 15 * question)
        reader.read("a", 15 * "a")
    assert reader.reads == 3
    reader.read("c", 15 * "c")
    reader.read("a", 15 * "a")
    assert reader.reads == 3
    reader.read("b", 15 * "b")
    assert reader.reads == 4


def test_a_page_that_grows_gives_its_room_back(reader: Reader) -> None:
    reader.read("other", 15 * "o")
    for number in range(10):
        reader.read("all", f"{number} and more")
    reader.read("other", 15 * "o")
    assert reader.reads == 11


def test_a_large_page_is_read_each_time_and_costs_no_other_its_place(reader: Reader) -> None:
    reader.read("small", "a")
    for _ in range(2):
        assert reader.read("large", 21 * "x") == [21 * "x"]
    reader.read("small", "a")
    assert reader.reads == 3
