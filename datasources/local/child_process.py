"""Processes of our own that read what may be hostile: they know no secret, and end with all that they started."""

import asyncio
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

LONGEST_LINE = 64 * 1024
KILL_SECONDS = 5.0
_ROOT = Path(__file__).parent.parent.parent
_PASSED_ON = ("PATH", "LANG", "SYSTEMROOT")


def module_command(module: str) -> tuple[str, ...]:
    """Runs a module of ours; it leaves no compiled files behind."""
    return sys.executable, "-B", "-m", module


class ChildProcess:
    """
    Attributes:
        tasks: its standard input.
        answers: its standard output. What it writes to standard error is lost.
    """

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        if process.stdin is None or process.stdout is None:
            raise ValueError("the process has no pipes")
        self._process = process
        self.tasks, self.answers = process.stdin, process.stdout

    @classmethod
    async def start(cls, command: Sequence[str], environment: Mapping[str, str] | None = None) -> "ChildProcess":
        """
        Args:
            environment: beside what every program needs; the rest of ours stays here.
        """
        needed = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            cwd=_ROOT,
            env={**needed, **(environment or {})},
            limit=LONGEST_LINE,
            start_new_session=True,
        )
        return cls(process)

    async def end(self, seconds: float) -> None:
        """Lets it end by itself, for it has nothing more to do; kills it when that takes longer."""
        self.tasks.close()
        try:
            async with asyncio.timeout(seconds):
                await self._process.wait()
        except TimeoutError:
            await self.kill()

    async def kill(self) -> None:
        """With all that it started. Nothing happens when it has ended."""
        with suppress(ProcessLookupError):
            if sys.platform == "win32":  # which has no such groups
                self._process.kill()
            else:
                os.killpg(self._process.pid, signal.SIGKILL)
        self.tasks.close()
        try:
            async with asyncio.timeout(KILL_SECONDS):
                await self.answers.read()  # asyncio sees the end of a process only behind all that it wrote
                await self._process.wait()
        except TimeoutError:  # something that left its group keeps the pipe open, which only the transport can let go
            self._process._transport.close()  # type: ignore[attr-defined]
