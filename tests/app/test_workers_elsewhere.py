"""Processes that only serve, and leave the workers to others."""

import asyncio
from pathlib import Path

import pytest

from app.settings import Settings
from app.wiring import open_app, running


@pytest.mark.parametrize("works", [True, False])
async def test_workers_run_where_they_are_to(works: bool, tmp_path: Path) -> None:
    settings = Settings.load({"DATA_DIR": str(tmp_path), "WORKERS": str(works).lower()})
    async with open_app(settings) as app, running(app, works=settings.workers):
        assert ("workers" in {task.get_name() for task in asyncio.all_tasks()}) is works
