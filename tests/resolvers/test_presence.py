"""Presence and typing as clients see them."""

from typing import Any

from datasources.tables import PRESENCE as PRESENCE_TABLE
from tests.resolvers.chat import BEAT, LEAVE, PRESENCE, TYPE, create_room, error, join, moderate
from tests.school import Client, School

HIDE = "mutation { updateSettings(input: {presenceVisible: false}) { presenceVisible } }"
PUBLISH = "mutation ($user: ID!) { publishPresence(userId: $user) { userId status lastSeenAt } }"


async def seen(client: Client, *others: Client) -> list[str]:
    return [row["status"] for row in (await client.data(PRESENCE, users=[o.id for o in others]))["getPresence"]]


async def test_presence_is_seen_by_those_who_share_a_room(school: School) -> None:
    ada, ben, eve = school.as_("ada"), school.as_("ben"), school.as_("eve")
    assert (await ben.data(BEAT, status="AWAY"))["setPresence"] == {
        "userId": ben.id,
        "status": "AWAY",
        "lastSeenAt": school.clock.now(),
    }
    await eve.data(BEAT, status="ONLINE")
    assert await seen(ada, ben) == ["OFFLINE"]
    room = await create_room(ada)
    await join(ben, room)

    rows = (await ada.data(PRESENCE, users=[eve.id, ben.id, "nobody", ben.id]))["getPresence"]

    assert [row["userId"] for row in rows] == [eve.id, ben.id, "nobody", ben.id]
    assert [row["status"] for row in rows] == ["OFFLINE", "AWAY", "OFFLINE", "AWAY"]
    assert rows[0]["lastSeenAt"] is rows[2]["lastSeenAt"] is None
    await ben.data(LEAVE, room=room["id"])
    assert await seen(ada, ben) == ["OFFLINE"]
    assert await seen(ben, ben) == ["AWAY"]


async def test_without_a_heartbeat_a_user_is_offline_after_75_seconds(school: School) -> None:
    ada, ben = school.as_("ada"), school.as_("ben")
    room = await create_room(ada)
    await join(ben, room)
    await ben.data(BEAT, status="ONLINE")
    school.clock.advance(seconds=74.9)
    assert await seen(ada, ben) == ["ONLINE"]
    school.clock.advance(seconds=0.1)
    assert await seen(ada, ben) == ["OFFLINE"]


async def test_only_a_heartbeat_that_changes_something_is_an_event(school: School) -> None:
    """null is no event, on AppSync too."""
    ben = school.as_("ben")

    async def beat(status: str) -> Any:
        school.clock.advance(seconds=30)
        return (await ben.data(BEAT, status=status))["setPresence"]

    assert await beat("OFFLINE") is None
    assert (await beat("ONLINE"))["status"] == "ONLINE"
    assert await beat("ONLINE") is None
    assert (await beat("AWAY"))["status"] == "AWAY"
    assert await beat("AWAY") is None
    school.clock.advance(seconds=75)
    await school.drain()
    assert (await beat("AWAY"))["status"] == "AWAY", "they were away for longer than a heartbeat counts"
    assert (await beat("OFFLINE"))["status"] == "OFFLINE"


async def test_when_heartbeats_end_subscribers_are_told_once(school: School) -> None:
    ada, ben, cem = school.as_("ada"), school.as_("ben"), school.as_("cem")
    await ada.data(BEAT, status="ONLINE")
    await ben.data(BEAT, status="ONLINE")
    await cem.data(BEAT, status="OFFLINE")
    school.clock.advance(seconds=60)
    await ada.data(BEAT, status="ONLINE")
    school.clock.advance(seconds=15)

    await school.drain()
    await school.drain()

    told = [key["user_id"] for name, key in school.published if name == "publishPresence"]
    assert told == [ben.id]
    assert (await school.backend.data(PUBLISH, user=ben.id))["publishPresence"]["status"] == "OFFLINE"
    school.clock.advance(seconds=5)
    await school.drain()
    assert await school.store.get(PRESENCE_TABLE, {"userId": ben.id}) is None, "nothing is kept of who is away"
    assert (await school.backend.data(PUBLISH, user=ben.id))["publishPresence"] == {
        "userId": ben.id,
        "status": "OFFLINE",
        "lastSeenAt": None,
    }
    assert (await school.backend.data(PUBLISH, user=ada.id))["publishPresence"]["status"] == "ONLINE"


async def test_the_hidden_are_offline_to_everybody(school: School) -> None:
    ada, ben = school.as_("ada"), school.as_("ben")
    room = await create_room(ada)
    await join(ben, room)
    await ben.data(BEAT, status="ONLINE")
    await ben.data(HIDE)
    assert school.published[-1] == ("publishPresence", {"user_id": ben.id})

    for status in ("AWAY", "ONLINE"):
        assert (await ben.data(BEAT, status=status))["setPresence"] is None, "and nobody hears that they are there"
    assert await seen(ada, ben) == ["OFFLINE"]
    assert (await school.backend.data(PUBLISH, user=ben.id))["publishPresence"]["lastSeenAt"] is None


async def test_presence_of_a_hundred_is_asked_at_once(school: School) -> None:
    ada = school.as_("ada")

    assert len((await ada.data(PRESENCE, users=[f"u{n}" for n in range(100)]))["getPresence"]) == 100
    assert await error(ada, PRESENCE, users=[f"u{n}" for n in range(101)]) == "BAD_REQUEST"
    assert (await ada.data(PRESENCE, users=[]))["getPresence"] == []


async def test_typing_is_told_every_three_seconds_and_lasts_six(school: School) -> None:
    ada, ben = school.as_("ada"), school.as_("ben")
    room = await create_room(ada)
    await join(ben, room)

    event = (await ben.data(TYPE, room=room["id"], typing=True))["setTyping"]
    stopped = (await ben.data(TYPE, room=room["id"], typing=False))["setTyping"]

    assert event == {
        "roomId": room["id"],
        "userId": ben.id,
        "isTyping": True,
        "expiresAt": school.clock.now().replace("00.000Z", "06.000Z"),
    }
    assert stopped["expiresAt"] == school.clock.now()
    assert await error(ben, TYPE, room=room["id"], typing=True) == "RATE_LIMITED"
    school.clock.advance(seconds=3)
    await ben.data(TYPE, room=room["id"], typing=True)
    assert await error(school.as_("eve"), TYPE, room=room["id"], typing=True) == "FORBIDDEN"
    await moderate(ada, room, ben, status="BANNED")
    assert await error(ben, TYPE, room=room["id"], typing=True) == "MEMBER_BANNED"
