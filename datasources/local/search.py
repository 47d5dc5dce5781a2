"""Full-text search beside the records, in SQLite's FTS5: the embedded `SearchIndex`."""

import hashlib
import sqlite3
from collections.abc import Mapping, Sequence

from datasources.local.sqlite import SQLiteStore
from datasources.local.sqlite_schema import Insert
from datasources.ports import Indexed, SearchHit
from datasources.words import WEIGHTS, indexed, query_words

_TABLES = (
    # The version stays behind when a document is removed, so that an older put does not bring it back.
    """CREATE TABLE IF NOT EXISTS _search_documents (
         number INTEGER PRIMARY KEY, scope TEXT NOT NULL, document_id TEXT NOT NULL, version INTEGER NOT NULL,
         UNIQUE (scope, document_id))""",
    f"""CREATE VIRTUAL TABLE IF NOT EXISTS _search_words USING fts5(
         scope, {", ".join(WEIGHTS)}, tokenize = 'unicode61 remove_diacritics 0', prefix = '1 2 3')""",
)
_INSERT = f"INSERT INTO _search_words (rowid, scope, {', '.join(WEIGHTS)}) VALUES (?, ?{', ?' * len(WEIGHTS)})"  # noqa: S608 - names are ours

_CLAIM_NEW = Insert(
    "INSERT INTO _search_documents (scope, document_id, version)",
    3,
    "ON CONFLICT DO NOTHING RETURNING scope, document_id, number",
)
_CLAIM = """UPDATE _search_documents SET version = ?1 WHERE scope = ?2 AND document_id = ?3 AND version <= ?1
            RETURNING number"""
"""Each gives the numbers of documents that may be written, _CLAIM_NEW of those never seen, _CLAIM of one unless a
newer version is indexed already."""

_COMMAND = "INSERT INTO _search_words (_search_words, rank) VALUES (?, ?)"
_MERGED_PAGES = 64
"""Of the index, after each write and in one of its own. FTS5 would merge hundreds in the midst of a write now and then,
while all other writers wait."""


class SQLiteSearch:
    """Made by `SQLiteSearch.over`.

    A rank depends on the document's own words only, so FTS5's ranking, which looks at all documents, is not used.
    """

    def __init__(self, store: SQLiteStore) -> None:
        self._store = store

    @classmethod
    async def over(cls, store: SQLiteStore) -> "SQLiteSearch":
        """In the store's file; its tables are made when they are missing."""

        def create(connection: sqlite3.Connection) -> None:
            for statement in _TABLES:
                connection.execute(statement)
            connection.execute(_COMMAND, ("automerge", 0))

        await store.write_with(create)
        return cls(store)

    async def put(self, scope: str, document_id: str, fields: Mapping[str, str], *, version: int) -> None:
        await self.put_all([Indexed(scope, document_id, fields, version)])

    async def remove(self, scope: str, document_id: str, *, version: int) -> None:
        await self.put_all([Indexed(scope, document_id, {}, version)])

    async def put_all(self, documents: Sequence[Indexed]) -> None:
        changes = [(each, _columns(each.fields)) for each in documents]

        def work(connection: sqlite3.Connection) -> None:
            claims = [(each.scope, each.document_id, each.version) for each in documents]
            new = {(scope, name): number for scope, name, number in _CLAIM_NEW.run(connection, claims)}
            words: dict[int, tuple[str, ...]] = {}
            known: list[int] = []
            for each, columns in changes:
                number = new.pop((each.scope, each.document_id), None)
                if number is None:
                    claimed = connection.execute(_CLAIM, (each.version, each.scope, each.document_id)).fetchone()
                    if claimed is None:
                        continue
                    (number,) = claimed
                    known.append(number)
                words[number] = (_token(each.scope), *columns) if columns else ()
            # FTS5 writes what it has gathered whenever a statement on another table or of several rows comes between.
            connection.executemany("DELETE FROM _search_words WHERE rowid = ?", [(number,) for number in known])
            connection.executemany(_INSERT, [(number, *row) for number, row in words.items() if row])

        if changes:
            await self._store.write_with(work)
            await self._store.write_with(_merge_some)

    async def search(self, scope: str, text: str, *, limit: int, after: SearchHit | None = None) -> list[SearchHit]:
        wanted = query_words(text)
        if not wanted:
            return []
        sql, values = _statement(_token(scope), wanted)
        behind = (after.rank, after.rank, after.document_id) if after else (1e9, 1e9, "")

        def work(connection: sqlite3.Connection) -> list[SearchHit]:
            rows = connection.execute(sql, (*values, len(wanted), *behind, limit))
            return [SearchHit(document_id, float(rank)) for document_id, rank in rows]

        return await self._store.read_with(work)


def _merge_some(connection: sqlite3.Connection) -> None:
    connection.execute(_COMMAND, ("merge", _MERGED_PAGES))


def _columns(fields: Mapping[str, str]) -> list[str]:
    """The words of each field; an empty list for a document that is to be removed."""
    if not fields:
        return []
    found = indexed(fields)
    return [" ".join(found.get(name, ())) for name in WEIGHTS]


def _statement(scope_token: str, wanted: list[str]) -> tuple[str, list[object]]:
    """One look-up a word and field. FTS5 sees only words in quotes, which have no syntax."""
    parts, values = [], list[object]()
    for place, word in enumerate(wanted):
        for name, weight in WEIGHTS.items():
            look_up = f"SELECT rowid, {place} AS place, {weight} AS weight FROM _search_words"  # noqa: S608 - numbers only
            parts.append(f"{look_up} WHERE _search_words MATCH ?")
            values.append(f'scope : "{scope_token}" AND {name} : "{word}" *')
    hits = " UNION ALL ".join(parts)
    sql = f"""SELECT document_id, SUM(weight) AS rank
              FROM ({hits}) AS hits JOIN _search_documents ON number = hits.rowid
              GROUP BY number HAVING COUNT(DISTINCT place) = ? AND (rank < ? OR (rank = ? AND document_id > ?))
              ORDER BY rank DESC, document_id LIMIT ?"""  # noqa: S608 - joins the look-ups above
    return sql, values


def _token(scope: str) -> str:
    """A scope as one word."""
    return "s" + hashlib.blake2b(scope.encode(), digest_size=12).hexdigest()
