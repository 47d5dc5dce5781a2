"""Announcements on their way to all learners: page by page, on from where it stood, nobody twice."""

import pytest
from ulid import ULID

from datasources import announcements
from datasources.announcements import Announcements, FanOut
from datasources.audit import audit_write
from datasources.courses import Courses
from datasources.notifications import Notifications
from datasources.notifier import Notifier
from datasources.ports import RecordStore
from datasources.tables import FAN_OUTS, NOTIFICATIONS
from domain.announcements import Announcement, new_announcement
from domain.callers import Caller, Mode
from tests.datasources.test_enrollments import enroll
from tests.learning import NOW, crowd, published_course
from tests.notifying import House
from tests.races import at_once


async def announce(store: RecordStore, course_id: str, title: str = "Room change") -> Announcement:
    announcement = new_announcement({"title": title, "body": "Outside."}, id=f"{course_id}.{ULID()}", now=NOW)
    audit = audit_write(Caller(Mode.IAM), "sendAnnouncement", course_id, NOW, str(ULID()))
    return await Announcements(store).create(announcement, None, audit=audit)


async def course_of(house: House, learners: range, **fields: int) -> str:
    course = await published_course(house.store, **fields)
    for number in learners:
        await house.add_user(f"user-{number}")
        await enroll(house.store, course.id, f"user-{number}", wait=True)
    return course.id


async def told(store: RecordStore, learners: range) -> list[int]:
    """How many notifications each learner has."""
    return [(await Notifications(store).inbox(f"user-{number}")).unread_count for number in learners]


async def recipients(store: RecordStore, announcement: Announcement) -> int:
    found = await Announcements(store).get(announcement.id)
    assert found is not None
    return found.recipient_count


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(announcements, "PAGE", 7)


@pytest.mark.usefixtures("small_pages")
async def test_every_learner_is_told_once_by_however_many_workers(store: RecordStore) -> None:
    house, learners = House(store), crowd(store, 60)
    announcement = await announce(store, await course_of(house, learners))

    await at_once([lambda: FanOut(store, Notifier(store, house.clock.now)).run(1_000)] * 3)
    while await FanOut(store, Notifier(store, house.clock.now)).run(1_000):
        pass

    assert await told(store, learners) == [1] * len(learners)
    assert await recipients(store, announcement) == len(learners)
    assert (await store.query(FAN_OUTS, "ANNOUNCEMENT")).items == []


class Crash(Exception):
    pass


class CrashingNotifier(Notifier):
    """Dies behind its second page, when all of it is told and nothing of that is written down."""

    pages = 0

    async def tell(self, drafts: object, *, batch: int = 0) -> int:
        count = await super().tell(drafts, batch=batch)  # type: ignore[arg-type]  # passed on as it came
        self.pages += 1
        if self.pages == 2:
            raise Crash
        return count


@pytest.mark.usefixtures("small_pages")
async def test_after_a_crash_it_goes_on_where_it_was_and_counts_right(store: RecordStore) -> None:
    house, learners = House(store), crowd(store, 60)
    announcement = await announce(store, await course_of(house, learners))

    with pytest.raises(Crash):
        await FanOut(store, CrashingNotifier(store, house.clock.now)).run(1_000)
    before = await told(store, learners)
    second = CrashingNotifier(store, house.clock.now)
    second.pages = 100
    while await FanOut(store, second).run(1_000):
        pass

    assert 0 < sum(before) <= 14
    assert await told(store, learners) == [1] * len(learners)
    assert await recipients(store, announcement) == len(learners)


async def test_a_run_tells_no_more_than_it_may_and_shares_it(store: RecordStore) -> None:
    house, learners = House(store), range(12)
    course_id = await course_of(house, learners)
    fan_out = FanOut(store, Notifier(store, house.clock.now))
    first, second = await announce(store, course_id), await announce(store, course_id, "And lunch")

    assert await fan_out.run(8) == 8
    assert (await recipients(store, first), await recipients(store, second)) == (4, 4)
    while await fan_out.run(8):
        pass

    assert await told(store, learners) == [2] * 12


async def test_who_waits_for_a_seat_is_no_learner(store: RecordStore) -> None:
    house, learners = House(store), range(4)
    announcement = await announce(store, await course_of(house, learners, capacity=2))

    await FanOut(store, Notifier(store, house.clock.now)).run(100)

    assert sum(await told(store, learners)) == 2
    assert await recipients(store, announcement) == 2


async def test_the_announcement_of_a_deleted_course_ends(store: RecordStore) -> None:
    house = House(store)
    course_id = await course_of(house, range(0))
    announcement = await announce(store, course_id)
    await Courses(store).delete(course_id)
    page = await store.changes(announcements.COURSES, None, limit=1_000)
    for event in page.events:
        await Courses(store).sweep(event)

    assert await FanOut(store, Notifier(store, house.clock.now)).run(100) == 0

    assert await Announcements(store).get(announcement.id) is None
    assert (await store.query(FAN_OUTS, "ANNOUNCEMENT")).items == []
    assert (await store.query(NOTIFICATIONS, "user-0")).items == []
