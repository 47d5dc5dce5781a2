"""Folders for files that are being made: they end with their context, or with their process."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from datasources.local.file_disk import DiskFull
from datasources.scratch import Scratch

KILLED = """
import asyncio, os, sys
from pathlib import Path
from datasources.scratch import Scratch

async def main():
    async with Scratch(Path(sys.argv[1])).folder() as folder:
        (folder / "rows").write_text("who was there")
        os.kill(os.getpid(), 9)

asyncio.run(main())
"""


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


async def test_a_folder_is_ours_alone_and_goes_with_its_context(tmp_path: Path) -> None:
    async with Scratch(tmp_path / "new").folder() as folder:
        (folder / "rows").write_text("who was there")
        assert (folder.stat().st_mode | folder.parent.stat().st_mode) & 0o077 == 0
    assert names(tmp_path / "new") == []


async def test_it_goes_when_making_the_file_fails(tmp_path: Path) -> None:
    async def fail() -> None:
        async with Scratch(tmp_path).folder() as folder:
            (folder / "rows").write_text("who was there")
            raise DiskFull

    with pytest.raises(DiskFull):
        await fail()
    assert names(tmp_path) == []


async def test_what_a_killed_process_has_left_is_removed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", KILLED, str(tmp_path)]
    await asyncio.to_thread(subprocess.run, command, check=False, timeout=60)
    (left,) = names(tmp_path)
    assert names(tmp_path / left) == ["rows"]

    await Scratch(tmp_path).sweep()

    assert names(tmp_path) == []


async def test_what_is_still_used_or_not_ours_stays(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "educonnect-link").symlink_to(tmp_path / "other")
    async with Scratch(tmp_path).folder() as used, Scratch(tmp_path).folder() as another:
        await Scratch(tmp_path).sweep()
        assert sorted(names(tmp_path)) == sorted([used.name, another.name, "other", "educonnect-link"])
