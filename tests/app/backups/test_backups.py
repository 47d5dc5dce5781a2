"""What is backed up, wiped and restored is what it was: on each engine, and from each to the other."""

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from graphql import GraphQLSchema

from app.backups import manifest as manifests
from app.backups.making import make
from app.backups.manifest import BadBackup
from app.backups.restoring import restore
from app.settings import Settings, SettingsFault
from app.wiring import App, open_app
from datasources import worker_rows
from datasources.aws.table_copies import TableCopies
from datasources.blobs import ChosenPart
from datasources.local import file_backup
from datasources.local.file_urls import Grant
from datasources.local.files import FileStore
from datasources.tables import COUNTERS
from tests.app.backups.deployments import Content, Deployment, Laptop, content, deployments
from tests.resolvers.authoring import ENROLL, published_course
from tests.resolvers.chat import create_room, found, join, send
from tests.school import Clock, School
from tests.server_process import ROOT

__all__ = ["deployments"]

FAST = 1_000_000.0
CLOUD_AND_LAPTOP = pytest.mark.parametrize(
    "deployments", [("laptop", "laptop"), ("cloud", "cloud"), ("laptop", "cloud"), ("cloud", "laptop")], indirect=True
)


def ignore(_: str) -> None:
    """What is done is not looked at."""


async def backed_up(settings: Settings, folder: Path) -> str:
    _, digest = await make(settings, folder, capacity=FAST, progress=ignore)
    return digest


async def restored(settings: Settings, folder: Path, *, replace: bool = False, digest: str | None = None) -> None:
    await restore(settings, folder, replace=replace, digest=digest, capacity=FAST, progress=ignore)


async def fill(app: App, schema: GraphQLSchema) -> School:
    """A small school whose workers have nothing left to do, and some files."""
    school = School(app.store, app.sources.catalog._search, schema, Clock())
    ada, ben = school.as_("ada", "Mentors"), school.as_("ben")
    course_id = await published_course(ada, slug="birds", title="Birds of the shore")
    await ben.data(ENROLL, id=course_id)
    room = await create_room(ada)
    await join(ben, room)
    await send(ben, room, "An avocet, é and 🐦")
    await school.drain(*COUNTED)
    # Every kind of value that a record may have.
    values = {"name": "all", "big": 10**37, "half": 0.5, "raw": b"\x00\xff", "none": None, "deep": [{"a": [1, ""]}]}
    await app.store.put(COUNTERS, values)
    await app.blobs.store("media/ada/one", b"a picture", content_type="image/png")
    await app.blobs.store("media/ada/é two", b"", content_type="application/pdf")
    return school


COUNTED = ("enrollment-counts", "room-member-counts", "course-search", "message-search")
"""Steps that would do harm, or be missed, if restoring were taken for change."""


async def courses_found(app: App) -> list[str]:
    search = app.sources.catalog._search
    return [hit.document_id for hit in await search.search("COURSE", "birds", limit=50)]


@CLOUD_AND_LAPTOP
async def test_a_school_comes_back_as_it_was_after_all_of_it_is_lost(
    deployments: list[Deployment], tmp_path: Path, bound_schema: GraphQLSchema
) -> None:
    source, target = deployments
    async with source.opened() as app:
        await fill(app, bound_schema)
        before, found_before = await content(app), await courses_found(app)
    await backed_up(source.settings, tmp_path / "backup")
    await source.wipe()

    await restored(target.settings, tmp_path / "backup")

    async with target.opened() as app:
        after, found_after = await content(app), await courses_found(app)
        school = School(app.store, app.sources.catalog._search, bound_schema, Clock())
        await school.drain(*COUNTED)
        settled = await content(app)
        assert await found(school.as_("ben"), "avocet") == ["An avocet, é and 🐦"]
    assert after.records == before.records
    assert sum(map(len, after.records.values())) > 15
    assert after.files == before.files
    assert len(after.files) == 2
    assert found_after == found_before
    assert len(found_after) == 1
    # Nothing that was restored is counted anew, as it would be were it told of as a change.
    assert settled.items["Courses"] == before.items["Courses"]
    assert settled.items["Rooms"] == before.items["Rooms"]
    if isinstance(source, Laptop) and isinstance(target, Laptop):
        assert after.items == before.items
        assert after.blobs == before.blobs


@pytest.fixture
def laptop(tmp_path: Path) -> Laptop:
    return Laptop(tmp_path)


async def test_a_backup_is_of_one_moment_while_the_server_works(
    laptop: Laptop, tmp_path: Path, bound_schema: GraphQLSchema
) -> None:
    """A file in parts, one that is being sent, and changes that the workers have not handled, go with it."""
    async with laptop.opened() as app:
        school = await fill(app, bound_schema)
        await send(school.as_("ben"), await create_room(school.as_("ben")), "not handled yet")
        assert isinstance(app.blobs, FileStore)
        whole = await app.blobs.start_multipart("media/ada/three", content_type="video/mp4")
        begun = await app.blobs.start_multipart("media/ada/four", content_type="video/mp4")
        for upload, key in ((whole, "three"), (begun, "four")):
            await _send_part(app.blobs, f"media/ada/{key}", upload)
        parts = await app.blobs.list_parts("media/ada/three", whole)
        await app.blobs.complete_multipart(
            "media/ada/three", whole, [ChosenPart(part.number, part.etag) for part in parts.parts]
        )
        before = await content(app)
        await backed_up(laptop.settings, tmp_path / "backup")
        await app.blobs.delete(["media/ada/one"])
        await app.blobs.store("media/ada/later", b"later", content_type="image/png")
    await restored(laptop.settings, tmp_path / "backup", replace=True)
    async with laptop.opened() as app:
        after = await content(app)
        assert after == before
        assert [part.number for part in (await app.blobs.list_parts("media/ada/four", begun)).parts] == [1]


async def _send_part(blobs: FileStore, key: str, upload: str) -> None:
    async with blobs.transfers.receiving(Grant("PUT", key, 0, size=5, upload=upload, part=1)) as incoming:
        await incoming.write(b"bytes")
        await incoming.finish()


async def test_what_came_while_most_was_linked_is_in_the_backup_and_what_went_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, staging = tmp_path / "files", tmp_path / "staging"
    async with FileStore.open(folder, secret=b"s" * 32, base_url="http://localhost") as store:
        await store.store("old", b"old", content_type="text/plain")
    link = file_backup._link_missing

    def with_changes(*given: Any) -> int:
        number = link(*given)
        if len(given) == 2:  # the look before the last
            _change(folder)
        return number

    monkeypatch.setattr(file_backup, "_link_missing", with_changes)
    with file_backup.held(folder, staging) as index:
        named = [row[0] for row in index.execute("SELECT file FROM parts")]
    assert named == ["0enew"]
    assert [path.name for path in (staging / "data").rglob("*") if path.is_file()] == named


def _change(folder: Path) -> None:
    """One file comes and one goes."""
    (folder / "data" / "0e").mkdir(exist_ok=True)
    (folder / "data" / "0e" / "0enew").write_bytes(b"new")
    with closing(sqlite3.connect(folder / "index.db", isolation_level=None)) as index:
        index.execute("UPDATE objects SET key = 'new', content = '0enew'")
        index.execute("UPDATE parts SET content = '0enew', file = '0enew'")


async def test_nothing_is_replaced_unless_that_is_asked_for(laptop: Laptop, tmp_path: Path) -> None:
    async with laptop.opened() as app:
        await app.blobs.store("a", b"1", content_type="text/plain")
    await backed_up(laptop.settings, tmp_path / "backup")
    async with laptop.opened() as app:
        await app.blobs.store("b", b"2", content_type="text/plain")
        before = await content(app)
    with pytest.raises(BadBackup, match="--replace"):
        await restored(laptop.settings, tmp_path / "backup")
    assert await _content_of(laptop) == before
    await restored(laptop.settings, tmp_path / "backup", replace=True)
    assert (await _content_of(laptop)).files.keys() == {"a"}


async def test_a_server_that_runs_keeps_its_data(laptop: Laptop, tmp_path: Path) -> None:
    async with laptop.opened() as app:
        await backed_up(laptop.settings, tmp_path / "backup")
        with pytest.raises(SettingsFault, match="a server or a command uses it"):
            await restored(laptop.settings, tmp_path / "backup", replace=True)
        assert await content(app)


async def test_a_backup_goes_into_an_empty_folder_only(laptop: Laptop, tmp_path: Path) -> None:
    async with laptop.opened():
        (tmp_path / "backup").mkdir()
        (tmp_path / "backup" / "holiday.txt").touch()
        with pytest.raises(BadBackup, match="not empty"):
            await backed_up(laptop.settings, tmp_path / "backup")


@pytest.mark.parametrize(
    "damage", ["torn", "changed", "missing", "a file", "no manifest", "half a manifest", "outside"]
)
async def test_a_backup_that_is_not_whole_is_refused_and_nothing_changes(
    laptop: Laptop, tmp_path: Path, damage: str
) -> None:
    async with laptop.opened() as app:
        await app.blobs.store("a", b"1", content_type="text/plain")
    folder = tmp_path / "backup"
    await backed_up(laptop.settings, folder)
    before = await _content_of(laptop)
    _damage(folder, damage)
    with pytest.raises(BadBackup):
        await restored(laptop.settings, folder, replace=True)
    assert await _content_of(laptop) == before


def _damage(folder: Path, damage: str) -> None:
    records, text = folder / "records.db", folder / manifests.MANIFEST_FILE
    match damage:
        case "torn":
            records.write_bytes(records.read_bytes()[:-512])
        case "changed":
            content = bytearray(records.read_bytes())
            content[len(content) // 2] ^= 1
            records.write_bytes(content)
        case "missing":
            (folder / "files" / "index.db").unlink()
        case "a file":
            (file,) = [path for path in (folder / "files" / "data").rglob("*") if path.is_file()]
            file.unlink()  # it is a hard link: the server's own name for it stays
            file.write_bytes(b"2")
        case "no manifest":
            text.unlink()
        case "half a manifest":
            text.write_bytes(text.read_bytes()[:100])
        case _:
            text.write_text(text.read_text().replace('"records.db"', '"../records.db"'))


async def test_a_backup_is_told_from_another_by_its_digest(laptop: Laptop, tmp_path: Path) -> None:
    async with laptop.opened():
        digest = await backed_up(laptop.settings, tmp_path / "backup")
    with pytest.raises(BadBackup, match=digest):
        await restored(laptop.settings, tmp_path / "backup", replace=True, digest="0" * 64)
    await restored(laptop.settings, tmp_path / "backup", replace=True, digest=digest)


# Killed

KILLED_AT = """
import os, signal, sys
from pathlib import Path
from app import data_folder
from app.cli.main import main

name, left = sys.argv.pop(1), int(sys.argv.pop(1))
do = getattr(Path, name)

def dying(self, *given, **named):
    global left
    if ".restore" in str(self) or ".backup" in str(self) or any(".restore" in str(each) for each in given):
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
    return do(self, *given, **named)

setattr(Path, name, dying)
sys.exit(main(sys.argv[1:]))
"""
"""A command that dies when it wants to do something with one more path of what it prepares."""


def killed_at(what: str, number: int, settings: Settings, *arguments: str) -> int:
    done = subprocess.run(
        [sys.executable, "-c", KILLED_AT, what, str(number), *arguments],
        cwd=ROOT,
        env={**os.environ, "DATA_DIR": str(settings.data_dir)},
        capture_output=True,
        check=False,
    )
    return done.returncode


@pytest.mark.parametrize(
    ("what", "number", "happens"), [("mkdir", 30, False), ("rename", 0, True), ("rename", 4, True)]
)
async def test_a_restore_that_is_killed_has_happened_whole_or_not_at_all(
    laptop: Laptop, tmp_path: Path, what: str, number: int, happens: bool
) -> None:
    async with laptop.opened() as app:
        await app.blobs.store("a", b"1", content_type="text/plain")
        old = await content(app)
    await backed_up(laptop.settings, tmp_path / "backup")
    async with laptop.opened() as app:
        await app.blobs.store("b", b"2", content_type="text/plain")
        new = await content(app)
    arguments = ("restore", str(tmp_path / "backup"), "--replace")
    assert killed_at(what, number, laptop.settings, *arguments) == -signal.SIGKILL
    assert await _content_of(laptop) == (old if happens else new)
    assert not (laptop.settings.data_dir / ".restore").exists()


async def test_a_backup_that_is_killed_is_none_and_harms_nothing(laptop: Laptop, tmp_path: Path) -> None:
    async with laptop.opened() as app:
        await app.blobs.store("a", b"1", content_type="text/plain")
        before = await content(app)
    assert killed_at("mkdir", 100, laptop.settings, "backup", str(tmp_path / "first")) == -signal.SIGKILL
    with pytest.raises(BadBackup, match="no whole backup"):
        manifests.read(tmp_path / "first")
    assert await _content_of(laptop) == before
    await backed_up(laptop.settings, tmp_path / "backup")
    assert not (laptop.settings.data_dir / ".backup").exists()


@pytest.mark.parametrize("deployments", [("laptop", "cloud")], indirect=True)
async def test_tables_that_are_half_filled_serve_nobody_until_the_restore_is_run_again(
    deployments: list[Deployment], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bound_schema: GraphQLSchema
) -> None:
    source, target = deployments
    async with source.opened() as app:
        await fill(app, bound_schema)
        before = await content(app)
    await backed_up(source.settings, tmp_path / "backup")
    await source_changed(source)
    await backed_up(source.settings, tmp_path / "another")
    write = TableCopies.write

    async def cut_off(self: TableCopies, table: Any, items: Any) -> None:
        if table.name == "Enrollments":
            raise KeyboardInterrupt
        await write(self, table, items)

    with monkeypatch.context() as patch:
        patch.setattr(TableCopies, "write", cut_off)
        with pytest.raises(KeyboardInterrupt):
            await restored(target.settings, tmp_path / "backup")
    with pytest.raises(SettingsFault, match="has not ended"):
        async with target.opened():
            pass
    with pytest.raises(BadBackup, match="not empty"):
        await restored(target.settings, tmp_path / "another")

    await restored(target.settings, tmp_path / "backup")
    async with target.opened() as app:
        assert (await content(app)).records == before.records
        assert await worker_rows.restored_from(app.store) is None


async def source_changed(source: Deployment) -> None:
    async with source.opened() as app:
        await app.blobs.store("more", b"more", content_type="text/plain")


async def _content_of(laptop: Laptop) -> Content:
    async with open_app(laptop.settings) as app:
        return await content(app)
