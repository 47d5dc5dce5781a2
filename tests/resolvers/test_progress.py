"""Progress as clients see it: learners their own, staff that of their course."""

from typing import Any

from datasources.lessons import Lessons
from domain.courses import Course
from domain.lessons import Lesson, changed_lesson
from domain.times import later
from tests.learning import published_course
from tests.resolvers.test_enrollment import enroll
from tests.school import Client, School

RECORD = """mutation ($input: RecordLessonProgressInput!) { recordLessonProgress(input: $input) {
  userId courseId lessonId positionSeconds watchedSeconds completedAt updatedAt } }"""
COURSE = """query ($id: ID!, $user: ID) { getCourseProgress(courseId: $id, userId: $user) {
  userId user { displayName } completedLessonCount lessonCount percent lastLessonId completedAt } }"""
LESSONS = """query ($id: ID!, $user: ID, $next: String) {
  listLessonProgress(courseId: $id, userId: $user, limit: 1, nextToken: $next) {
    items { lessonId watchedSeconds } nextToken } }"""
LEARNERS = """query ($id: ID!) { listCourseProgress(courseId: $id) {
  items { user { displayName } percent } nextToken } }"""


async def course_with_lessons(school: School, lessons: int, **fields: Any) -> tuple[Course, list[Lesson]]:
    course = await published_course(school.store, owner=school.id("ada"), lessons=lessons, **fields)
    return course, await Lessons(school.store).of_course(course.id)


def said(lesson: Lesson, **more: Any) -> dict[str, Any]:
    given = {"courseId": lesson.course_id, "lessonId": lesson.id, "positionSeconds": 30, "watchedDeltaSeconds": 30}
    return {**given, **more}


async def record(client: Client, lesson: Lesson, **more: Any) -> dict[str, Any]:
    row: dict[str, Any] = (await client.data(RECORD, input=said(lesson, **more)))["recordLessonProgress"]
    return row


async def test_learning_through_a_course(school: School) -> None:
    course, lessons = await course_with_lessons(school, 2)
    ben = school.as_("ben")
    await enroll(ben, course)

    assert await record(ben, lessons[0], completed=True) == {
        "userId": ben.id,
        "courseId": course.id,
        "lessonId": lessons[0].id,
        "positionSeconds": 30,
        "watchedSeconds": 30,
        "completedAt": school.clock.now(),
        "updatedAt": school.clock.now(),
    }
    first_completed = school.clock.now()
    school.clock.advance(seconds=60)
    assert (await record(ben, lessons[0], completed=True))["completedAt"] == first_completed
    await record(ben, lessons[1], completed=True)

    assert (await ben.data(COURSE, id=course.id))["getCourseProgress"] == {
        "userId": ben.id,
        "user": {"displayName": "Ben"},
        "completedLessonCount": 2,
        "lessonCount": 2,
        "percent": 100,
        "lastLessonId": lessons[1].id,
        "completedAt": school.clock.now(),
    }


async def test_a_repeated_report_adds_no_time(school: School) -> None:
    course, [lesson] = await course_with_lessons(school, 1)
    ben = school.as_("ben")
    await enroll(ben, course)

    for _ in range(3):
        row = await record(ben, lesson, clientToken="r1")

    assert row["watchedSeconds"] == 30


async def test_reports_are_refused_without_access_and_outside_the_course(school: School) -> None:
    course, lessons = await course_with_lessons(school, 2)
    other, _ = await course_with_lessons(school, 1)
    ben = school.as_("ben")
    refusal = await ben.refusal(RECORD, input=said(lessons[0]))
    assert (refusal["errorType"], refusal["errorInfo"]["reason"]) == ("ENROLLMENT_REQUIRED", "NOT_ENROLLED")

    await enroll(ben, course)
    elsewhere = await ben.refusal(RECORD, input=said(lessons[0], courseId=other.id))
    assert (elsewhere["errorType"], elsewhere["errorInfo"]["field"]) == ("BAD_REQUEST", "input.courseId")
    unknown = await ben.refusal(RECORD, input=said(lessons[0], lessonId=f"{course.id}.unknown"))
    await Lessons(school.store).update(lessons[1].id, lambda lesson: changed_lesson(lesson, {"state": "DRAFT"}))
    draft = await ben.refusal(RECORD, input=said(lessons[1]))
    assert unknown["errorType"] == draft["errorType"] == "NOT_FOUND"
    assert unknown["message"] == draft["message"]
    backwards = await ben.refusal(RECORD, input=said(lessons[0], watchedDeltaSeconds=-1))
    assert backwards["errorType"] == "BAD_REQUEST"
    assert (await ben.data(LESSONS, id=course.id))["listLessonProgress"]["items"] == []


async def test_a_lesson_counts_from_its_release(school: School) -> None:
    course, [lesson] = await course_with_lessons(school, 1)
    release = {"release_at": later(school.clock.now(), days=1)}
    await Lessons(school.store).update(lesson.id, lambda current: changed_lesson(current, release))
    ben = school.as_("ben")
    await enroll(ben, course)
    refusal = await ben.refusal(RECORD, input=said(lesson))
    assert (refusal["errorType"], refusal["errorInfo"]["reason"]) == ("INVALID_STATE", "NOT_RELEASED")

    school.clock.advance(days=1)
    assert (await record(ben, lesson))["watchedSeconds"] == 30


async def test_progress_of_others_is_for_the_courses_staff(school: School) -> None:
    course, lessons = await course_with_lessons(school, 2)
    ada, ben, eve = school.as_("ada", "Mentors"), school.as_("ben"), school.as_("eve")
    await enroll(ben, course)
    await enroll(eve, course)
    for lesson in lessons:
        await record(ben, lesson, completed=True)

    for other in (eve, school.as_("mia", "Mentors"), school.as_("mo", "Moderators")):
        for query in (COURSE, LESSONS):
            assert (await other.refusal(query, id=course.id, user=ben.id))["errorType"] == "FORBIDDEN"
    assert (await eve.refusal(LEARNERS, id=course.id))["errorType"] == "Unauthorized"
    assert (await school.as_("mia", "Mentors").refusal(LEARNERS, id=course.id))["errorType"] == "FORBIDDEN"

    learners = (await ada.data(LEARNERS, id=course.id))["listCourseProgress"]
    shown = {item["user"]["displayName"]: item["percent"] for item in learners["items"]}
    assert shown == {"Ben": 100, "Eve": 0}
    assert (await ada.data(COURSE, id=course.id, user=ben.id))["getCourseProgress"]["percent"] == 100
    first = (await ada.data(LESSONS, id=course.id, user=ben.id))["listLessonProgress"]
    second = (await ada.data(LESSONS, id=course.id, user=ben.id, next=first["nextToken"]))["listLessonProgress"]
    assert [item["lessonId"] for item in first["items"] + second["items"]] == [lesson.id for lesson in lessons]
    foreign = await ada.refusal(LESSONS, id=course.id, user=eve.id, next=first["nextToken"])
    assert foreign["errorType"] == "INVALID_NEXT_TOKEN"


async def test_unknown_courses_have_no_progress(school: School) -> None:
    ben = school.as_("ben")
    assert (await ben.data(COURSE, id="unknown"))["getCourseProgress"] is None
    assert (await ben.data(COURSE, id="unknown", user="nobody"))["getCourseProgress"] is None
    assert (await ben.refusal(LESSONS, id="unknown", user="nobody"))["errorType"] == "NOT_FOUND"
