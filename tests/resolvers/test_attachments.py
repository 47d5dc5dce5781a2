"""Files in messages: sent by their owner, seen by the room's members alone."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.races import at_once
from tests.resolvers.chat import LEAVE, create_room, invite, join
from tests.resolvers.test_media import DELETE, seen
from tests.school import Client, School
from tests.uploading import upload_media, uses

ATTACHED = "id body attachments { id fileName downloadUrl }"
SEND = f"mutation ($input: SendMessageInput!) {{ sendMessage(input: $input) {{ {ATTACHED} }} }}"
LIST = f"query ($room: ID!) {{ listMessages(roomId: $room) {{ items {{ {ATTACHED} }} }} }}"
REMOVE = f"mutation ($id: ID!) {{ deleteMessage(id: $id) {{ {ATTACHED} }} }}"
PUBLISH = f"mutation ($id: ID!) {{ publishMessage(id: $id) {{ {ATTACHED} }} }}"


@pytest.fixture
def school(school_with_files: School) -> School:
    return school_with_files


async def attachment(client: Client, content_type: str = "image/png", **given: Any) -> str:
    return await upload_media(client, content_type, purpose="ATTACHMENT", **given)


async def send(client: Client, room: Any, *media_ids: str, **given: Any) -> Any:
    asked = {"roomId": room["id"], "attachmentMediaIds": list(media_ids), **given}
    return (await client.data(SEND, input=asked))["sendMessage"]


async def test_members_get_the_files_of_a_message_and_nobody_else(school: School) -> None:
    """Invariant 39."""
    ada, ben, eve = (school.as_(name) for name in ("ada", "ben", "eve"))
    room = await create_room(ada, "PRIVATE")
    await invite(ada, room, ben)
    await join(ben, room)
    picture, paper = await attachment(ada, fileName="shore.png"), await attachment(ada, "application/pdf")

    sent = await send(ada, room, picture, paper)

    assert (sent["body"], [each["id"] for each in sent["attachments"]]) == ("", [picture, paper])
    [read] = (await ben.data(LIST, room=room["id"]))["listMessages"]["items"]
    assert read["attachments"][0]["fileName"] == "shore.png"
    assert school.files is not None
    assert (await school.files.request("GET", read["attachments"][0]["downloadUrl"])).status == 200
    payload = (await school.backend.data(PUBLISH, id=sent["id"]))["publishMessage"]
    assert [each["id"] for each in payload["attachments"]] == [picture, paper]
    assert await seen(ben, picture) is not None
    assert await seen(eve, picture) is None
    await ben.data(LEAVE, room=room["id"])
    assert await seen(ben, picture) is None


async def test_a_message_has_words_or_up_to_ten_files(school: School) -> None:
    ada = school.as_("ada")
    room = await create_room(ada)
    cases: list[tuple[dict[str, Any], str, str]] = [
        ({}, "input.body", "LENGTH"),
        ({"body": " ", "attachmentMediaIds": []}, "input.body", "LENGTH"),
        ({"attachmentMediaIds": [f"m{number}" for number in range(11)]}, "input.attachmentMediaIds", "COUNT"),
        ({"attachmentMediaIds": ["x" * 129]}, "input.attachmentMediaIds", "ID"),
    ]
    for given, field, rule in cases:
        refusal = await ada.refusal(SEND, input={"roomId": room["id"], **given})
        assert (refusal["errorInfo"]["field"], refusal["errorInfo"]["rule"]) == (field, rule)


async def test_only_own_ready_files_made_for_it_are_attached(school: School) -> None:
    ada, eve = school.as_("ada"), school.as_("eve")
    room = await create_room(ada)
    others, of_a_lesson = await attachment(eve), await upload_media(ada)

    async def refused(media_id: str) -> dict[str, Any]:
        asked = {"roomId": room["id"], "body": "Look", "attachmentMediaIds": [media_id]}
        return await ada.refusal(SEND, input=asked)

    for unknown in (others, "unknown"):
        assert (await refused(unknown))["errorType"] == "NOT_FOUND"
    assert (await refused(of_a_lesson))["errorInfo"]["rule"] == "PURPOSE"
    deleted = await attachment(ada)
    await ada.data(DELETE, id=deleted)
    assert (await refused(deleted))["errorType"] == "NOT_FOUND"
    assert (await ada.data(LIST, room=room["id"]))["listMessages"]["items"] == []


async def test_one_file_goes_with_many_messages_at_once(school: School) -> None:
    """They share a transaction, which may write the media's row only once."""
    ada = school.as_("ada")
    room = await create_room(ada)
    picture = await attachment(ada)

    def sending(number: int) -> Callable[[], Awaitable[Any]]:
        return lambda: send(ada, room, picture, body=f"{number}", clientToken=f"t{number}")

    sent = await at_once([sending(number % 4) for number in range(8)])

    ids = {message["id"] for message in sent if isinstance(message, dict)}
    assert len(ids) == 4
    assert sorted(await uses(school, picture)) == sorted(f"MESSAGE#{message_id}" for message_id in ids)


async def test_a_deleted_message_shows_nothing_any_more(school: School) -> None:
    ada, ben = school.as_("ada"), school.as_("ben")
    room = await create_room(ada)
    await join(ben, room)
    picture = await attachment(ada)
    message = await send(ada, room, picture)

    assert (await ada.data(REMOVE, id=message["id"]))["deleteMessage"]["attachments"] == []

    assert await uses(school, picture) == []
    assert await seen(ben, picture) is None
    assert await seen(ada, picture) is not None


async def test_a_deleted_file_is_left_out_of_its_messages(school: School) -> None:
    ada = school.as_("ada")
    room = await create_room(ada)
    gone, kept = await attachment(ada), await attachment(ada)
    message = await send(ada, room, gone, kept, body="Look", clientToken="t")

    await ada.data(DELETE, id=gone)

    [read] = (await ada.data(LIST, room=room["id"]))["listMessages"]["items"]
    assert [each["id"] for each in read["attachments"]] == [kept]
    again = await send(ada, room, gone, kept, body="Look", clientToken="t")
    assert again["id"] == message["id"]
