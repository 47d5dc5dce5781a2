"""An announcement to a course of 100,000 learners, by the server as it is, killed in the middle and started again.

`python -m bench.announcement [LEARNERS]` tells how fast and in how much memory, and checks that each was told once.
"""

import asyncio
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from ulid import ULID

from app.clock import now
from app.engines import DATABASE_FILE, open_engines
from bench.servers import ROOT, free_port
from bench.stored_school import COURSE_PAGE, plant, settings
from datasources import enrollment_rows, users
from datasources.announcements import Announcements
from datasources.audit import audit_write
from datasources.course_items import ANNOUNCEMENT
from datasources.ports import MAX_BATCH_WRITE, RecordStore, SortRange
from datasources.tables import COURSES, ENROLLMENTS, USERS
from domain.announcements import new_announcement
from domain.callers import Caller, Mode
from domain.enrollments import Enrollment
from domain.users import User

LEARNERS = 100_000
_AT_ONCE = 40
_MEGABYTE = 1024


def main() -> None:
    learners = int(sys.argv[1]) if len(sys.argv) > 1 else LEARNERS
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_prepare(Path(folder), learners))
        _forget_feed(folder)
        began = time.monotonic()
        with closing(_Server(folder)) as first:
            first.wait(lambda: _told(folder) >= learners // 2)
            half, used = time.monotonic() - began, first.used
            first.kill()
        before = _told(folder)
        _say(f"killed after {before} of {learners} learners, {half:.0f} s, {before / half:.0f} a second; {used}")
        began = time.monotonic()
        with closing(_Server(folder)) as second:
            second.wait(lambda: _count(folder, "SELECT COUNT(*) FROM FanOuts") == 0)
            rest = time.monotonic() - began
            _say(f"the others in {rest:.0f} s, {(learners - before) / rest:.0f} a second; {second.used}")
            second.wait(lambda: _count(folder, "SELECT COUNT(*) FROM Deliveries WHERE queue IS NOT NULL") == 0)
            _say(f"all mail sent {time.monotonic() - began - rest:.0f} s later; {second.used}")
        _check(folder, learners)


async def _prepare(folder: Path, learners: int) -> None:
    """A course with its learners, and the announcement on its way."""
    await plant(folder)
    async with open_engines(settings(folder)) as engines:
        gate = asyncio.Semaphore(_AT_ONCE)

        async def add(first: int) -> None:
            async with gate:
                await _add_learners(engines.store, range(first, min(first + MAX_BATCH_WRITE, learners)))

        await asyncio.gather(*(add(first) for first in range(0, learners, MAX_BATCH_WRITE)))
        given = {"title": "Room change", "body": "We meet outside."}
        announcement = new_announcement(given, id=f"{COURSE_PAGE}.{ULID()}", now=now())
        audit = audit_write(Caller(Mode.IAM), "sendAnnouncement", COURSE_PAGE, now(), str(ULID()))
        await Announcements(engines.store).create(announcement, None, audit=audit)


async def _add_learners(store: RecordStore, numbers: range) -> None:
    at = now()
    people = [
        User(f"learner-{number}", "Lea", ("STUDENT",), "ACTIVE", at, at, 1, email=f"learner-{number}@example.org")
        for number in numbers
    ]
    places = [
        Enrollment(
            course_id=COURSE_PAGE,
            user_id=person.id,
            status="ACTIVE",
            source="SELF",
            last_change="ENROLLED",
            enrolled_at=at,
            version=1,
        )
        for person in people
    ]
    await store.batch_write(USERS, puts=[users.item_of(person) for person in people])
    await store.batch_write(ENROLLMENTS, puts=[enrollment_rows.step(None, place).item for place in places])


def _forget_feed(folder: str) -> None:
    """What follows from the enrollments themselves was done long ago."""
    with closing(sqlite3.connect(Path(folder) / DATABASE_FILE)) as connection, connection:
        connection.execute("DELETE FROM _changes")


class _Server:
    def __init__(self, folder: str) -> None:
        chosen = {"DATA_DIR": folder, "PORT": str(free_port()), "SEED_DEMO": "off", "ANNOUNCED_PER_SECOND": "1000000"}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "app", "serve"], cwd=ROOT, env={**os.environ, **chosen}, stdout=subprocess.DEVNULL
        )
        self.used = ""
        """Memory at its highest, and time on the processor, until the last look."""

    def wait(self, is_done: Callable[[], bool]) -> None:
        while not is_done():
            if self._process.poll() is not None:
                raise RuntimeError("the server has ended")
            facts = Path(f"/proc/{self._process.pid}")
            peak = int((facts / "status").read_text(encoding="ascii").partition("VmHWM:")[2].split()[0])
            user, system = (facts / "stat").read_text(encoding="ascii").rpartition(")")[2].split()[11:13]
            seconds = (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")
            self.used = f"{peak // _MEGABYTE} MB, {seconds:.0f} s of a processor"
            time.sleep(0.5)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(60)


def _told(folder: str) -> int:
    return _count(folder, "SELECT COUNT(*) FROM Notifications")


def _count(folder: str, question: str) -> int:
    with closing(sqlite3.connect(f"file:{Path(folder) / DATABASE_FILE}?mode=ro", uri=True)) as connection:
        return int(connection.execute(question).fetchone()[0])


def _check(folder: str, learners: int) -> None:
    """Raises AssertionError unless each learner has one notification and one mail."""
    facts = {
        "notifications": "SELECT COUNT(*) FROM Notifications",
        "users told": "SELECT COUNT(DISTINCT userId) FROM Notifications",
        "mails": "SELECT COUNT(*) FROM Outbox",
    }
    for what, question in facts.items():
        found = _count(folder, question)
        if found != learners:
            raise AssertionError(f"{what}: {found} of {learners}")
    counted = asyncio.run(_recipients(Path(folder)))
    if counted != learners:
        raise AssertionError(f"counted: {counted} of {learners}")
    _say(f"each of {learners} learners was told once, by one notification and one mail, and is counted")


async def _recipients(folder: Path) -> int:
    async with open_engines(settings(folder)) as engines:
        page = await engines.store.query(COURSES, COURSE_PAGE, sort=SortRange(prefix=ANNOUNCEMENT))
    return sum(item["recipientCount"] for item in page.items)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
