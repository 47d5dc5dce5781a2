"""The peers' database: plain tables with the indexes that their questions need, and in them the planted school."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import msgspec

from app.engines import open_engines
from bench import stored_school
from domain.courses import course_filter

TABLES = """
PRAGMA journal_mode = WAL;
CREATE TABLE users (id TEXT PRIMARY KEY, display_name TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE courses (
    id TEXT PRIMARY KEY, slug TEXT NOT NULL UNIQUE, title TEXT NOT NULL, summary TEXT, level TEXT NOT NULL,
    language TEXT NOT NULL, category TEXT NOT NULL, version INTEGER NOT NULL, state TEXT NOT NULL,
    owner_id TEXT NOT NULL REFERENCES users, published_at TEXT
) WITHOUT ROWID;
CREATE INDEX courses_newest ON courses (state, published_at DESC, id DESC);
CREATE TABLE modules (
    id TEXT PRIMARY KEY, course_id TEXT NOT NULL REFERENCES courses, title TEXT NOT NULL, rank TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX modules_in_order ON modules (course_id, rank);
CREATE TABLE lessons (
    id TEXT PRIMARY KEY, module_id TEXT NOT NULL REFERENCES modules, title TEXT NOT NULL, kind TEXT NOT NULL,
    rank TEXT NOT NULL, state TEXT NOT NULL, duration_seconds INTEGER NOT NULL, is_preview INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX lessons_in_order ON lessons (module_id, state, rank);
"""


async def fill(planted: Path, database: Path) -> None:
    """Makes the database from a data folder that `stored_school.plant` has filled."""
    async with open_engines(stored_school.settings(planted)) as engines:
        sources = stored_school.domains(engines)
        users = await sources.users.summaries([stored_school.OWNER])
        courses, _ = await sources.catalog.newest(course_filter(None), None, stored_school.COURSES)
        modules = [module for course in courses for module in await sources.modules.of_course(course.id)]
        lessons = [lesson for course in courses for lesson in await sources.lessons.of_course(course.id)]
    with closing(sqlite3.connect(database)) as connection:
        connection.executescript(TABLES)
        with connection:
            _insert(connection, "users", [user for user in users if user is not None])
            _insert(connection, "courses", courses)
            _insert(connection, "modules", modules)
            _insert(connection, "lessons", lessons)
        connection.execute("ANALYZE")


def _insert(connection: sqlite3.Connection, table: str, records: Sequence[msgspec.Struct]) -> None:
    """What the table has columns for."""
    columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
    values = ", ".join(f":{column}" for column in columns)
    insert = f"INSERT INTO {table} VALUES ({values})"  # noqa: S608 - all names are those of TABLES
    connection.executemany(insert, [msgspec.structs.asdict(each) for each in records])
