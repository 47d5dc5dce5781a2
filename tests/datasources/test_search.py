"""What a search index finds, and in which order: one contract over both engines."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasources.aws.search import TermSearch
from datasources.local.search import SQLiteSearch
from datasources.local.sqlite import SQLiteStore
from datasources.ports import Indexed, SearchIndex


async def found(search: SearchIndex, text: str, scope: str = "COURSE") -> list[str]:
    return [hit.document_id for hit in await search.search(scope, text, limit=100)]


async def fill(search: SearchIndex, **titles: str) -> None:
    for document_id, title in titles.items():
        await search.put("COURSE", document_id, {"title": title}, version=1)


async def test_every_word_must_be_there_and_each_may_be_the_beginning_of_one(search: SearchIndex) -> None:
    await fill(search, a="Proofs without fear", b="Fear of flying", c="Proof of work")

    assert await found(search, "proof") == ["a", "c"]
    assert await found(search, "fear pro") == ["a"]
    assert await found(search, "roof") == []


async def test_case_and_diacritics_make_no_difference(search: SearchIndex) -> None:
    await fill(search, a="Élèves et ÉCOLE", b="Straße")

    assert await found(search, "eleves ecole") == ["a"]
    assert await found(search, "STRASSE") == ["b"]


async def test_a_word_in_a_heavier_field_ranks_higher_and_ties_go_by_id(search: SearchIndex) -> None:
    for document_id, field in (("d", "body"), ("c", "summary"), ("b", "tags"), ("a", "title"), ("e", "title")):
        await search.put("COURSE", document_id, {field: "algebra"}, version=1)

    assert await found(search, "algebra") == ["a", "e", "b", "c", "d"]


async def test_a_list_goes_on_behind_a_hit_even_when_that_is_gone(search: SearchIndex) -> None:
    await fill(search, **{f"d{number}": "algebra" for number in range(5)})
    first = await search.search("COURSE", "algebra", limit=2)
    await search.remove("COURSE", first[-1].document_id, version=2)

    rest = await search.search("COURSE", "algebra", limit=10, after=first[-1])

    assert [hit.document_id for hit in first] == ["d0", "d1"]
    assert [hit.document_id for hit in rest] == ["d2", "d3", "d4"]


async def test_many_documents_are_put_and_removed_at_once(search: SearchIndex) -> None:
    await fill(search, a="Algebra", b="Algebra")
    changes = [
        Indexed("COURSE", "a", {}, 2),
        Indexed("COURSE", "b", {"title": "Too old"}, 0),
        Indexed("COURSE", "c", {"title": "Algebra", "body": "rings"}, 1),
        Indexed("ROOM", "d", {"body": "Algebra"}, 1),
    ]
    for _ in range(2):
        await search.put_all(changes)
        assert await found(search, "algebra") == ["b", "c"]
        assert await found(search, "rings") == ["c"]
        assert await found(search, "algebra", "ROOM") == ["d"]
    await search.put_all([])


async def test_a_new_version_replaces_all_words_of_the_old_one(search: SearchIndex) -> None:
    await search.put("COURSE", "a", {"title": "Algebra", "body": "groups and rings"}, version=1)
    await search.put("COURSE", "a", {"title": "Geometry"}, version=2)

    assert await found(search, "algebra") == await found(search, "rings") == []
    assert await found(search, "geometry") == ["a"]


async def test_an_older_version_changes_nothing_not_even_after_a_removal(search: SearchIndex) -> None:
    await search.put("COURSE", "a", {"title": "New"}, version=5)
    await search.put("COURSE", "a", {"title": "Old"}, version=4)
    assert await found(search, "new") == ["a"]

    await search.remove("COURSE", "a", version=6)
    await search.put("COURSE", "a", {"title": "New"}, version=5)
    assert await found(search, "new") == []


async def test_scopes_do_not_see_each_other(search: SearchIndex) -> None:
    await search.put("ROOM#1", "a", {"body": "hello"}, version=1)
    await search.put("ROOM#10", "b", {"body": "hello"}, version=1)

    assert await found(search, "hello", "ROOM#1") == ["a"]


SYNTAX = (
    '"',
    '" OR "',
    "title:algebra",
    "algebra*",
    "NEAR(a b)",
    "a AND NOT b",
    "^",
    "{title} : x",
    "'; --",
    "#",
    ":v",
)


@pytest.mark.parametrize("text", [*SYNTAX, "\x00"])
async def test_a_search_engines_own_syntax_is_only_text(search: SearchIndex, text: str) -> None:
    await fill(search, a="or near not and a b x algebra title v")

    assert await found(search, text) in ([], ["a"])


async def test_a_text_without_words_finds_nothing(search: SearchIndex) -> None:
    await fill(search, a="algebra")

    assert await found(search, "  -- !? ") == []


_TEXT = st.text(st.sampled_from("abcdé ß-Ωж日_0"), max_size=12)


@settings(max_examples=settings.default.max_examples // 3)
@given(documents=st.lists(st.tuples(_TEXT, _TEXT), max_size=6), query=_TEXT)
async def test_both_engines_find_the_same_in_the_same_order(
    sqlite_store: SQLiteStore, documents: list[tuple[str, str]], query: str
) -> None:
    scope = f"{hash((tuple(documents), query))}"
    engines = (await SQLiteSearch.over(sqlite_store), TermSearch(sqlite_store))
    for engine in engines:
        for number, (title, body) in enumerate(documents):
            await engine.put(scope, f"d{number}", {"title": title, "body": body}, version=1)

    local, terms = [await engine.search(scope, query, limit=100) for engine in engines]

    assert local == terms
