"""Courses as mentors make them, operation by operation."""

from typing import Any

from tests.school import Client

COURSE = """id slug title summary description level language category tags state accessModel
  price { amountMinor currency } capacity startsAt endsAt accessDays completionPercent ownerId
  lessonCount durationSeconds publishedAt createdAt updatedAt version"""
CREATE_COURSE = f"mutation ($input: CreateCourseInput!) {{ createCourse(input: $input) {{ {COURSE} }} }}"
UPDATE_COURSE = f"mutation ($input: UpdateCourseInput!) {{ updateCourse(input: $input) {{ {COURSE} }} }}"
GET_COURSE = f"query ($id: ID!) {{ getCourse(id: $id) {{ {COURSE} }} }}"
SET_STATE = """mutation ($id: ID!, $state: PublishState!, $expectedVersion: Int) {
  setCourseState(id: $id, state: $state, expectedVersion: $expectedVersion) { state version publishedAt } }"""
DELETE_COURSE = "mutation ($id: ID!) { deleteCourse(id: $id) { id title } }"
ADD_MENTOR = """mutation ($courseId: ID!, $userId: ID!) {
  addCourseMentor(courseId: $courseId, userId: $userId) { mentors { id } } }"""
REMOVE_MENTOR = """mutation ($courseId: ID!, $userId: ID!) {
  removeCourseMentor(courseId: $courseId, userId: $userId) { mentors { id } } }"""

MODULE = "id courseId title summary rank version"
CREATE_MODULE = f"mutation ($input: CreateModuleInput!) {{ createModule(input: $input) {{ {MODULE} }} }}"
UPDATE_MODULE = f"mutation ($input: UpdateModuleInput!) {{ updateModule(input: $input) {{ {MODULE} }} }}"
MOVE_MODULE = "mutation ($id: ID!, $afterId: ID) { moveModule(id: $id, afterId: $afterId) { id } }"
DELETE_MODULE = "mutation ($id: ID!) { deleteModule(id: $id) { id title } }"

LESSON_ITSELF = "id courseId moduleId title kind rank state isPreview releaseAt durationSeconds version"
"""What a deleted lesson still answers in every runtime: nothing that is read anew."""
LESSON = f"{LESSON_ITSELF} body activityId resources {{ id lessonId title linkUrl }}"
CREATE_LESSON = f"mutation ($input: CreateLessonInput!) {{ createLesson(input: $input) {{ {LESSON} }} }}"
UPDATE_LESSON = f"mutation ($input: UpdateLessonInput!) {{ updateLesson(input: $input) {{ {LESSON} }} }}"
MOVE_LESSON = """mutation ($id: ID!, $moduleId: ID!, $afterId: ID) {
  moveLesson(id: $id, moduleId: $moduleId, afterId: $afterId) { id moduleId } }"""
DELETE_LESSON = f"mutation ($id: ID!) {{ deleteLesson(id: $id) {{ {LESSON_ITSELF} }} }}"
GET_LESSON = f"query ($id: ID!) {{ getLesson(id: $id) {{ {LESSON} }} }}"
CREATE_RESOURCE = """mutation ($input: CreateResourceInput!) {
  createResource(input: $input) { id lessonId title linkUrl } }"""
DELETE_RESOURCE = """mutation ($lessonId: ID!, $id: ID!) {
  deleteResource(lessonId: $lessonId, id: $id) { id title } }"""
ENROLL = "mutation ($id: ID!) { enrollInCourse(input: { courseId: $id }) { status } }"


def course_input(slug: str = "sailing", **fields: Any) -> dict[str, Any]:
    return {
        "slug": slug,
        "title": "Sailing",
        "level": "BEGINNER",
        "language": "en",
        "category": "Sports",
        "accessModel": "FREE",
        **fields,
    }


def lesson_input(module_id: str, **fields: Any) -> dict[str, Any]:
    return {"moduleId": module_id, "title": "Knots", "kind": "ARTICLE", "durationSeconds": 60, **fields}


async def new_course(mentor: Client, slug: str = "sailing", **fields: Any) -> dict[str, Any]:
    """A DRAFT."""
    course: dict[str, Any] = (await mentor.data(CREATE_COURSE, input=course_input(slug, **fields)))["createCourse"]
    return course


async def new_module(mentor: Client, course_id: str, title: str = "Ropes") -> str:
    """Its id."""
    created = await mentor.data(CREATE_MODULE, input={"courseId": course_id, "title": title})
    module_id: str = created["createModule"]["id"]
    return module_id


async def new_lesson(mentor: Client, module_id: str, *, published: bool = True, **fields: Any) -> str:
    """Its id."""
    created = await mentor.data(CREATE_LESSON, input=lesson_input(module_id, **fields))
    lesson_id: str = created["createLesson"]["id"]
    if published:
        await mentor.data(UPDATE_LESSON, input={"id": lesson_id, "state": "PUBLISHED"})
    return lesson_id


async def published_course(mentor: Client, slug: str = "sailing", **fields: Any) -> str:
    """The id of a PUBLISHED course with one published lesson."""
    course_id: str = (await new_course(mentor, slug, **fields))["id"]
    await new_lesson(mentor, await new_module(mentor, course_id))
    await mentor.data(SET_STATE, id=course_id, state="PUBLISHED")
    return course_id
