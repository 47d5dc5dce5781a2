"""What is stored under which key: an SQLite file beside the bytes, whose commits make files appear and vanish.

Bytes lie in files that never change once they are named here: one for a file stored in one piece, one for each part
of the others. So joining parts, giving a file another key and replacing it are short transactions, whatever the size.
A file's bytes are on disk before it is named, and removed after it no longer is.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from datasources.blob_parts import chosen_parts, whole_checksum
from datasources.blobs import Blob, ChecksumRefused, ChosenPart, NoSuchMultipart, OpenMultipart, Part, PartPage
from datasources.checksums import DEFAULT
from datasources.local.file_digests import joined_etag
from datasources.local.sqlite_connections import connect_all
from datasources.local.sqlite_threads import Result, Threads, Work, run_reads, run_writes
from domain.times import Timestamp
from domain.uploads import Checksum, ChecksumAlgorithm

SERVICE = "The file store"
READERS = 2
QUEUE = 2_000
GROUP = 128
"""Writes in one commit at most."""
_VERSION = 1
_APPLICATION_ID = 0x45445546  # "EDUF"

_TABLES = """
CREATE TABLE IF NOT EXISTS objects (
    key TEXT PRIMARY KEY, content TEXT NOT NULL, size INTEGER NOT NULL, etag TEXT NOT NULL, content_type TEXT NOT NULL,
    stored_at TEXT NOT NULL, algorithm TEXT, checksum TEXT
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS multiparts (
    id TEXT PRIMARY KEY, key TEXT NOT NULL, content_type TEXT NOT NULL, algorithm TEXT, started_at TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS multiparts_by_key ON multiparts (key, id);
CREATE TABLE IF NOT EXISTS parts (
    content TEXT NOT NULL, number INTEGER NOT NULL, start INTEGER, file TEXT NOT NULL, size INTEGER NOT NULL,
    etag TEXT NOT NULL, stored_at TEXT NOT NULL, algorithm TEXT NOT NULL, checksum TEXT NOT NULL,
    PRIMARY KEY (content, number)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS parts_by_start ON parts (content, start) WHERE start IS NOT NULL;
CREATE UNIQUE INDEX IF NOT EXISTS parts_by_file ON parts (file);
CREATE TABLE IF NOT EXISTS unwanted (file TEXT PRIMARY KEY) WITHOUT ROWID;
"""
# `content` is what an object and its parts share; while the parts arrive it is the id of the multipart upload.
# `start` is where a part begins in the whole, once there is one. `unwanted` names files whose removal is due.

_OBJECT = "key, size, etag, content_type, stored_at, algorithm, checksum"
_PART = "number, size, etag, stored_at, algorithm, checksum"


class Written(msgspec.Struct, frozen=True):
    """A file whose bytes are on disk, not yet named.

    Attributes:
        file: its name on disk.
    """

    file: str
    size: int
    etag: str
    stored_at: Timestamp
    checksum: Checksum


class Piece(msgspec.Struct, frozen=True):
    """Where some bytes of an object lie: `size` bytes from `start` in the whole, in one file on disk."""

    file: str
    start: int
    size: int


class Multipart(msgspec.Struct, frozen=True):
    """A file that is being sent in parts."""

    id: str
    key: str
    content_type: str
    algorithm: ChecksumAlgorithm | None


class FileIndex:
    """The index as coroutines. What a write replaces or removes is returned: names of files to unlink."""

    def __init__(self, readers: Threads, writer: Threads) -> None:
        self._readers = readers
        self._writer = writer

    @staticmethod
    @asynccontextmanager
    async def open(path: Path) -> "AsyncIterator[FileIndex]":
        """Raises RuntimeError when the file belongs to another program or release, sqlite3.Error."""
        connections = await asyncio.to_thread(connect_all, path, _prepare, READERS)
        readers = Threads("file-index-reader", connections[1:], capacity=QUEUE, share=8, run=run_reads, service=SERVICE)
        write = partial(run_writes, committed=_nobody_waits)
        writer = Threads("file-index-writer", connections[:1], capacity=QUEUE, share=GROUP, run=write, service=SERVICE)
        try:
            yield FileIndex(readers, writer)
        finally:
            await readers.close()
            await writer.close()

    async def _read(self, work: Work[Result]) -> Result:
        return await self._readers.submit(work)

    async def _write(self, work: Work[Result]) -> Result:
        return await self._writer.submit(work)

    # Reads

    async def head(self, key: str) -> Blob | None:
        return await self._read(lambda connection: _head(connection, key))

    async def list_keys(self, prefix: str, after: str | None, limit: int) -> list[Blob]:
        def work(connection: sqlite3.Connection) -> list[Blob]:
            rows = connection.execute(
                f"SELECT {_OBJECT} FROM objects WHERE key >= ? AND key > ? ORDER BY key LIMIT ?",  # noqa: S608 - our columns
                (prefix, after or "", limit),
            )
            blobs = [_blob(row) for row in rows]
            return [blob for blob in blobs if blob.key.startswith(prefix)]

        return await self._read(work)

    async def pieces(self, key: str, etag: str, start: int, end: int) -> list[Piece]:
        """Where the bytes from `start` to before `end` lie, in order; empty when the file is no longer that one."""

        def work(connection: sqlite3.Connection) -> list[Piece]:
            row = connection.execute("SELECT content FROM objects WHERE key = ? AND etag = ?", (key, etag)).fetchone()
            if row is None:
                return []
            first = "SELECT max(start) FROM parts WHERE content = ? AND start <= ?"
            rows = connection.execute(
                f"SELECT file, start, size FROM parts WHERE content = ? AND start >= ({first}) AND start < ?"  # noqa: S608 - our own text
                " ORDER BY start",
                (row[0], row[0], start, end),
            )
            return [Piece(*row) for row in rows]

        return await self._read(work)

    async def multipart(self, id: str, key: str) -> Multipart:
        """Raises NoSuchMultipart."""
        return await self._read(lambda connection: _multipart(connection, id, key))

    async def list_parts(self, id: str, key: str, after: int, limit: int) -> PartPage:
        def work(connection: sqlite3.Connection) -> PartPage:
            _multipart(connection, id, key)
            rows = connection.execute(
                f"SELECT {_PART} FROM parts WHERE content = ? AND number > ? ORDER BY number LIMIT ?",  # noqa: S608 - our columns
                (id, after, limit + 1),
            )
            parts = [_part(row) for row in rows]
            return PartPage(parts[:limit], parts[limit - 1].number if len(parts) > limit else None)

        return await self._read(work)

    async def open_multiparts(self, after: tuple[str, str], limit: int) -> list[OpenMultipart]:
        def work(connection: sqlite3.Connection) -> list[OpenMultipart]:
            rows = connection.execute(
                "SELECT key, id, started_at FROM multiparts WHERE (key, id) > (?, ?) ORDER BY key, id LIMIT ?",
                (*after, limit),
            )
            return [OpenMultipart(*row) for row in rows]

        return await self._read(work)

    async def names(self, file: str) -> bool:
        """Whether something is stored in this file on disk."""

        def work(connection: sqlite3.Connection) -> bool:
            return connection.execute("SELECT 1 FROM parts WHERE file = ?", (file,)).fetchone() is not None

        return await self._read(work)

    async def unwanted(self, limit: int) -> list[str]:
        def work(connection: sqlite3.Connection) -> list[str]:
            return [row[0] for row in connection.execute("SELECT file FROM unwanted LIMIT ?", (limit,))]

        return await self._read(work)

    # Writes

    async def put(self, key: str, content_type: str, written: Written) -> tuple[Blob, list[str]]:
        def work(connection: sqlite3.Connection) -> tuple[Blob, list[str]]:
            freed = _free_object(connection, key)
            _insert_part(connection, written.file, 1, 0, written)
            blob = Blob(key, written.size, written.etag, content_type, written.stored_at, written.checksum)
            _insert_object(connection, written.file, blob)
            return blob, freed

        return await self._write(work)

    async def start(self, multipart: Multipart, started_at: Timestamp) -> None:
        def work(connection: sqlite3.Connection) -> None:
            connection.execute(
                "INSERT INTO multiparts (id, key, content_type, algorithm, started_at) VALUES (?, ?, ?, ?, ?)",
                (multipart.id, multipart.key, multipart.content_type, multipart.algorithm, started_at),
            )

        await self._write(work)

    async def put_part(self, id: str, key: str, number: int, written: Written) -> list[str]:
        """Raises NoSuchMultipart."""

        def work(connection: sqlite3.Connection) -> list[str]:
            _multipart(connection, id, key)
            freed = _free(connection, "content = ? AND number = ?", (id, number))
            _insert_part(connection, id, number, None, written)
            return freed

        return await self._write(work)

    async def complete(
        self,
        id: str,
        key: str,
        chosen: Sequence[ChosenPart],
        checksum: Checksum | None,
        stored_at: Timestamp,
        min_part_bytes: int,
    ) -> tuple[Blob, list[str]]:
        """Raises NoSuchMultipart, PartsRefused, ChecksumRefused."""

        def work(connection: sqlite3.Connection) -> tuple[Blob, list[str]]:
            multipart = _multipart(connection, id, key)
            rows = connection.execute(f"SELECT {_PART} FROM parts WHERE content = ?", (id,))  # noqa: S608 - our columns
            stored = {part.number: part for part in map(_part, rows)}
            parts = chosen_parts(stored, chosen, min_part_bytes)
            whole = whole_checksum(multipart.algorithm or DEFAULT, parts)
            if checksum is not None and checksum != whole:
                raise ChecksumRefused
            freed = _free_object(connection, key)
            freed += _free_unchosen(connection, id, stored.keys() - {part.number for part in parts})
            _set_starts(connection, id, parts)
            size = sum(part.size for part in parts)
            etag = joined_etag([part.etag for part in parts])
            blob = Blob(key, size, etag, multipart.content_type, stored_at, whole)
            _insert_object(connection, id, blob)
            connection.execute("DELETE FROM multiparts WHERE id = ?", (id,))
            return blob, freed

        return await self._write(work)

    async def abort(self, id: str, key: str) -> list[str]:
        def work(connection: sqlite3.Connection) -> list[str]:
            gone = connection.execute("DELETE FROM multiparts WHERE id = ? AND key = ?", (id, key))
            return _free(connection, "content = ?", (id,)) if gone.rowcount else []

        return await self._write(work)

    async def move(self, key: str, to: str) -> tuple[Blob | None, list[str]]:
        def work(connection: sqlite3.Connection) -> tuple[Blob | None, list[str]]:
            if key == to or _head(connection, key) is None:
                return _head(connection, to), []
            freed = _free_object(connection, to)
            connection.execute("UPDATE objects SET key = ? WHERE key = ?", (to, key))
            return _head(connection, to), freed

        return await self._write(work)

    async def delete(self, keys: Sequence[str]) -> list[str]:
        return await self._write(lambda connection: [file for key in keys for file in _free_object(connection, key)])

    async def removed(self, files: Sequence[str]) -> None:
        """These unwanted files are gone."""
        await self._write(
            lambda connection: connection.executemany(
                "DELETE FROM unwanted WHERE file = ?", [(file,) for file in files]
            )
        )


def _prepare(connection: sqlite3.Connection) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        (owner,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        (tables,) = connection.execute("SELECT COUNT(*) FROM sqlite_schema").fetchone()
        if owner != _APPLICATION_ID and tables:
            raise RuntimeError("The index of files belongs to another program.")
        if version > _VERSION:
            raise RuntimeError(f"The index of files has version {version}, this release knows {_VERSION}.")
        for statement in _TABLES.split(";"):
            connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {_VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def _nobody_waits(_: sqlite3.Connection) -> None:
    """Nobody follows the index's changes."""


# Rows


def _checksum(algorithm: ChecksumAlgorithm | None, value: str | None) -> Checksum | None:
    return None if algorithm is None or value is None else Checksum(algorithm, value)


def _blob(row: Sequence[Any]) -> Blob:
    key, size, etag, content_type, stored_at, algorithm, value = row
    return Blob(key, size, etag, content_type, stored_at, _checksum(algorithm, value))


def _part(row: Sequence[Any]) -> Part:
    number, size, etag, stored_at, algorithm, value = row
    return Part(number, size, etag, stored_at, _checksum(algorithm, value))


def _head(connection: sqlite3.Connection, key: str) -> Blob | None:
    row = connection.execute(f"SELECT {_OBJECT} FROM objects WHERE key = ?", (key,)).fetchone()  # noqa: S608 - our columns
    return None if row is None else _blob(row)


def _multipart(connection: sqlite3.Connection, id: str, key: str) -> Multipart:
    row = connection.execute(
        "SELECT id, key, content_type, algorithm FROM multiparts WHERE id = ? AND key = ?", (id, key)
    ).fetchone()
    if row is None:
        raise NoSuchMultipart
    return Multipart(*row)


def _insert_object(connection: sqlite3.Connection, content: str, blob: Blob) -> None:
    algorithm, value = (blob.checksum.algorithm, blob.checksum.value) if blob.checksum else (None, None)
    connection.execute(
        f"INSERT INTO objects (content, {_OBJECT}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608 - our columns
        (content, blob.key, blob.size, blob.etag, blob.content_type, blob.stored_at, algorithm, value),
    )


def _insert_part(
    connection: sqlite3.Connection, content: str, number: int, start: int | None, written: Written
) -> None:
    connection.execute(
        f"INSERT INTO parts (content, start, file, {_PART}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608 - our columns
        (
            content,
            start,
            written.file,
            number,
            written.size,
            written.etag,
            written.stored_at,
            written.checksum.algorithm,
            written.checksum.value,
        ),
    )


def _free_object(connection: sqlite3.Connection, key: str) -> list[str]:
    row = connection.execute("DELETE FROM objects WHERE key = ? RETURNING content", (key,)).fetchone()
    return [] if row is None else _free(connection, "content = ?", row)


def _free(connection: sqlite3.Connection, where: str, values: Sequence[Any]) -> list[str]:
    """Forgets parts; their files are unwanted from the same commit on."""
    rows = connection.execute(f"DELETE FROM parts WHERE {where} RETURNING file", values).fetchall()  # noqa: S608 - our own text
    connection.executemany("INSERT INTO unwanted (file) VALUES (?)", rows)
    return [row[0] for row in rows]


def _free_unchosen(connection: sqlite3.Connection, id: str, numbers: set[int]) -> list[str]:
    return [file for number in numbers for file in _free(connection, "content = ? AND number = ?", (id, number))]


def _set_starts(connection: sqlite3.Connection, id: str, parts: Sequence[Part]) -> None:
    start, rows = 0, []
    for part in parts:
        rows.append((start, id, part.number))
        start += part.size
    connection.executemany("UPDATE parts SET start = ? WHERE content = ? AND number = ?", rows)
