"""What a container asks itself: is its server alive?"""

import asyncio
import os
import subprocess
import sys

from app.probe import answers
from tests.app.http.conftest import running
from tests.server_process import ROOT, free_port
from tests.waiting import PATIENCE_SECONDS


async def test_a_living_server_answers():
    async with running() as site:
        assert await asyncio.to_thread(answers, site.port)


def test_nobody_there_is_no_answer():
    assert not answers(free_port())


def test_its_exit_status_tells():
    command = [sys.executable, "-m", "app.probe"]
    asked = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "PORT": str(free_port())}, timeout=PATIENCE_SECONDS, check=False
    )
    assert asked.returncode == 1


def test_it_imports_next_to_nothing():
    loaded = "import sys, app.probe; print([name for name in sys.modules if name in ('msgspec', 'graphql', 'uvicorn')])"
    answer = subprocess.run(
        [sys.executable, "-c", loaded], cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=True
    )
    assert answer.stdout.strip() == "[]"
