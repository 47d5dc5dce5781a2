"""Processes of our own end when they are told to, whatever they are doing."""

import asyncio
import os
import signal
import sys

import pytest

from datasources.local import child_process
from datasources.local.child_process import ChildProcess
from tests.waiting import PATIENCE_SECONDS, until

TALKS_ON = "while True: print('x' * 1000)"
LEAVES_A_CHILD = """
import subprocess, sys
sleeping = [sys.executable, "-c", "import time; time.sleep(600)"]
print(subprocess.Popen(sleeping, start_new_session=True).pid, flush=True)
sys.stdin.read()
"""


async def test_a_process_that_nobody_listens_to_can_be_killed() -> None:
    """asyncio reads no further than its buffer, and would wait for the rest before it sees the end."""
    child = await ChildProcess.start((sys.executable, "-c", TALKS_ON))
    await until(lambda: len(child.answers._buffer) > 2 * child_process.LONGEST_LINE)
    async with asyncio.timeout(PATIENCE_SECONDS):
        await child.kill()


async def test_what_a_process_leaves_behind_with_its_pipe_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child_process, "KILL_SECONDS", 0.1)
    child = await ChildProcess.start((sys.executable, "-c", LEAVES_A_CHILD))
    left = int(await child.answers.readline())
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await child.kill()
    finally:
        os.kill(left, signal.SIGKILL)


async def test_a_process_may_end_by_itself() -> None:
    child = await ChildProcess.start((sys.executable, "-c", "import sys; sys.stdin.read()"))
    await child.end(PATIENCE_SECONDS)
    await child.kill()
