"""The demo school: believable, planted once, and whole also when the planting was cut off."""

import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from app import sources
from app.auth.local_issuer import user_id
from app.demo_school import read
from app.seed import DEMO_USER, seed
from datasources.courses import Courses
from datasources.local.sqlite import SQLiteStore
from datasources.ports import Item, RecordStore, Write
from datasources.tables import COURSES, ENROLLMENTS, USERS, Table
from domain.access import course_access
from domain.callers import Caller, Mode
from domain.errors import DomainError, dependency_failed
from domain.times import Timestamp, later
from resolvers.context import Sources
from tests.datasources.test_enrollments import require_true_seats
from tests.learning import NOW
from tests.races import at_once, successes
from tests.school import School

MY_MEETINGS = "{ listMyMeetings { items { id title status startsAt courseId roomId } } }"
STATUSES = {"PENDING_PAYMENT", "WAITLISTED", "ACTIVE", "COMPLETED", "DROPPED", "EXPIRED", "REVOKED"}


def now() -> Timestamp:
    return NOW


@dataclass(frozen=True)
class Ground:
    store: RecordStore
    sources: Sources


class Shelf:
    """Where files are put, and nobody asks for them."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}

    async def store(self, key: str, source: bytes, *, content_type: str) -> None:
        self.files[key] = source


def ground(store: RecordStore) -> Ground:
    built, _ = sources.build(store, None, Shelf(), None, None, now)  # type: ignore[arg-type] # no more is needed
    return Ground(store, built)


class CutOff:
    """A store that breaks after so many transactions, as a process that is killed."""

    def __init__(self, store: RecordStore, transactions: int) -> None:
        self._store = store
        self._left = transactions

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def transact(self, writes: Sequence[Write], *, token: str | None = None) -> None:
        if self._left == 0:
            raise dependency_failed("The record store")
        self._left -= 1
        await self._store.transact(writes, token=token)


async def items(store: RecordStore, table: Table) -> dict[tuple[Any, ...], Item]:
    """Everything in a table with a feed, by key."""
    found: dict[tuple[Any, ...], Item] = {}
    position = None
    while True:
        page = await store.changes(table, position)
        for event in page.events:
            key = tuple(event.key.values())
            if event.new is None:
                del found[key]
            else:
                found[key] = event.new
        if not page.events:
            return found
        position = page.position


async def test_forty_people_eight_courses_and_every_state(sqlite_store: SQLiteStore) -> None:
    here = ground(sqlite_store)

    assert await seed(here, NOW)

    people = await items(sqlite_store, USERS)
    assert len(people) == 40
    roles = Counter(role for person in people.values() for role in person["roles"])
    assert set(roles) == {"STUDENT", "MENTOR", "ADMIN", "MODERATOR"}
    assert people[(user_id(DEMO_USER),)]["roles"] == ["MENTOR"]
    stored = await items(sqlite_store, COURSES)
    courses = {course_id: item for (course_id, sk), item in stored.items() if sk == "META"}
    assert len(courses) == len(read().courses) == 8
    assert {course["state"] for course in courses.values()} == {"DRAFT", "PUBLISHED", "ARCHIVED"}
    assert {course["accessModel"] for course in courses.values()} == {"FREE", "PAID", "PLAN", "INVITE_ONLY"}
    assert len({course["language"] for course in courses.values()}) == 4
    rows = (await items(sqlite_store, ENROLLMENTS)).values()
    assert {row["status"] for row in rows} == STATUSES
    assert all(row["enrolledAt"] <= NOW for row in rows)
    for course_id in courses:
        await require_true_seats(sqlite_store, course_id)


async def test_its_clock_is_true_and_its_demo_user_learns_too(sqlite_store: SQLiteStore) -> None:
    here = ground(sqlite_store)
    await seed(here, NOW)

    page, _ = await here.sources.enrollments.list_user(user_id(DEMO_USER), None, None, 100)
    assert {row.status for row in page} == {"ACTIVE", "COMPLETED"}
    for item in (await items(sqlite_store, ENROLLMENTS)).values():
        row = await here.sources.enrollments.get(item["courseId"], item["userId"])
        course = await Courses(sqlite_store).get(item["courseId"])
        assert row is not None
        assert course is not None
        assert not row.has_lapsed(NOW)
        granted = course_access(course, row, is_staff=False, now=NOW).granted
        assert granted == (row.status in ("ACTIVE", "COMPLETED"))


async def test_its_demo_user_has_a_meeting_to_open_and_a_picture(school_with_files: School) -> None:
    school = school_with_files
    ada = school.as_(DEMO_USER, "Mentors")
    await seed(school, school.clock.now())

    [meeting] = (await ada.data(MY_MEETINGS))["listMyMeetings"]["items"]
    assert meeting["status"] == "SCHEDULED"
    opened = await ada.data("mutation ($id: ID!) { startMeeting(id: $id) { status } }", id=meeting["id"])
    assert opened["startMeeting"]["status"] == "LIVE"
    [picture] = (await ada.data("{ listMyMedia { items { id status fileName } } }"))["listMyMedia"]["items"]
    assert (picture["status"], picture["fileName"]) == ("SCANNING", "low-tide.png")
    await school.drain("media-")
    seen = await ada.data("query ($id: ID!) { getMedia(id: $id) { status downloadUrl } }", id=picture["id"])
    assert seen["getMedia"]["status"] == "READY"
    [drawn] = await school.blobs.list_keys("media/")
    with Image.open(io.BytesIO(await school.blobs.read(drawn.key, length=drawn.size))) as image:
        assert image.size == (960, 540)


async def test_it_is_planted_once(sqlite_store: SQLiteStore) -> None:
    here = ground(sqlite_store)
    await seed(here, NOW)
    before = [await items(sqlite_store, table) for table in (USERS, COURSES, ENROLLMENTS)]

    assert not await seed(here, later(NOW, days=1))

    assert [await items(sqlite_store, table) for table in (USERS, COURSES, ENROLLMENTS)] == before


async def test_a_database_with_users_is_left_alone(sqlite_store: SQLiteStore) -> None:
    here = ground(sqlite_store)
    await here.sources.users.seen(Caller(Mode.COGNITO, "somebody", username="somebody"), NOW)

    assert not await seed(here, NOW)

    assert await items(sqlite_store, COURSES) == {}


@pytest.mark.parametrize("transactions", [1, 20, 60, 100, 150, 200, 250])
async def test_a_planting_that_was_cut_off_goes_on(
    sqlite_store: SQLiteStore, tmp_path: Path, transactions: int
) -> None:
    async with SQLiteStore.open(tmp_path / "uncut.db") as uncut:
        await seed(ground(uncut), NOW)
        whole = [await items(uncut, table) for table in (USERS, COURSES, ENROLLMENTS)]
    with pytest.raises(DomainError, match="record store"):
        await seed(ground(CutOff(sqlite_store, transactions)), NOW)

    assert await seed(ground(sqlite_store), later(NOW, days=2))

    found = [await items(sqlite_store, table) for table in (USERS, COURSES, ENROLLMENTS)]
    for kept, wanted in zip(found, whole, strict=True):
        assert kept.keys() == wanted.keys()
        assert {key: item.get("status", item.get("state")) for key, item in kept.items()} == {
            key: item.get("status", item.get("state")) for key, item in wanted.items()
        }


async def test_two_servers_that_start_at_once_plant_one_school(sqlite_store: SQLiteStore, tmp_path: Path) -> None:
    async with SQLiteStore.open(tmp_path / "alone.db") as alone:
        await seed(ground(alone), NOW)
        whole = [(await items(alone, table)).keys() for table in (USERS, COURSES, ENROLLMENTS)]

    done = successes(await at_once([partial(seed, ground(sqlite_store), NOW)] * 3))

    assert len(done) == 3
    assert [(await items(sqlite_store, table)).keys() for table in (USERS, COURSES, ENROLLMENTS)] == whole
    rows = (await items(sqlite_store, ENROLLMENTS)).values()
    assert {row["status"] for row in rows} == STATUSES
    assert not await seed(ground(sqlite_store), NOW)
