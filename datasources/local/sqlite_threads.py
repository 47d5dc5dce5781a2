"""The threads that use SQLite for an event loop, so that no disk access ever blocks it.

One writer commits whatever has queued up as one group, with one sync to disk for all; a few readers see
the last commit and never wait for the writer. Both queues are bounded: beyond is THROTTLED.
"""

import asyncio
import logging
import sqlite3
import threading
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import closing, suppress
from queue import Empty, SimpleQueue
from typing import Any, Protocol, TypeVar

from datasources.ports import ConditionFailed, TransactionFailed
from domain.errors import DomainError, dependency_failed, throttled

_log = logging.getLogger(__name__)

Result = TypeVar("Result")
Work = Callable[[sqlite3.Connection], Result]

SERVICE = "The record store"
_REFUSALS = (ConditionFailed, TransactionFailed, DomainError, ValueError)
"""What a unit of work raises before it has written anything, so that its group goes on without it."""
_BUSY = ("SQLITE_BUSY", "SQLITE_LOCKED")


class Task:
    """One unit of work and where its outcome goes."""

    __slots__ = ("failed", "future", "outcome", "service", "work")

    def __init__(self, work: Any, service: str, future: "asyncio.Future[Any]") -> None:
        self.work = work
        self.service = service
        self.future = future
        self.outcome: Any = None
        self.failed = False

    def fail(self, error: Exception) -> None:
        self.failed = True
        self.outcome = _translated(error, self.service) if isinstance(error, sqlite3.Error) else error

    def settle(self) -> None:
        """Hand the outcome over, in the loop's thread; a cancelled caller wants none."""
        if self.future.done():
            return
        if self.failed:
            self.future.set_exception(self.outcome)
        else:
            self.future.set_result(self.outcome)


Run = Callable[[sqlite3.Connection, list[Task]], None]


class Threads:
    """Threads with a connection each, all serving the event loop that they are made in.

    Args:
        connections: one thread is started for each; it closes the connection at its end.
        capacity: tasks that may be under way.
        share: tasks that a thread takes at a time, and what was handed over with the last of them.
        run: does those tasks and sets their outcomes.
        service: what clients are told is busy or broken.
        gathers: hands over at once what comes in one pass of the loop. Handed over one by one it is taken so: a
            thread that waits for work takes the first of many alone.
    """

    def __init__(
        self,
        name: str,
        connections: Sequence[sqlite3.Connection],
        *,
        capacity: int,
        share: int,
        run: Run,
        service: str = SERVICE,
        gathers: bool = False,
    ) -> None:
        self._service = service
        self._gathers = gathers
        self._gathered: list[Task] = []
        self._loop = asyncio.get_running_loop()
        self._queue: SimpleQueue[list[Task] | None] = SimpleQueue()
        """None for each thread, at the end."""
        self._under_way = 0
        self._capacity = capacity
        self._closed = False
        self._share = share
        self._run = run
        self._threads = [
            threading.Thread(target=self._serve, args=(connection,), name=f"{name}-{number}", daemon=True)
            for number, connection in enumerate(connections)
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, work: Work[Result]) -> Awaitable[Result]:
        """As `do`, of a function that is given the connection."""
        return self.do(work)

    def do(self, work: Any) -> Awaitable[Any]:
        """What a unit of work of any kind that `run` knows returns or raises.

        If the caller is cancelled, work that has not begun is dropped.

        Raises:
            DomainError: THROTTLED when too much is under way, DEPENDENCY_FAILED after `close`.
        """
        if self._closed:
            raise dependency_failed(self._service)
        if self._under_way >= self._capacity:
            raise throttled(self._service)
        task = Task(work, self._service, self._loop.create_future())
        self._under_way += 1
        if not self._gathers:
            self._queue.put([task])
            return task.future
        if not self._gathered:
            self._loop.call_soon(self._hand_over)
        self._gathered.append(task)
        return task.future

    def _hand_over(self) -> None:
        if self._gathered:
            self._queue.put(self._gathered)
            self._gathered = []

    async def close(self) -> None:
        """Refuses new work, finishes what was taken in, ends the threads."""
        self._closed = True
        self._hand_over()
        for _ in self._threads:
            self._queue.put(None)
        for thread in self._threads:
            await asyncio.to_thread(thread.join)

    def _take(self) -> list[Task]:
        """Waits for a task, and takes what else has queued up, until that is a share; none at the end."""
        taken: list[Task] = []
        tasks = self._queue.get()
        with suppress(Empty):
            while tasks is not None:
                taken += tasks
                if len(taken) >= self._share:
                    return taken
                tasks = self._queue.get_nowait()
            if taken:  # first what was asked for before the end
                self._queue.put(None)
        return taken

    def _serve(self, connection: sqlite3.Connection) -> None:
        with closing(connection):
            while tasks := self._take():
                wanted = [task for task in tasks if not task.future.cancelled()]
                if wanted:
                    try:
                        self._run(connection, wanted)
                    except Exception as error:  # a bug of ours: the callers are told, and the thread lives on
                        for task in wanted:
                            task.fail(error)
                with suppress(RuntimeError):  # the loop has ended, so nobody waits
                    self._loop.call_soon_threadsafe(self._settle, tasks)

    def _settle(self, tasks: list[Task]) -> None:
        self._under_way -= len(tasks)
        for task in tasks:
            task.settle()


def run_reads(connection: sqlite3.Connection, tasks: list[Task]) -> None:
    for task in tasks:
        try:
            task.outcome = task.work(connection)
        except Exception as error:  # whatever it is, it is the caller's, and the thread lives on
            task.fail(error)


class Group(Protocol):
    """A transaction, as the units of work in it see it."""

    def do(self, work: Any) -> Any:
        """What the unit returns or raises."""
        ...

    def finish(self) -> None:
        """Write what is not written yet."""
        ...

    def committed(self) -> None:
        """What was done is on disk."""
        ...


class PlainGroup:
    """Of units that are given the connection."""

    def __init__(self, connection: sqlite3.Connection, works: Iterable[Any]) -> None:
        self._connection = connection

    def do(self, work: Work[Result]) -> Result:
        return work(self._connection)

    def finish(self) -> None: ...

    def committed(self) -> None: ...


def run_writes(
    connection: sqlite3.Connection,
    tasks: list[Task],
    *,
    group: Callable[[sqlite3.Connection, Iterable[Any]], Group] = PlainGroup,
    committed: Callable[[sqlite3.Connection], None],
) -> None:
    """Group commit: everything in one transaction, nothing acknowledged before it is on disk.

    Args:
        group: made in the transaction, with all units of work.
        committed: is called after the commit.
    """
    rest = tasks
    try:
        while (culprit := _commit_group(connection, rest, group)) is not None:
            rest = [task for task in rest if task is not culprit]
    except Exception as error:
        _roll_back(connection)
        if not isinstance(error, sqlite3.Error):
            raise
        for task in rest:
            task.fail(error)
        return
    try:
        committed(connection)
    except Exception as error:  # what is written stands, so nobody is told that it failed
        _log.error("signal after commit failed", extra={"error": type(error).__name__})


def _commit_group(
    connection: sqlite3.Connection, tasks: list[Task], group: Callable[[sqlite3.Connection, Iterable[Any]], Group]
) -> Task | None:
    """None: committed. A task: it failed halfway, nothing was written, the others are to be done again.

    Raises:
        sqlite3.Error: the store itself failed, so that all tasks have.
    """
    connection.execute("BEGIN IMMEDIATE")
    units = group(connection, [task.work for task in tasks])
    for task in tasks:
        task.failed = False
        try:
            task.outcome = units.do(task.work)
        except _REFUSALS as refusal:
            task.fail(refusal)
        except sqlite3.OperationalError:  # disk full, I/O error: no task's own fault
            raise
        except Exception as error:
            _roll_back(connection)
            task.fail(error)
            return task
    units.finish()
    connection.execute("COMMIT")
    units.committed()
    return None


def _roll_back(connection: sqlite3.Connection) -> None:
    if connection.in_transaction:  # some errors have rolled back already
        connection.execute("ROLLBACK")


def _translated(error: sqlite3.Error, service: str) -> DomainError:
    name = getattr(error, "sqlite_errorname", type(error).__name__)
    _log.error("SQLite failed", extra={"error": name})
    return throttled(service) if name.startswith(_BUSY) else dependency_failed(service)
