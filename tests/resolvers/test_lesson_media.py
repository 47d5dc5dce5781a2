"""Media in lessons: used by its owner, seen with access, kept while a published lesson shows it."""

import dataclasses
from typing import Any

import pytest

from app.sources import FileRules
from domain.media import Processed
from tests.races import at_once
from tests.resolvers.authoring import (
    CREATE_LESSON,
    CREATE_RESOURCE,
    DELETE_COURSE,
    DELETE_LESSON,
    DELETE_RESOURCE,
    ENROLL,
    UPDATE_LESSON,
    lesson_input,
    new_course,
    new_lesson,
    new_module,
    published_course,
)
from tests.resolvers.test_media import DELETE, seen
from tests.school import FILE_RULES, Client, School
from tests.uploading import upload_media, uses

CONTENT = """query ($id: ID!) { getLesson(id: $id) {
  durationSeconds media { id downloadUrl } resources { title linkUrl media { id fileName downloadUrl } } } }"""


@pytest.fixture
def school(school_with_files: School) -> School:
    return school_with_files


async def content(client: Client, lesson_id: str) -> Any:
    return (await client.data(CONTENT, id=lesson_id))["getLesson"]


async def test_a_video_is_seen_by_those_who_may_open_its_lesson(school: School) -> None:
    ada, bob, eve = school.as_("ada", "Mentors"), school.as_("bob"), school.as_("eve")
    course_id = await published_course(ada)
    module_id = await new_module(ada, course_id, "Films")
    video = await upload_media(ada, "video/mp4")

    lesson_id = await new_lesson(ada, module_id, kind="VIDEO", mediaId=video)

    for outsider in (bob, eve):
        assert (await content(outsider, lesson_id))["media"] is None
        assert await seen(outsider, video) is None
    await bob.data(ENROLL, id=course_id)
    found = (await content(bob, lesson_id))["media"]
    assert found["id"] == video
    assert school.files is not None
    assert (await school.files.request("GET", found["downloadUrl"])).status == 200
    assert (await seen(bob, video) or {})["id"] == video
    await bob.data("mutation ($id: ID!) { dropCourse(courseId: $id) { status } }", id=course_id)
    assert (await content(bob, lesson_id))["media"] is None
    assert await seen(bob, video) is None


async def test_a_lesson_is_as_long_as_its_media_where_that_is_known(school: School) -> None:
    ada = school.as_("ada", "Mentors")
    module_id = await new_module(ada, (await new_course(ada))["id"])
    given = lesson_input(module_id, kind="VIDEO", mediaId=await upload_media(ada, "video/mp4"), durationSeconds=None)
    assert (await ada.refusal(CREATE_LESSON, input=given))["errorInfo"]["field"] == "input.durationSeconds"

    measuring = dataclasses.replace(school, file_rules=FileRules(FILE_RULES.limits, processed=("VIDEO",)))
    measured = await upload_media(measuring.as_("ada", "Mentors"), "video/mp4")
    job = (await school.sources.media.start_processing(measured)).job_started_at
    assert job is not None
    refusal = await ada.refusal(CREATE_LESSON, input={**given, "mediaId": measured})
    assert (refusal["errorType"], refusal["errorInfo"]["status"]) == ("MEDIA_NOT_READY", "PROCESSING")
    await school.sources.media.ready(measured, job, Processed(duration_seconds=95))

    lesson = (await ada.data(CREATE_LESSON, input={**given, "mediaId": measured}))["createLesson"]
    assert lesson["durationSeconds"] == 95


async def test_a_lesson_plays_what_its_kind_says(school: School) -> None:
    ada = school.as_("ada", "Mentors")
    module_id = await new_module(ada, (await new_course(ada))["id"])
    video, sound = await upload_media(ada, "video/mp4"), await upload_media(ada, "audio/mpeg")
    attachment = await upload_media(ada, "video/mp4", purpose="ATTACHMENT")
    cases = (
        ("VIDEO", sound, "KIND"),
        ("AUDIO", video, "KIND"),
        ("VIDEO", attachment, "PURPOSE"),
        ("ARTICLE", video, "NOT_ALLOWED"),
    )
    for kind, media_id, rule in cases:
        refusal = await ada.refusal(CREATE_LESSON, input=lesson_input(module_id, kind=kind, mediaId=media_id))
        assert (refusal["errorInfo"]["field"], refusal["errorInfo"]["rule"]) == ("input.mediaId", rule)
        assert await uses(school, media_id) == []


async def test_only_own_media_is_used(school: School) -> None:
    ada, eve = school.as_("ada", "Mentors"), school.as_("eve", "Mentors")
    module_id = await new_module(ada, (await new_course(ada))["id"])
    lesson_id = await new_lesson(ada, module_id, published=False)
    others = await upload_media(eve, "video/mp4")
    for mutation, given in (
        (CREATE_LESSON, lesson_input(module_id, kind="VIDEO", mediaId=others)),
        (CREATE_LESSON, lesson_input(module_id, kind="VIDEO", mediaId="x" * 128)),
        (CREATE_RESOURCE, {"lessonId": lesson_id, "title": "Film", "mediaId": others}),
    ):
        assert (await ada.refusal(mutation, input=given))["errorType"] == "NOT_FOUND"
    too_long = lesson_input(module_id, kind="VIDEO", mediaId="x" * 5000)
    assert (await ada.refusal(CREATE_LESSON, input=too_long))["errorInfo"]["rule"] == "ID"


async def test_a_file_is_attached_to_a_lesson_and_detached(school: School) -> None:
    ada = school.as_("ada", "Mentors")
    lesson_id = await new_lesson(ada, await new_module(ada, (await new_course(ada))["id"]))
    chart = await upload_media(ada, "application/pdf", fileName="chart.pdf")
    given = {"lessonId": lesson_id, "title": "Chart", "mediaId": chart}
    resource = (await ada.data(CREATE_RESOURCE, input=given))["createResource"]

    [shown] = (await content(ada, lesson_id))["resources"]

    assert (shown["title"], shown["linkUrl"], shown["media"]["fileName"]) == ("Chart", None, "chart.pdf")
    assert shown["media"]["downloadUrl"]
    assert await uses(school, chart) == [f"RESOURCE#{resource['id']}"]
    await ada.data(DELETE_RESOURCE, lessonId=lesson_id, id=resource["id"])
    assert await uses(school, chart) == []
    assert await seen(ada, chart) is not None


async def test_what_a_published_lesson_shows_is_not_deleted(school: School) -> None:
    ada = school.as_("ada", "Mentors")
    module_id = await new_module(ada, (await new_course(ada))["id"])
    video, other = await upload_media(ada, "video/mp4"), await upload_media(ada, "video/mp4")
    chart = await upload_media(ada, "application/pdf")
    lesson_id = await new_lesson(ada, module_id, kind="VIDEO", mediaId=video)
    await ada.data(CREATE_RESOURCE, input={"lessonId": lesson_id, "title": "Chart", "mediaId": chart})

    for media_id in (video, chart):
        assert (await ada.refusal(DELETE, id=media_id))["errorType"] == "MEDIA_IN_USE"

    await ada.data(UPDATE_LESSON, input={"id": lesson_id, "mediaId": other})
    assert (await ada.data(DELETE, id=video))["deleteMedia"]["status"] == "DELETED"
    await ada.data(UPDATE_LESSON, input={"id": lesson_id, "state": "DRAFT"})
    assert (await ada.data(DELETE, id=other))["deleteMedia"]["status"] == "DELETED"
    refusal = await ada.refusal(UPDATE_LESSON, input={"id": lesson_id, "state": "PUBLISHED"})
    assert refusal["errorType"] == "MEDIA_NOT_READY"


async def test_either_it_is_deleted_or_a_published_lesson_shows_it(school: School) -> None:
    ada = school.as_("ada", "Mentors")
    lesson_id = await new_lesson(ada, await new_module(ada, (await new_course(ada))["id"]))
    for _ in range(5):
        chart = await upload_media(ada, "application/pdf")
        given = {"lessonId": lesson_id, "title": "Chart", "mediaId": chart}
        deleted, attached = await at_once(
            [lambda: ada.run(DELETE, id=chart), lambda: ada.run(CREATE_RESOURCE, input=given)]  # noqa: B023 - run at once
        )
        assert ("errors" in deleted) != ("errors" in attached), (deleted, attached)
        assert len(await uses(school, chart)) == ("errors" in deleted)
        assert (await seen(ada, chart) is None) == ("errors" in attached)


async def test_what_is_removed_shows_nothing_any_more(school: School) -> None:
    ada = school.as_("ada", "Mentors")
    course_id = (await new_course(ada))["id"]
    module_id = await new_module(ada, course_id)
    video, chart = await upload_media(ada, "video/mp4"), await upload_media(ada, "application/pdf")
    lessons = [await new_lesson(ada, module_id, published=False, kind="VIDEO", mediaId=video) for _ in range(2)]
    for lesson_id in lessons:
        await ada.data(CREATE_RESOURCE, input={"lessonId": lesson_id, "title": "Chart", "mediaId": chart})

    await ada.data(DELETE_LESSON, id=lessons[0])
    await school.drain()
    assert await uses(school, video) == [f"LESSON#{lessons[1]}"]
    assert len(await uses(school, chart)) == 1
    await ada.data(DELETE_COURSE, id=course_id)
    await school.drain()
    assert await uses(school, video) + await uses(school, chart) == []
