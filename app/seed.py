"""Fills an empty database with the demo school, once.

Everything is done by the calls that the product itself makes, at the times when it would have happened.
Each step first looks whether it was done, and all ids follow from the names and the time of the founding;
so a seeding that was cut off goes on at the next start, and processes that start at once make one school.
"""

import asyncio
import random
from collections.abc import Coroutine, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

from app.auth.local_issuer import email, user_id
from app.demo_ids import ulid_of
from app.demo_school import DemoCourse, DemoLesson, DemoSchool, Fate, Person, read
from app.seed_chat import plant_chat
from app.seed_class import plant_meeting, plant_picture
from datasources import worker_rows
from datasources.contention import LostRace
from datasources.expiry import lapsed
from datasources.ports import ConditionFailed, RecordStore, TransactionFailed
from datasources.users import UserFilter
from domain.callers import Caller, Group, Mode
from domain.courses import Course, course_in_state, new_course
from domain.enrollments import Enrollment
from domain.errors import RETRYABLE, Code, DomainError
from domain.lessons import Lesson, changed_lesson, new_lesson, new_module, new_resource
from domain.progress import Report
from domain.times import Timestamp, later, timestamp
from resolvers.context import Sources

DEMO_USER = "ada"
DEMO_GROUPS = (Group.MENTORS.value,)

_MARK = "demo-school"
_PLANTED = "PLANTED"
_FAULTS = RETRYABLE - {Code.THROTTLED}
"""Of the store itself; every other refusal of a step may come from a race with another process."""
_TRIES = 20
_PAUSE_SECONDS = 0.5
_GRANTED_DAYS = 30
_REPORT = "demo"
"""The client token of every report, so that a repeated one adds nothing."""
_ORDER: tuple[Fate, ...] = (
    "dropped",
    "revoked",
    "expired",
    "completed",
    "active",
    "granted",
    "pending",
    "waiting",
)
"""In which the learners of a course come: who waits comes when the seats are taken."""


class Ground(Protocol):
    """Where the school is planted."""

    @property
    def store(self) -> RecordStore: ...

    @property
    def sources(self) -> Sources: ...


async def seed(ground: Ground, now: Timestamp | None = None) -> bool:
    """Plant the demo school, or go on with it.

    Args:
        now: when its history ends; None is this moment.

    Returns:
        False when there was nothing to do: it is there already, or the database has other users.
    """
    for _ in range(_TRIES - 1):
        try:
            return await _planted(ground, now)
        except (TransactionFailed, ConditionFailed, LostRace):
            pass
        except DomainError as error:
            if error.code in _FAULTS:
                raise
        # Another process plants it too and was faster with a step; the next round finds that step done.
        await asyncio.sleep(random.uniform(0, _PAUSE_SECONDS))  # noqa: S311 - keeps them apart, protects nothing
    return await _planted(ground, now)


async def _planted(ground: Ground, now: Timestamp | None) -> bool:
    store = ground.store
    founded = await worker_rows.position(store, _MARK)
    if founded == _PLANTED:
        return False
    if founded is None:
        users, _ = await ground.sources.users.page(UserFilter(None, None, None), None, 1)
        if users:
            return False
        founded = now or timestamp(datetime.now(UTC))
        await store.transact([worker_rows.moved(_MARK, None, founded)])
    await _Planting(ground, read(), Timestamp(founded)).plant()
    await plant_chat(ground.store, ground.sources, Timestamp(founded))
    await plant_meeting(ground.sources, _demo_course(Timestamp(founded)), DEMO_USER, Timestamp(founded))
    await plant_picture(ground.store, ground.sources, DEMO_USER, Timestamp(founded))
    await store.transact([worker_rows.moved(_MARK, founded, _PLANTED)])
    return True


def _demo_course(founded: Timestamp) -> str:
    """The id of a course that the demo user runs."""
    plan = next(each for each in read().courses if each.owner == DEMO_USER and each.state == "PUBLISHED")
    return _course_id(plan, founded)


def _course_id(plan: DemoCourse, founded: Timestamp) -> str:
    return ulid_of(later(founded, days=-plan.days_ago), plan.slug)


class _Planting:
    """One school, founded at one moment."""

    def __init__(self, ground: Ground, school: DemoSchool, now: Timestamp) -> None:
        self._store = ground.store
        self._sources = ground.sources
        self._school = school
        self._now = now

    async def plant(self) -> None:
        school = self._school
        people = [
            *((person, Group.MENTORS) for person in school.mentors),
            *((person, Group.ADMINS) for person in school.admins),
            *((person, Group.MODERATORS) for person in school.moderators),
            *((person, Group.STUDENTS) for person in school.students),
        ]
        await _together(self._person(person, group, number) for number, (person, group) in enumerate(people))
        await _together(self._course(plan, number) for number, plan in enumerate(school.courses))

    async def _person(self, person: Person, group: Group, number: int) -> None:
        at = later(self._now, days=-420 + 3 * number)
        caller = Caller(
            Mode.COGNITO,
            user_id(person.username),
            frozenset({group.value}),
            username=person.username,
            name=person.name,
            email=email(person.username),
        )
        user = await self._sources.users.seen(caller, at)
        if person.bio is not None and user.bio is None:
            await self._sources.users.change_profile(user.id, {"bio": person.bio}, None, at)

    async def _course(self, plan: DemoCourse, number: int) -> None:
        course, lessons = await self._outline(plan)
        if plan.state == "DRAFT" or course.state == "ARCHIVED":
            return
        if course.state == "DRAFT":
            course = await self._in_state(course, "PUBLISHED", course.created_at)
        for fate in _ORDER:
            learners = self._learners(plan, fate, number)
            times = self._times(plan, fate, len(learners))
            await _together(
                self._learner(course, lessons, learner, fate, at, place)
                for place, (learner, at) in enumerate(zip(learners, times, strict=True))
            )
        if plan.state == "ARCHIVED":
            await self._in_state(course, "ARCHIVED", later(self._now, days=-30))

    async def _in_state(self, course: Course, state: str, at: Timestamp) -> Course:
        return await self._sources.courses.update(course.id, lambda current: course_in_state(current, state, at))

    async def _outline(self, plan: DemoCourse) -> tuple[Course, list[Lesson]]:
        opened = later(self._now, days=-plan.days_ago)
        course_id = _course_id(plan, self._now)
        fields = ("slug", "title", "level", "language", "category", "tags", "access_model", "completion_percent")
        optional = ("summary", "description", "price", "capacity", "access_days")
        given = {name: getattr(plan, name) for name in fields}
        given |= {name: getattr(plan, name) for name in optional if getattr(plan, name) is not None}
        courses = self._sources.courses
        course = await courses.get(course_id) or await courses.create(
            new_course(given, course_id=course_id, owner_id=user_id(plan.owner), now=opened), None, opened
        )
        for mentor in plan.mentors:
            await self._sources.mentors.add(course_id, user_id(mentor), opened)
        lessons: list[Lesson] = []
        for number, module in enumerate(plan.modules):
            module_id = f"{course_id}.{ulid_of(later(opened, seconds=number), plan.slug, 'module')}"
            if await self._sources.modules.get(module_id) is None:
                given = {"course_id": course_id, "title": module.title}
                await self._sources.modules.create(new_module(given, module_id=module_id), None, opened)
            for lesson in module.lessons:
                at = later(opened, seconds=60 + len(lessons))
                lessons.append(await self._lesson(lesson, module_id, at, published=plan.state != "DRAFT"))
        return course, lessons

    async def _lesson(self, plan: DemoLesson, module_id: str, at: Timestamp, *, published: bool) -> Lesson:
        lessons, resources = self._sources.lessons, self._sources.resources
        lesson_id = f"{module_id.partition('.')[0]}.{ulid_of(at, plan.title)}"
        given = {
            "module_id": module_id,
            "title": plan.title,
            "kind": plan.kind,
            "duration_seconds": 60 * plan.minutes,
            "body": plan.body,
            "is_preview": plan.preview,
        }
        lesson = await lessons.get(lesson_id) or await lessons.create(new_lesson(given, lesson_id=lesson_id), None, at)
        if plan.link is not None and lesson.resource_count == 0:
            link = {"lesson_id": lesson_id, "title": "Further reading", "link_url": plan.link}
            resource_id = f"{lesson_id}.{ulid_of(at, plan.link)}"
            await resources.create(new_resource(link, resource_id=resource_id), None, at)
        if published and lesson.state == "DRAFT":
            lesson = await lessons.update(lesson_id, lambda draft: changed_lesson(draft, {"state": "PUBLISHED"}))
        return lesson

    def _learners(self, plan: DemoCourse, fate: Fate, number: int) -> list[str]:
        """Each student at most once in a course; another course begins with others."""
        before = sum(plan.learners.get(earlier, 0) for earlier in _ORDER[: _ORDER.index(fate)])
        students = self._school.students
        first = 5 * number + before
        chosen = [students[(first + place) % len(students)].username for place in range(plan.learners.get(fate, 0))]
        return [user_id(name) for name in (*chosen, *(name for name, given in plan.also.items() if given == fate))]

    def _times(self, plan: DemoCourse, fate: Fate, count: int) -> list[Timestamp]:
        """When they enrolled, spread over the time in which that can have happened."""
        if fate == "pending":
            return [later(self._now, seconds=-60 * (place + 1)) for place in range(count)]
        oldest, newest = plan.days_ago - 1, 2
        if plan.access_days is not None and fate == "expired":
            newest = plan.access_days + 1
        elif plan.access_days is not None:
            oldest = min(oldest, plan.access_days - 5)
        elif fate == "expired":
            newest = _GRANTED_DAYS + 1
        step = (oldest - newest) / max(1, count)
        return [later(self._now, days=-(oldest - place * step)) for place in range(count)]

    async def _learner(
        self, course: Course, lessons: Sequence[Lesson], learner: str, fate: Fate, at: Timestamp, place: int
    ) -> None:
        enrollments = self._sources.enrollments
        row = await enrollments.get(course.id, learner) or await self._enroll(course, learner, fate, at)
        soon = later(at, seconds=600)
        if row.status not in ("ACTIVE", "PENDING_PAYMENT"):
            return
        if fate == "dropped":
            await enrollments.drop(course.id, learner, expected_version=None, now=soon)
        elif fate == "revoked":
            reason = "Posted other learners' answers in public."
            await enrollments.revoke(course.id, learner, reason, expected_version=None, now=soon)
        elif fate == "expired":
            await self._learn(course, lessons[:1], learner, at)
            await lapsed(self._store, row)
        elif fate == "completed":
            await self._learn(course, lessons, learner, at)
        elif fate in ("active", "granted"):
            begun = place % (len(lessons) // 2 + 1)
            await self._learn(course, lessons[:begun], learner, at)

    async def _enroll(self, course: Course, learner: str, fate: Fate, at: Timestamp) -> Enrollment:
        enrollments = self._sources.enrollments
        if fate == "granted" or course.access_model == "PLAN":
            until = later(at, days=_GRANTED_DAYS) if fate == "expired" else None
            return await enrollments.grant(course.id, learner, expires_at=until, request=None, now=at)
        return await enrollments.enroll(
            course.id, learner, is_staff=False, join_waitlist=fate == "waiting", request=None, now=at
        )

    async def _learn(self, course: Course, lessons: Sequence[Lesson], learner: str, since: Timestamp) -> None:
        """One lesson an hour, each to its end."""
        for number, lesson in enumerate(lessons):
            at = later(since, seconds=3600 * (number + 1))
            report = Report(lesson.duration_seconds, 60, completed=True, client_token=_REPORT)
            await self._sources.progress.record(course, lesson, learner, report, is_staff=False, now=at)


async def _together(steps: Iterable[Coroutine[Any, Any, None]]) -> None:
    """All at once; when one fails, none goes on behind its back. Raises that first error."""
    try:
        async with asyncio.TaskGroup() as tasks:
            for step in steps:
                tasks.create_task(step)
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from None
