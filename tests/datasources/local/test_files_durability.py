"""Killed amid its work, the embedded store keeps every file that it acknowledged, and no half one."""

import asyncio
import sqlite3
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from datasources.blobs import MAX_READ_BYTES
from datasources.local.files import FileStore
from tests.datasources.local.file_writer import STEPS, body_of
from tests.waiting import PATIENCE_SECONDS

ROUNDS = 3
TOLD_BEFORE_KILL = 40


async def started(*arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.datasources.local.file_writer", *arguments), stdout=asyncio.subprocess.PIPE
    )


def opened(folder: Path):
    return FileStore.open(folder, secret=b"s" * 32, base_url="http://x", min_part_bytes=1)


def on_disk(folder: Path) -> set[str]:
    return {path.name for part in ("incoming", "data") for path in (folder / part).rglob("*") if path.is_file()}


def named(folder: Path) -> set[str]:
    """The files on disk that the index knows."""
    with sqlite3.connect(folder / "index.db") as connection:
        return {row[0] for row in connection.execute("SELECT file FROM parts")}


async def whole(store: FileStore, key: str) -> bytes:
    body = b""
    while piece := await store.read(key, start=len(body), length=MAX_READ_BYTES):
        body += piece
    return body


@pytest.mark.parametrize("step", STEPS)
async def test_a_file_is_there_whole_or_not_at_all_wherever_the_process_dies(tmp_path: Path, step: str):
    process = await started(str(tmp_path), step)
    assert await asyncio.wait_for(process.wait(), PATIENCE_SECONDS) == 9
    async with opened(tmp_path) as store:
        stored = [blob.key for blob in await store.list_keys("")]
        assert stored == (["first", "second"] if step in ("named", "settled") else ["first"])
        for key in stored:
            assert await whole(store, key) == body_of(key)
        assert on_disk(tmp_path) == named(tmp_path)
        await store.store("second", b"again", content_type="video/mp4")
        assert await whole(store, "second") == b"again"


async def killed_amid_writes(folder: Path) -> Sequence[str]:
    """What the process had said when kill -9 ended it."""
    process = await started(str(folder))
    assert process.stdout is not None
    async with asyncio.timeout(PATIENCE_SECONDS):
        told = [await process.stdout.readline() for _ in range(TOLD_BEFORE_KILL)]
        process.kill()
        rest = await process.stdout.read()
        await process.wait()
    lines = (b"".join(told) + rest).splitlines(keepends=True)
    return [line.decode().strip() for line in lines if line.endswith(b"\n")]


async def test_kill_9_loses_nothing_acknowledged_and_leaves_nothing_behind(tmp_path: Path):
    told: list[str] = []
    for _ in range(ROUNDS):
        told += await killed_amid_writes(tmp_path)
        async with opened(tmp_path) as store:
            removed = {line[1:] for line in told if line.startswith("-")}
            for key in [line[1:] for line in told if line.startswith("+")]:
                expected = b"" if key in removed else body_of(key)
                assert await whole(store, key) in (expected, b"" if _may_be_gone(key, told) else expected)
            assert on_disk(tmp_path) == named(tmp_path)
    assert len(told) >= ROUNDS * TOLD_BEFORE_KILL


def _may_be_gone(key: str, told: Sequence[str]) -> bool:
    """Whether the removal of this file may have been done without anybody having been told."""
    place, _, number = key.rpartition("/")
    return int(number) % 4 == 1 and f"+{place}/{int(number) + 2}" in told
