"""The way through everything: a mentor makes a course, a learner enrolls and learns."""

from tests.school import School

CREATE = """mutation ($input: CreateCourseInput!) { createCourse(input: $input) {
  id slug state version owner { displayName } mentors { id } } }"""


async def test_a_course_is_made_published_enrolled_in_and_completed(school: School) -> None:
    ada, bob = school.as_("ada", "Mentors"), school.as_("bob")
    course = {
        "slug": "first-steps",
        "title": "First steps",
        "level": "BEGINNER",
        "language": "en",
        "category": "Study skills",
        "accessModel": "FREE",
    }
    created = (await ada.data(CREATE, input=course))["createCourse"]
    assert created["owner"]["displayName"] == "Ada"
    assert created["mentors"] == [{"id": ada.id}]

    module = await ada.data(
        "mutation ($input: CreateModuleInput!) { createModule(input: $input) { id } }",
        input={"courseId": created["id"], "title": "Begin"},
    )
    lesson = await ada.data(
        "mutation ($input: CreateLessonInput!) { createLesson(input: $input) { id state } }",
        input={
            "moduleId": module["createModule"]["id"],
            "title": "Read this",
            "kind": "ARTICLE",
            "durationSeconds": 60,
            "body": "Some text.",
        },
    )
    lesson_id = lesson["createLesson"]["id"]
    await ada.data("mutation ($id: ID!) { updateLesson(input: {id: $id, state: PUBLISHED}) { state } }", id=lesson_id)
    await ada.data("mutation ($id: ID!) { setCourseState(id: $id, state: PUBLISHED) { state } }", id=created["id"])

    enrolled = await bob.data(
        "mutation ($id: ID!) { enrollInCourse(input: {courseId: $id}) { status course { title } user { id } } }",
        id=created["id"],
    )
    assert enrolled["enrollInCourse"] == {
        "status": "ACTIVE",
        "course": {"title": "First steps"},
        "user": {"id": bob.id},
    }
    await bob.data(
        """mutation ($input: RecordLessonProgressInput!) { recordLessonProgress(input: $input) { completedAt } }""",
        input={
            "courseId": created["id"],
            "lessonId": lesson_id,
            "positionSeconds": 60,
            "watchedDeltaSeconds": 60,
            "completed": True,
        },
    )
    await school.drain()
    page = await bob.data(
        """query ($id: ID!) { getCourse(id: $id) { enrolledCount myEnrollment { status } myProgress { percent }
             modules { items { lessons { items { body myProgress { watchedSeconds } } } } } } }""",
        id=created["id"],
    )
    assert page["getCourse"] == {
        "enrolledCount": 1,
        "myEnrollment": {"status": "COMPLETED"},
        "myProgress": {"percent": 100},
        "modules": {"items": [{"lessons": {"items": [{"body": "Some text.", "myProgress": {"watchedSeconds": 60}}]}}]},
    }
