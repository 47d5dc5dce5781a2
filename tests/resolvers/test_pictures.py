"""Faces of users and covers of courses, which everybody sees."""

from typing import Any

import pytest

from tests.resolvers.authoring import CREATE_COURSE, DELETE_COURSE, UPDATE_COURSE, course_input, new_course
from tests.resolvers.test_media import DELETE, seen
from tests.school import Client, School
from tests.uploading import BODIES, upload_media, uses

PROFILE = "mutation ($input: UpdateProfileInput!) { updateProfile(input: $input) { avatarUrl version } }"
FACE = "query ($id: ID!) { getUserSummary(id: $id) { avatarUrl } }"
COVER = "query ($id: ID!) { getCourse(id: $id) { coverImageUrl version } }"


@pytest.fixture
def school(school_with_files: School) -> School:
    return school_with_files


async def loaded(school: School, url: str | None) -> bytes:
    assert url is not None
    assert school.files is not None
    answer = await school.files.request("GET", url)
    assert (answer.status, answer.headers["Content-Type"]) == (200, "image/png")
    return answer.body[:8]


async def face(client: Client, of: Client) -> str | None:
    found = await client.data(FACE, id=of.id)
    url: str | None = found["getUserSummary"]["avatarUrl"]
    return url


async def test_a_user_shows_a_face(school: School) -> None:
    ada, eve = school.as_("ada"), school.as_("eve")
    first, second = [await upload_media(ada, purpose="AVATAR") for _ in range(2)]

    shown = (await ada.data(PROFILE, input={"avatarMediaId": first}))["updateProfile"]["avatarUrl"]

    assert await loaded(school, shown) == BODIES["image/png"][:8]
    assert await face(eve, ada) == shown  # the same for a while, so that browsers keep it
    assert await seen(eve, first) is None
    await ada.data(PROFILE, input={"avatarMediaId": second})
    assert await face(eve, ada) not in (shown, None)
    assert (await uses(school, first), await uses(school, second)) == ([], [f"AVATAR#{ada.id}"])
    await ada.data(PROFILE, input={"avatarMediaId": None, "bio": "Mathematician."})
    assert await face(eve, ada) is None
    assert await uses(school, second) == []


async def test_a_deleted_picture_is_shown_no_more(school: School) -> None:
    ada, mentor = school.as_("ada"), school.as_("mia", "Mentors")
    picture, cover = await upload_media(ada, purpose="AVATAR"), await upload_media(mentor)
    await ada.data(PROFILE, input={"avatarMediaId": picture})
    course = await new_course(mentor, coverMediaId=cover)

    await ada.data(DELETE, id=picture)
    await mentor.data(DELETE, id=cover)
    await school.drain()

    assert await face(ada, ada) is None
    found = (await mentor.data(COVER, id=course["id"]))["getCourse"]
    assert found == {"coverImageUrl": None, "version": course["version"] + 1}


async def test_a_course_has_a_cover(school: School) -> None:
    ada = school.as_("ada", "Mentors")
    first, second = [await upload_media(ada) for _ in range(2)]
    asked = course_input(coverMediaId=first, clientToken="t")
    course = (await ada.data(CREATE_COURSE, input=asked))["createCourse"]
    cover = (await ada.data(COVER, id=course["id"]))["getCourse"]["coverImageUrl"]
    assert await loaded(school, cover) == BODIES["image/png"][:8]

    await ada.data(UPDATE_COURSE, input={"id": course["id"], "coverMediaId": second})

    assert (await uses(school, first), await uses(school, second)) == ([], [f"COVER#{course['id']}"])
    await ada.data(DELETE, id=first)
    assert (await ada.data(CREATE_COURSE, input=asked))["createCourse"]["id"] == course["id"]
    await ada.data(DELETE_COURSE, id=course["id"])
    await school.drain()
    assert await uses(school, second) == []


async def test_only_own_pictures_made_for_it_are_shown(school: School) -> None:
    ada, eve = school.as_("ada"), school.as_("eve", "Mentors")
    for content_type, rule in (("image/png", "PURPOSE"), ("application/pdf", "KIND")):
        media_id = await upload_media(ada, content_type)
        refusal = await ada.refusal(PROFILE, input={"avatarMediaId": media_id})
        assert (refusal["errorInfo"]["field"], refusal["errorInfo"]["rule"]) == ("input.avatarMediaId", rule)
    others: dict[str, Any] = {"avatarMediaId": await upload_media(ada, purpose="AVATAR")}
    assert (await eve.refusal(PROFILE, input=others))["errorType"] == "NOT_FOUND"
    cover = course_input(coverMediaId=await upload_media(ada))
    assert (await eve.refusal(CREATE_COURSE, input=cover))["errorType"] == "NOT_FOUND"
