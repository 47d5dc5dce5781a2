"""Which store of files the settings choose."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from app.engines import open_engines
from app.settings import Settings, SettingsFault
from datasources.local.files import FileStore

if TYPE_CHECKING:
    from tests.s3_emulator import S3Emulator


def settings(folder: Path, **chosen: str) -> Settings:
    return Settings.load({"DATA_DIR": str(folder), **{name.upper(): value for name, value in chosen.items()}})


async def test_files_lie_in_the_data_folder_when_nothing_is_chosen(tmp_path: Path):
    async with open_engines(settings(tmp_path)) as engines:
        assert isinstance(engines.blobs, FileStore)
        await engines.blobs.store("a", b"kept", content_type="text/plain")
        url = await engines.blobs.sign_get("a", seconds=60)
    assert url.startswith("http://127.0.0.1:8000/files/a?")
    async with open_engines(settings(tmp_path, public_url="https://api.school.example/")) as engines:
        assert await engines.blobs.read("a", length=10) == b"kept"
        again = await engines.blobs.sign_get("a", seconds=60)
    assert again.startswith("https://api.school.example/files/a?")


async def test_a_data_folder_that_is_not_ours_is_told(tmp_path: Path):
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "index.db").write_bytes(b"something else" * 100)
    with pytest.raises(SettingsFault, match="files cannot be used"):
        async with open_engines(settings(tmp_path)):
            pass


async def test_files_lie_in_the_bucket_that_is_chosen(
    tmp_path: Path, s3_emulator: "S3Emulator", monkeypatch: pytest.MonkeyPatch
):
    s3_emulator.empty()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "emulated")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "emulated")
    chosen = settings(
        tmp_path,
        blobs="s3",
        s3_bucket="files",
        s3_prefix="live/",
        aws_region="eu-central-1",
        aws_endpoint_url=s3_emulator.url,
    )
    async with open_engines(chosen) as engines:
        await engines.blobs.ready()
        await engines.blobs.store("a", b"kept", content_type="text/plain")
        assert await engines.blobs.read("a", length=10) == b"kept"
        assert "/files/live/a?" in await engines.blobs.sign_get("a", seconds=60)
    assert not (tmp_path / "files").exists()
