"""The processes that look at pictures: few, started when first needed, and replaced when they crash or hang."""

import asyncio
import logging
from collections.abc import Sequence

import msgspec

from datasources.face_engine import face_service_busy
from datasources.local.child_process import ChildProcess, module_command
from datasources.local.face_frames import LENGTH, Finding, Ready, Task, framed
from domain.errors import dependency_failed

COMMAND = module_command("datasources.local.face_worker")
MOST_WAITING = 50
SECONDS = 20.0
"""For one picture, the wait for its turn included."""
_END_SECONDS = 2.0
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}

_FINDING: msgspec.msgpack.Decoder[Finding] = msgspec.msgpack.Decoder(Finding)

_log = logging.getLogger(__name__)


class _Gone(Exception):
    """The process has ended."""


class _Worker:
    """One process; it does one task at a time."""

    def __init__(self, child: ChildProcess) -> None:
        self._child = child

    @classmethod
    async def start(cls, command: Sequence[str]) -> "_Worker":
        """Raises DEPENDENCY_FAILED when it cannot work, _Gone when it ends at once."""
        worker = cls(await ChildProcess.start(command, _ONE_THREAD))
        try:
            ready = msgspec.msgpack.decode(await worker._next(), type=Ready)
            if ready.fault is not None:
                _log.error("faces cannot be compared: %s", ready.fault)
                raise dependency_failed("faces")
        except BaseException:
            await worker.kill()
            raise
        return worker

    async def find(self, task: Task) -> Finding:
        """Raises _Gone."""
        try:
            self._child.tasks.write(framed(task))
            await self._child.tasks.drain()
        except ConnectionError:
            raise _Gone from None
        return _FINDING.decode(await self._next())

    async def end(self) -> None:
        await self._child.end(_END_SECONDS)

    async def kill(self) -> None:
        await self._child.kill()

    async def _next(self) -> bytes:
        try:
            (length,) = LENGTH.unpack(await self._child.answers.readexactly(LENGTH.size))
            return await self._child.answers.readexactly(length)
        except (asyncio.IncompleteReadError, ConnectionError):
            raise _Gone from None


class FaceWorkers:
    """Looks at pictures, so many at a time as there are processes.

    Args:
        processes: at most; each takes about 100 MB once it has been needed.
        command: starts one.
        most_waiting: pictures that wait for their turn; beyond, callers are sent away.
    """

    def __init__(
        self,
        processes: int = 1,
        *,
        command: Sequence[str] = COMMAND,
        most_waiting: int = MOST_WAITING,
        seconds: float = SECONDS,
    ) -> None:
        self._command = command
        self._most = processes + most_waiting
        self._seconds = seconds
        self._turn = asyncio.Semaphore(processes)
        self._idle: list[_Worker] = []
        self._asked = 0

    async def find(self, task: Task) -> Finding:
        """Raises FACE_SERVICE_BUSY: too many wait, it takes too long, or the process crashed over it."""
        if self._asked >= self._most:
            raise face_service_busy()
        self._asked += 1
        try:
            async with asyncio.timeout(self._seconds), self._turn:
                return await self._find(task)
        except (TimeoutError, _Gone) as fault:
            _log.warning("a picture was not looked at: %s", type(fault).__name__)
            raise face_service_busy() from None
        finally:
            self._asked -= 1

    async def close(self) -> None:
        await asyncio.gather(*(worker.end() for worker in self._idle))
        self._idle.clear()

    async def _find(self, task: Task) -> Finding:
        worker = self._idle.pop() if self._idle else await _Worker.start(self._command)
        try:
            finding = await worker.find(task)
        except BaseException:  # also when the caller went away: it is still at work for them
            await worker.kill()
            raise
        self._idle.append(worker)
        return finding
