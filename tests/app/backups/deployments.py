"""Whole deployments to back up: engines on this machine, or DynamoDB and S3 behind real HTTP."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from app.settings import Settings
from app.wiring import App, open_app
from datasources.blobs import Blob
from datasources.ports import Item
from tests.dump import dump
from tests.dynamodb_emulator import PREFIX, Emulator, emulated_store
from tests.s3_emulator import BUCKET, REGION, S3Emulator

OF_EACH_ENGINE = {"Workers", "SearchTerms", "SearchDocuments", "_changes"}
"""Tables that another engine has no use for: places in feeds, and what it knows for its search."""


@dataclass
class Content:
    """All that a deployment keeps.

    Attributes:
        items: by table.
        files: their bytes and type by key.
        blobs: what their store says of them.
    """

    items: dict[str, list[Item]]
    files: dict[str, tuple[bytes, str]]
    blobs: list[Blob]

    @property
    def records(self) -> dict[str, list[Item]]:
        """What every engine keeps alike."""
        return {name: items for name, items in self.items.items() if name not in OF_EACH_ENGINE}


async def content(app: App) -> Content:
    blobs = [blob async for blob in _blobs(app)]
    files = {blob.key: (await app.blobs.read(blob.key, length=1024 * 1024), blob.content_type) for blob in blobs}
    return Content(await dump(app.store), files, blobs)


async def _blobs(app: App) -> AsyncIterator[Blob]:
    for listed in await app.blobs.list_keys(""):
        blob = await app.blobs.head(listed.key)
        assert blob is not None
        yield blob


class Laptop:
    """SQLite and a folder."""

    def __init__(self, folder: Path) -> None:
        self.settings = Settings.load({"DATA_DIR": str(folder / "data")})

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[App]:
        async with open_app(self.settings) as app:
            yield app

    async def wipe(self) -> None:
        shutil.rmtree(self.settings.data_dir)


class Cloud:
    """DynamoDB and S3."""

    def __init__(self, folder: Path, dynamodb: Emulator, s3: S3Emulator, patch: pytest.MonkeyPatch) -> None:
        for name, value in {
            "AWS_ACCESS_KEY_ID": "emulated",
            "AWS_SECRET_ACCESS_KEY": "emulated",
            "AWS_ENDPOINT_URL_DYNAMODB": dynamodb.url,
            "AWS_ENDPOINT_URL_DYNAMODB_STREAMS": dynamodb.url,
            "AWS_ENDPOINT_URL_S3": s3.url,
        }.items():
            patch.setenv(name, value)
        self._dynamodb, self._s3 = dynamodb, s3
        self.settings = Settings.load(
            {
                "DATA_DIR": str(folder / "cloud"),
                "RECORDS": "dynamodb",
                "TABLE_PREFIX": PREFIX,
                "BLOBS": "s3",
                "S3_BUCKET": BUCKET,
                "AWS_REGION": REGION,
                "CURSOR_SECRET": "a-secret-of-the-tests-long-enough-for-all",
            }
        )

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[App]:
        async with open_app(self.settings) as app:
            yield app

    async def wipe(self) -> None:
        async with emulated_store(self._dynamodb):
            self._s3.empty()


Deployment = Laptop | Cloud


@pytest.fixture
async def deployments(
    request: pytest.FixtureRequest, tmp_path: Path, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> Any:
    """What to back up and what to restore to, as `request.param` names them."""
    made: dict[str, Deployment] = {}
    for name in request.param:
        if name == "laptop":
            made[name] = Laptop(tmp_path)
        else:
            cloud = Cloud(tmp_path, emulator, request.getfixturevalue("s3_emulator"), monkeypatch)
            await cloud.wipe()
            made[name] = cloud
    return [made[name] for name in request.param]
