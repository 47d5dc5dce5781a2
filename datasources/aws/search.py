"""Full-text search as a table of terms: the `SearchIndex` for DynamoDB, over any `RecordStore`."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress

from datasources.conditions import any_of, at_most, not_exists
from datasources.ports import MAX_BATCH_WRITE, ConditionFailed, Indexed, Item, Key, RecordStore, SearchHit, SortRange
from datasources.tables import SEARCH_DOCUMENTS, SEARCH_TERMS
from datasources.updates import Remove
from datasources.words import query_words, weighed

MOST_MATCHES = 2_000
"""Rows looked at for one word of a query. Words that begin more than that are too common to search by."""
_PAGE = 500


class TermSearch:
    """A row a document and word, in one partition for each first letter, so that a prefix is one range.

    What a document's words were is kept on its own item, so that a change removes the rows that are gone; rows
    still to be removed are named there until they are, so that a crash between leaves nothing behind once the
    change is delivered again.
    """

    def __init__(self, store: RecordStore) -> None:
        self._store = store

    async def put(self, scope: str, document_id: str, fields: Mapping[str, str], *, version: int) -> None:
        await self._replace(scope, document_id, weighed(fields), version)

    async def remove(self, scope: str, document_id: str, *, version: int) -> None:
        await self._replace(scope, document_id, {}, version)

    async def put_all(self, documents: Sequence[Indexed]) -> None:
        await asyncio.gather(
            *(self._replace(each.scope, each.document_id, weighed(each.fields), each.version) for each in documents)
        )

    async def search(self, scope: str, text: str, *, limit: int, after: SearchHit | None = None) -> list[SearchHit]:
        wanted = query_words(text)
        if not wanted:
            return []
        ranks = await asyncio.gather(*(self._matches(scope, word) for word in wanted))
        everywhere = set(ranks[0]).intersection(*ranks[1:])
        hits = (SearchHit(each, float(sum(found[each] for found in ranks))) for each in everywhere)
        behind = (-after.rank, after.document_id) if after else (float("-inf"), "")
        return sorted((hit for hit in hits if _order(hit) > behind), key=_order)[:limit]

    async def _matches(self, scope: str, word: str) -> dict[str, int]:
        """Documents with a word that begins so, each with the summed weight of the fields that hold one."""
        found: dict[str, int] = {}
        last_key, seen = None, 0
        while seen < MOST_MATCHES:
            page = await self._store.query(
                SEARCH_TERMS, _partition(scope, word), sort=SortRange(prefix=word), limit=_PAGE, after=last_key
            )
            for item in page.items:
                found[item["documentId"]] = found.get(item["documentId"], 0) | item["fields"]
            last_key, seen = page.last_key, seen + len(page.items)
            if last_key is None:
                break
        return found

    async def _replace(self, scope: str, document_id: str, terms: dict[str, int], version: int) -> None:
        key = {"scopeDocument": f"{scope}#{document_id}"}
        stored = await self._store.get(SEARCH_DOCUMENTS, key) or {}
        leaving = {*stored.get("terms", ()), *stored.get("leaving", ())} - terms.keys()
        item = {**key, "version": version, "terms": terms, "leaving": sorted(leaving)}
        not_newer = any_of(not_exists("scopeDocument"), at_most("version", version))
        try:
            await self._store.put(SEARCH_DOCUMENTS, item, condition=not_newer)
        except ConditionFailed:
            return
        puts = [
            {**_key(scope, word, document_id), "documentId": document_id, "fields": sum_}
            for word, sum_ in terms.items()
        ]
        await self._write(puts, [_key(scope, word, document_id) for word in leaving])
        if leaving:
            with suppress(ConditionFailed):  # a newer version has taken them over
                await self._store.update(
                    SEARCH_DOCUMENTS, key, [Remove("leaving")], condition=at_most("version", version)
                )

    async def _write(self, puts: Sequence[Item], deletes: Sequence[Key]) -> None:
        for start in range(0, len(puts), MAX_BATCH_WRITE):
            await self._store.batch_write(SEARCH_TERMS, puts=puts[start : start + MAX_BATCH_WRITE])
        for start in range(0, len(deletes), MAX_BATCH_WRITE):
            await self._store.batch_write(SEARCH_TERMS, deletes=deletes[start : start + MAX_BATCH_WRITE])


def _order(hit: SearchHit) -> tuple[float, str]:
    return -hit.rank, hit.document_id


def _partition(scope: str, word: str) -> str:
    return f"{scope}#{word[0]}"


def _key(scope: str, word: str, document_id: str) -> dict[str, str]:
    return {"scopeTerm": _partition(scope, word), "wordDocument": f"{word}#{document_id}"}
