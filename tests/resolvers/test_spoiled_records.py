"""One item that cannot be read spoils no list."""

import logging

import pytest

from datasources.tables import COURSES, ENROLLMENTS, PROGRESS, USERS, Table
from datasources.updates import Set
from tests.resolvers.authoring import new_lesson, new_module, published_course
from tests.school import Client, School

ENROLL = "mutation ($id: ID!) { enrollInCourse(input: {courseId: $id}) { status } }"
SECRET = "a word that nobody should read in a log"


async def spoil(school: School, table: Table, key: dict[str, str], attribute: str) -> None:
    await school.store.update(table, key, [Set(attribute, [SECRET])])


async def two_courses(mentor: Client, school: School) -> tuple[str, str]:
    first, second = await published_course(mentor, "sailing"), await published_course(mentor, "rowing")
    await school.drain()
    return first, second


async def test_a_course(school: School, caplog: pytest.LogCaptureFixture) -> None:
    ada, ben = school.as_("ada", "Mentors"), school.as_("ben")
    good, bad = await two_courses(ada, school)
    for course_id in (good, bad):
        await ben.data(ENROLL, id=course_id)
    await spoil(school, COURSES, {"courseId": bad, "sk": "META"}, "title")

    with caplog.at_level(logging.ERROR):
        assert await ben.data("{ listCourses { items { id } } }") == {"listCourses": {"items": [{"id": good}]}}
    assert bad in caplog.text
    assert SECRET not in caplog.text
    mine = await ada.data("{ listMyTeachingCourses { items { id } } }")
    assert mine["listMyTeachingCourses"]["items"] == [{"id": good}]
    found = await ben.data('{ searchCourses(query: "sailing") { items { id } } }')
    assert found["searchCourses"]["items"] == [{"id": good}]
    rows = (await ben.data("{ listMyEnrollments { items { courseId course { id } } } }"))["listMyEnrollments"]["items"]
    assert {row["courseId"]: row["course"] for row in rows} == {good: {"id": good}, bad: None}


async def test_an_enrollment(school: School) -> None:
    ben = school.as_("ben")
    good, bad = await two_courses(school.as_("ada", "Mentors"), school)
    for course_id in (good, bad):
        await ben.data(ENROLL, id=course_id)
    await spoil(school, ENROLLMENTS, {"userId": ben.id, "courseId": bad}, "source")

    rows = await ben.data("{ listMyEnrollments { items { courseId } } }")
    assert rows["listMyEnrollments"]["items"] == [{"courseId": good}]
    courses = (await ben.data("{ listCourses { items { id myEnrollment { status } } } }"))["listCourses"]["items"]
    shown = {course["id"]: course["myEnrollment"] for course in courses}
    assert shown == {good: {"status": "ACTIVE"}, bad: None}


async def test_an_account(school: School) -> None:
    ada, root = school.as_("ada", "Mentors"), school.as_("root", "Admins")
    course_id = await published_course(ada)
    await root.data("{ getMe { id } }")
    await spoil(school, USERS, {"userId": ada.id}, "displayName")

    users = (await root.data("{ listUsers { items { id } } }"))["listUsers"]["items"]
    assert users == [{"id": root.id}]
    course = await root.data("query ($id: ID!) { getCourse(id: $id) { title owner { id } } }", id=course_id)
    assert course["getCourse"] == {"title": "Sailing", "owner": None}


async def test_a_lesson(school: School) -> None:
    ada = school.as_("ada", "Mentors")
    course_id = await published_course(ada)
    module_id = await new_module(ada, course_id, "Wind")
    good, bad = [await new_lesson(ada, module_id, title=title) for title in ("Good", "Bad")]
    outline = "query ($id: ID!) { getCourse(id: $id) { modules { items { title lessons { items { id } } } } } }"
    await spoil(school, COURSES, {"courseId": course_id, "sk": f"LESSON#{bad}"}, "title")

    modules = (await ada.data(outline, id=course_id))["getCourse"]["modules"]["items"]
    assert modules[-1] == {"title": "Wind", "lessons": {"items": [{"id": good}]}}


async def test_progress(school: School) -> None:
    ada, ben, cem = school.as_("ada", "Mentors"), school.as_("ben"), school.as_("cem")
    course_id = await published_course(ada)
    for learner in (ben, cem):
        await learner.data(ENROLL, id=course_id)
    await school.drain()
    await spoil(school, PROGRESS, {"userCourse": f"{ben.id}#{course_id}", "sk": "COURSE"}, "lastLessonId")

    progress = await ada.data(
        "query ($id: ID!) { listCourseProgress(courseId: $id) { items { userId } } }", id=course_id
    )
    assert progress["listCourseProgress"]["items"] == [{"userId": cem.id}]
