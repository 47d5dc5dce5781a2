"""Progress of learners, on every engine: it only grows, counts once, and counts what is published."""

import random
from functools import partial
from typing import Any

import pytest

from datasources.enrollments import Enrollments
from datasources.lessons import Lessons
from datasources.ports import RecordStore
from datasources.progress import ProgressBook
from domain.courses import Course
from domain.errors import Code, DomainError
from domain.lessons import Lesson, changed_lesson
from domain.progress import CourseProgress, LessonProgress, course_progress, report
from domain.times import later
from tests.datasources.test_enrollments import drop, enroll
from tests.learning import NOW, crowd, published_course, published_lesson
from tests.races import at_once, codes, successes


async def record(store: RecordStore, course: Course, lesson: Lesson, user_id: str = "ben", **said: Any) -> Any:
    given = {"position_seconds": 0, "watched_delta_seconds": 0, **said}
    return await ProgressBook(store).record(course, lesson, user_id, report(given), is_staff=False, now=NOW)


async def shown(store: RecordStore, course: Course, user_id: str = "ben") -> CourseProgress:
    [completions] = await ProgressBook(store).completions(user_id, [course.id])
    [published] = await ProgressBook(store).published([course.id])
    assert completions is not None
    return course_progress(completions, published)


async def enrolled(store: RecordStore, lessons: int, **fields: Any) -> tuple[Course, list[Lesson]]:
    course = await published_course(store, lessons=lessons, **fields)
    await enroll(store, course.id, "ben")
    return course, await Lessons(store).of_course(course.id)


async def test_a_report_is_clipped_to_the_lesson_and_to_a_minute(store: RecordStore) -> None:
    course, [lesson] = await enrolled(store, 1)

    row = await record(store, course, lesson, position_seconds=9999, watched_delta_seconds=500)

    assert (row.position_seconds, row.watched_seconds, row.completed_at) == (600, 60, None)
    for _ in range(11):
        row = await record(store, course, lesson, position_seconds=5, watched_delta_seconds=60)
    assert (row.position_seconds, row.watched_seconds) == (5, 600)


@pytest.mark.parametrize("said", [{"position_seconds": -1}, {"watched_delta_seconds": -1}])
def test_times_below_zero_are_refused(said: dict[str, int]) -> None:
    with pytest.raises(DomainError) as refusal:
        report({"position_seconds": 0, "watched_delta_seconds": 0, **said})
    assert refusal.value.code == Code.BAD_REQUEST


async def test_random_reports_repeated_and_reordered_never_take_anything_back(sqlite_store: RecordStore) -> None:
    chance = random.Random(24)
    course, lessons = await enrolled(sqlite_store, 4)
    completed: set[str] = set()
    before: dict[str, LessonProgress] = {}
    for _ in range(200):
        lesson = chance.choice(lessons)
        said: dict[str, Any] = {
            "position_seconds": chance.randrange(700),
            "watched_delta_seconds": chance.randrange(90),
            "completed": chance.random() < 0.1,
            "client_token": f"report-{chance.randrange(40)}",
        }
        row = await record(sqlite_store, course, lesson, **said)
        earlier = before.get(lesson.id)
        assert row.watched_seconds <= lesson.duration_seconds
        if earlier is not None:
            assert row.watched_seconds >= earlier.watched_seconds
            assert earlier.completed_at in (None, row.completed_at)
        before[lesson.id] = row
        completed |= {lesson.id} if row.completed_at else set()
        assert (await shown(sqlite_store, course)).completed_lesson_count == len(completed)


async def test_reports_at_once_are_all_counted_and_a_repeated_one_once(store: RecordStore) -> None:
    course, [lesson] = await enrolled(store, 1)
    reports = [
        partial(record, store, course, lesson, watched_delta_seconds=10, client_token=f"report-{number // 2}")
        for number in crowd(store, 20)
    ]

    results = await at_once(reports)

    assert codes(results) == []
    assert max(row.watched_seconds for row in successes(results)) == 10 * (len(reports) // 2)


async def test_only_the_last_sixteen_tokens_are_remembered(sqlite_store: RecordStore) -> None:
    course, [lesson] = await enrolled(sqlite_store, 1)
    for number in range(17):
        row = await record(sqlite_store, course, lesson, watched_delta_seconds=1, client_token=f"report-{number}")
    again = partial(record, sqlite_store, course, lesson, watched_delta_seconds=1)

    assert (await again(client_token="report-1")).watched_seconds == row.watched_seconds == 17
    assert (await again(client_token="report-0")).watched_seconds == 18


async def test_enough_completed_lessons_complete_the_course_once(store: RecordStore) -> None:
    course, lessons = await enrolled(store, 3, completion_percent=60)
    await record(store, course, lessons[0], completed=True)
    progress = await shown(store, course)
    assert (progress.completed_lesson_count, progress.percent, progress.completed_at) == (1, 33.33, None)

    await at_once([partial(record, store, course, lessons[1], completed=True, client_token=f"t{n}") for n in range(5)])

    progress = await shown(store, course)
    assert (progress.completed_lesson_count, progress.lesson_count, progress.percent) == (2, 3, 66.67)
    assert (progress.completed_at, progress.last_lesson_id) == (NOW, lessons[1].id)
    row = await Enrollments(store).get(course.id, "ben")
    assert row is not None
    assert (row.status, row.last_change, row.completed_at, row.version) == ("COMPLETED", "COMPLETED", NOW, 2)


async def test_what_is_published_counts_and_nothing_else(store: RecordStore) -> None:
    course, lessons = await enrolled(store, 3)
    for lesson in lessons[:2]:
        await record(store, course, lesson, completed=True)

    await Lessons(store).update(lessons[0].id, lambda lesson: changed_lesson(lesson, {"state": "DRAFT"}))
    progress = await shown(store, course)
    assert (progress.completed_lesson_count, progress.lesson_count, progress.percent) == (1, 2, 50.0)

    await Lessons(store).delete(lessons[1].id)
    assert (await shown(store, course)).completed_lesson_count == 0
    await Lessons(store).update(lessons[0].id, lambda lesson: changed_lesson(lesson, {"state": "PUBLISHED"}))
    added = await published_lesson(store, lessons[2].module_id, "One more")
    progress = await shown(store, course)
    assert (progress.completed_lesson_count, progress.lesson_count, progress.percent) == (1, 3, 33.33)
    assert added.id not in (progress.last_lesson_id,)


async def test_access_is_needed_and_the_reason_is_told(store: RecordStore) -> None:
    course = await published_course(store)
    [lesson] = await Lessons(store).of_course(course.id)
    with pytest.raises(DomainError) as refusal:
        await record(store, course, lesson)
    assert (refusal.value.code, refusal.value.info["reason"]) == (Code.ENROLLMENT_REQUIRED, "NOT_ENROLLED")

    await enroll(store, course.id, "ben")
    await drop(store, course.id, "ben")
    with pytest.raises(DomainError):
        await record(store, course, lesson, completed=True)
    assert await ProgressBook(store).lessons("ben", [lesson]) == [None]


async def test_a_lesson_before_its_release_counts_for_nobody_but_staff(sqlite_store: RecordStore) -> None:
    course, [lesson] = await enrolled(sqlite_store, 1)
    release = {"release_at": later(NOW, days=1)}
    lesson = await Lessons(sqlite_store).update(lesson.id, lambda lesson: changed_lesson(lesson, release))
    with pytest.raises(DomainError) as refusal:
        await record(sqlite_store, course, lesson)
    assert (refusal.value.code, refusal.value.info["reason"]) == (Code.INVALID_STATE, "NOT_RELEASED")

    said = report({"position_seconds": 1, "watched_delta_seconds": 1})
    row = await ProgressBook(sqlite_store).record(course, lesson, "owner", said, is_staff=True, now=NOW)
    assert row.watched_seconds == 1


async def test_staff_sees_every_learner_also_who_has_not_begun(store: RecordStore) -> None:
    course = await published_course(store)
    learners = {f"user-{number}" for number in crowd(store, 40)}
    for user_id in sorted(learners):
        await enroll(store, course.id, user_id)

    for size in (1, 7, 100):
        seen: list[str] = []
        position = None
        while True:
            rows, position = await ProgressBook(store).list_course(course.id, position, size)
            seen += [row.user_id for row in rows]
            if position is None:
                break
        assert sorted(seen) == sorted(learners)


async def test_lessons_are_listed_page_by_page(sqlite_store: RecordStore) -> None:
    course, lessons = await enrolled(sqlite_store, 5)
    for lesson in lessons:
        await record(sqlite_store, course, lesson)

    seen: list[str] = []
    position = None
    while True:
        rows, position = await ProgressBook(sqlite_store).list_lessons("ben", course.id, position, 2)
        seen += [row.lesson_id for row in rows]
        if position is None:
            break
    assert sorted(seen) == sorted(lesson.id for lesson in lessons)


async def test_enrolling_again_goes_on_where_it_stopped(store: RecordStore) -> None:
    course, lessons = await enrolled(store, 2)
    await record(store, course, lessons[0], completed=True)
    await drop(store, course.id, "ben")
    await enroll(store, course.id, "ben")

    assert (await shown(store, course)).completed_lesson_count == 1
    await record(store, course, lessons[1], completed=True)
    row = await Enrollments(store).get(course.id, "ben")
    assert row is not None
    assert row.status == "COMPLETED"
