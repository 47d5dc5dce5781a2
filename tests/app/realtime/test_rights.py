"""A subscription goes on only while its caller may have it."""

import asyncio
from datetime import timedelta

import pytest

from app.realtime import rights
from domain.times import timestamp
from tests.app.realtime.site import Site, Talk, encoded, header, start
from tests.waiting import until

NOTE = "subscription ($r: ID) { onNote(roomId: $r) { id } }"


def refused(id: str, error_type: str) -> tuple[str, str, str]:
    return ("error", id, error_type)


async def told(talk: Talk) -> tuple[str, str, str]:
    frame = await talk.hear()
    return frame["type"], frame["id"], frame["payload"]["errors"][0]["errorType"]


async def test_a_removed_member_hears_nothing_after_the_removal_is_acknowledged(site: Site) -> None:
    talk = await site.connect("bob")
    await talk.start("1", NOTE, "bob", r="a")
    await site.run('mutation { leave(roomId: "a", userId: "bob") }')
    assert await told(talk) == refused("1", "NOT_FOUND")
    await site.write("secret")
    await talk.say({"type": "stop", "id": "1"})
    assert await told(talk) == refused("1", "UnknownOperationError")


async def test_only_what_was_lost_ends(site: Site) -> None:
    talk = await site.connect("ada")
    await talk.start("a", NOTE, r="a")
    await talk.start("b", NOTE, r="b")
    await site.run('mutation { leave(roomId: "a", userId: "ada") }')
    assert await told(talk) == refused("a", "NOT_FOUND")
    await site.write("n", room_id="b")
    assert (await talk.hear())["id"] == "b"


async def test_who_is_removed_while_the_gate_is_asked_is_asked_again(site: Site) -> None:
    """The answer was on its way when the right was taken."""
    talk = await site.connect("ada")
    await talk.say(start("1", "subscription { onSlowNote { id } }", "ada:Mentors"))
    await site.world.at_gate.acquire()
    site.world.groups["ada"] = frozenset()
    await site.product.realtime.recheck("ada")
    site.world.gate.set()
    assert await told(talk) == refused("1", "Unauthorized")


async def test_rights_are_looked_at_without_anybodys_help(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    talk = await site.connect("bob")
    await talk.start("1", NOTE, "bob", r="a")
    monkeypatch.setattr(rights, "SWEEP_SECONDS", 0.05)
    task = asyncio.create_task(site.product.realtime.rights.run())
    site.world.members["a"].discard("bob")
    assert await told(talk) == refused("1", "NOT_FOUND")
    task.cancel()


async def test_all_rights_are_looked_at_within_thirty_seconds() -> None:
    assert rights.SWEEP_SECONDS <= 30


async def test_a_token_that_expires_ends_its_subscriptions_and_no_others(site: Site) -> None:
    soon = timestamp(site.world.moment + timedelta(seconds=1))
    talk = await site.connect("ada")
    await talk.start("lasting", NOTE, r="a")
    assert (await talk.start("short", NOTE, f"ada::{soon}", r="a"))["type"] == "start_ack"
    site.world.moment += timedelta(seconds=2)
    assert await talk.hear() == {
        "type": "error",
        "id": "short",
        "payload": {"errors": [{"errorType": "UnauthorizedException", "message": "Token has expired."}]},
    }
    await site.write("n")
    assert (await talk.hear())["id"] == "lasting"


async def test_a_clock_set_back_does_not_end_what_has_not_expired(site: Site) -> None:
    soon = timestamp(site.world.moment + timedelta(milliseconds=50))
    talk = await site.connect("ada")
    await talk.start("1", NOTE, f"ada::{soon}", r="a")
    site.world.moment -= timedelta(hours=1)
    [subscription] = site.services.live._all
    first = subscription.timer
    await until(lambda: subscription.timer is not first, "the first look at the clock")
    await site.write("n")
    assert (await talk.hear())["type"] == "data"


async def test_an_expired_token_starts_nothing(site: Site) -> None:
    talk = await site.connect("ada")
    frame = await talk.start("1", NOTE, "ada::2000-01-01T00:00:00.000Z", r="a")
    assert frame["payload"]["errors"] == [{"errorType": "UnauthorizedException", "message": "Token has expired."}]


async def test_a_suspended_users_socket_is_closed(site: Site) -> None:
    talk = await site.connect("bob")
    await talk.start("1", NOTE, "bob", r="a")
    site.world.suspended.add("bob")
    await site.product.realtime.recheck("bob")
    assert await told(talk) == refused("1", "ACCOUNT_SUSPENDED")
    assert await talk.closing() == (1008, "account suspended")


async def test_an_ended_session_ends_its_subscriptions_after_its_last_words(site: Site) -> None:
    talk = await site.connect("bob")
    await talk.start("1", NOTE, "bob", r="a")
    site.world.signed_out.add("bob")
    await site.product.realtime.recheck("bob", after_seconds=0.2)
    await site.write("last words")
    assert (await talk.hear())["type"] == "data"
    assert await told(talk) == refused("1", "UnauthorizedException")


async def test_another_group_is_shown_other_things_so_the_client_has_to_come_again(site: Site) -> None:
    talk = await site.connect("ada:Mentors")
    await talk.start("1", 'subscription { onNote(roomId: "a") { id grade } }', "ada:Mentors")
    site.world.groups["ada"] = frozenset()
    await site.product.realtime.recheck("ada")
    assert await talk.closing() == (1012, "continuity lost")


async def test_who_is_no_longer_in_the_group_of_a_field_loses_it(site: Site) -> None:
    talk = await site.connect("ada:Mentors")
    await talk.start("1", "subscription { onStaffNote { id } }", "ada:Mentors")
    site.world.groups["ada"] = frozenset({"Students"})
    await site.product.realtime.recheck("ada")
    assert await told(talk) == refused("1", "Unauthorized")


async def test_rights_that_cannot_be_read_after_a_removal_are_asked_for_anew(site: Site) -> None:
    talk = await site.connect("bob")
    await talk.start("1", NOTE, "bob", r="a")
    site.world.broken = True
    await site.product.realtime.recheck("bob")
    assert await talk.closing() == (1012, "continuity lost")


async def test_a_key_that_was_taken_back_ends_its_subscriptions(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    talk = await site.connect("ada")
    for id_, key in (("1", "good"), ("2", "taken")):
        frame = start(id_, "subscription { onOpenNote { id } }")
        frame["payload"]["extensions"]["authorization"] = {"host": "localhost", "x-api-key": key}
        await talk.say(frame)
        assert (await talk.hear())["type"] == "start_ack"
    site.world.revoked_keys.add("taken")
    monkeypatch.setattr(rights, "SWEEP_SECONDS", 0.05)
    task = asyncio.create_task(site.product.realtime.rights.run())
    assert await told(talk) == refused("2", "UnauthorizedException")
    task.cancel()
    await site.write("n")
    assert (await talk.hear())["id"] == "1"


async def test_a_suspended_users_idle_socket_is_closed_and_no_new_one_opened(site: Site) -> None:
    idle = await site.connect("bob")
    site.world.suspended.add("bob")
    await site.product.realtime.recheck("bob")
    assert await idle.closing() == (1008, "account suspended")

    talk = await site.dial("/graphql/realtime", "graphql-ws", "header-" + encoded(header("bob")))
    await talk.say({"type": "connection_init"})
    assert (await talk.hear())["payload"]["errors"] == [
        {"errorType": "ACCOUNT_SUSPENDED", "message": "The account is suspended.", "errorCode": 403}
    ]
    talk = await site.dial("/graphql", "graphql-transport-ws")
    await talk.say({"type": "connection_init", "payload": header("bob")})
    assert await talk.closing() == (4403, "Forbidden")


async def test_a_socket_whose_session_ended_is_closed_in_either_protocol(site: Site) -> None:
    one = await site.connect("bob")
    other = await site.dial("/graphql", "graphql-transport-ws")
    await other.say({"type": "connection_init", "payload": header("bob")})
    assert await other.hear() == {"type": "connection_ack"}
    site.world.signed_out.add("bob")
    await site.product.realtime.recheck("bob")
    assert await one.closing() == (1008, "UnauthorizedException")
    assert await other.closing() == (4403, "Forbidden")
