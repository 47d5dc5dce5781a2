"""Nobody is held up, nothing grows without end, and a server that ends says so."""

import asyncio

import aiohttp
import msgspec
import orjson
import pytest

from app.realtime import publishing
from app.shared_timer import SharedTimer
from tests.app.realtime.site import Site, running_site
from tests.waiting import PATIENCE_SECONDS, until

NOTE = "subscription ($r: ID) { onNote(roomId: $r) { id text } }"


async def test_who_does_not_read_is_cut_off_and_holds_up_nobody() -> None:
    async with running_site(max_unsent_bytes=256 * 1024) as site:
        stuck, reading = await site.connect(), await site.connect("bob")
        await stuck.start("1", NOTE, r="a")
        await reading.start("1", NOTE, "bob", r="a")
        stuck.socket._writer.transport.pause_reading()
        for number in range(400):
            await site.write(str(number), text="x" * 50_000)
            assert (await reading.hear())["payload"]["data"]["onNote"]["id"] == str(number)
            if len(site.services.live) == 1:
                break
        assert site.services.sockets.unsent_bytes <= 512 * 1024
        stuck.socket._writer.transport.resume_reading()
        assert await stuck.closing() == (1013, "slow consumer")
        await site.write("more")
        assert (await reading.hear())["payload"]["data"]["onNote"]["id"] == "more"
        await until(lambda: site.services.sockets.unsent_bytes == 0, "the end of what nobody reads")


async def test_who_leaves_a_little_unread_for_long_is_cut_off_too(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running_site() as site:
        site.services.sockets.limits = msgspec.structs.replace(site.services.sockets.limits, unread_seconds=0.2)
        stuck = await site.connect()
        await stuck.start("1", NOTE, r="a")
        stuck.socket._writer.transport.pause_reading()
        number = 0
        while len(site.services.live):
            number += 1
            await site.write(str(number), text="x" * 50_000)
            assert number < 1_000
        stuck.socket._writer.transport.resume_reading()
        assert await stuck.closing() == (1013, "slow consumer")


async def test_all_listeners_hear_all_of_several_writers_in_one_order() -> None:
    async with running_site(max_sockets_per_caller=100) as site:
        talks = [await site.connect() for _ in range(10)]
        for talk in talks:
            await talk.start("1", NOTE, r="a")

        async def write(writer: int) -> None:
            for number in range(100):
                await site.write(f"{writer}.{number}")

        await asyncio.gather(*(write(writer) for writer in range(4)))
        heard = [
            [frame["payload"]["data"]["onNote"]["id"] for frame in frames]
            for frames in await asyncio.gather(*(talk.hear_all(400) for talk in talks))
        ]
        assert sorted(heard[0]) == sorted(f"{writer}.{number}" for writer in range(4) for number in range(100))
        assert all(each == heard[0] for each in heard)
        for writer in range(4):
            own = [each for each in heard[0] if each.startswith(f"{writer}.")]
            assert own == [f"{writer}.{number}" for number in range(100)], "each writer's in the order of writing"


async def test_two_thousand_hear_every_event_while_one_of_them_is_stuck() -> None:
    async with running_site(max_sockets_per_caller=10_000, max_unsent_bytes=256 * 1024) as site:
        talks = [await site.connect("bob") for _ in range(40)]
        for talk in talks:
            for number in range(50):
                await talk.start(str(number), NOTE, "bob", r="a")
        assert len(site.services.live) == 2_000
        stuck, reading = talks[0], talks[1:]
        stuck.socket._writer.transport.pause_reading()
        for number in range(20):
            await site.write(str(number), text="x" * 2_000)
            for frames in await asyncio.gather(*(talk.hear_all(50) for talk in reading)):
                assert {frame["payload"]["data"]["onNote"]["id"] for frame in frames} == {str(number)}
                assert len({frame["id"] for frame in frames}) == 50
        assert site.services.sockets.unsent_bytes <= 20 * 50 * 3_000


async def test_a_gap_closes_the_socket_with_a_code_that_makes_clients_come_again(site: Site) -> None:
    talk = await site.connect()
    await talk.start("1", NOTE, r="a")
    idle = await site.connect()
    site.product.realtime.hub.lose_continuity()
    assert await talk.closing() == (1012, "continuity lost")
    assert not idle.socket.closed, "who hears nothing has missed nothing"


async def test_an_event_that_is_too_large_is_a_gap_to_its_listeners_alone() -> None:
    async with running_site() as site:
        talk, other = await site.connect(), await site.connect()
        await talk.start("1", NOTE, r="a")
        await other.start("1", 'subscription { onTyping(roomId: "a") { roomId userId } }')
        await site.write("big", text="x" * 250_000)
        assert await talk.closing() == (1012, "continuity lost")
        await site.run('mutation { type(roomId: "a") { roomId userId } }')
        assert (await other.hear())["type"] == "data"


async def test_more_records_than_can_wait_to_be_published_are_a_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publishing, "MOST_WAITING", 10)
    async with running_site() as site:
        talk = await site.connect()
        await talk.start("1", NOTE, r="a")
        for number in range(20):
            await site.product.realtime.publish("publishNote", id=str(number))
        assert await talk.closing() == (1012, "continuity lost")


async def test_a_record_changed_many_times_before_it_is_read_is_published_once(site: Site) -> None:
    talk = await site.connect()
    await talk.start("1", NOTE, r="a")
    await site.write("n1", text="first")
    await talk.hear()
    for _ in range(50):
        await site.product.realtime.publish("publishNote", id="n1")
    await site.write("end")
    heard = [(await talk.hear())["payload"]["data"]["onNote"]["id"] for _ in range(2)]
    assert heard == ["n1", "end"]


async def test_publishing_what_cannot_be_published_is_logged_and_harms_nobody() -> None:
    async with running_site() as site:
        talk = await site.connect()
        await talk.start("1", NOTE, r="a")
        await site.product.realtime.publish("publishNothing", id="1")
        await site.product.realtime.publish("publishNote", key="1")
        await site.product.realtime.publish("write", id="1")
        assert len(site.troubles) == 3
        await site.write("n1")
        assert (await talk.hear())["type"] == "data"


async def test_a_server_that_ends_tells_its_sockets_and_takes_no_new_ones() -> None:
    async with running_site(drain_notice_seconds=0.3) as site:
        talks = [await site.connect("bob") for _ in range(30)]
        site.terminate()
        assert not await site.health.ready(), "readiness turns before anything else"
        assert not talks[0].socket.closed
        for talk in talks:
            assert await talk.closing() == (1012, "going away")
        with pytest.raises(aiohttp.ClientError):
            await site.dial()
        await asyncio.wait_for(site.stopped, PATIENCE_SECONDS)


async def test_a_socket_that_is_open_while_the_server_drains_is_refused_at_the_door(site: Site) -> None:
    site.services.sockets.draining = True
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await site.dial()
    assert refused.value.status == 503


async def test_a_socket_does_not_live_for_ever() -> None:
    async with running_site() as site:
        site.services.sockets.ages = SharedTimer(0.1)
        talk = await site.connect()
        assert await talk.closing() == (1001, "maximum age")


async def test_the_log_has_a_line_when_a_socket_opens_and_one_when_it_closes(site: Site) -> None:
    talk = await site.connect()
    await talk.socket.close()
    await until(lambda: any("closed" in line for line in site.lines), "the line of the end")
    opened, closed = [line for line in site.lines if line.get("socket")]
    assert (opened["status"], closed["closed"], opened["requestId"]) == (101, 1000, closed["requestId"])
    assert closed["seconds"] >= 0


async def test_frames_end_as_they_began_when_many_events_come_at_once(site: Site) -> None:
    """Two lengths of frame headers, and payloads around both of their borders."""
    talk = await site.connect()
    await talk.start("1", 'subscription { onNote(roomId: "a") { text } }')
    lengths = [0, 40, 60, 61, 62, 63, 64, 65, 66, 67, 68, 69, 70, 125, 126, 127, 65_000, 65_460, 65_470, 65_480, 66_000]
    for number, length in enumerate(lengths):
        await site.write(str(number), text="x" * length)
    for length in lengths:
        frame = await talk.hear()
        assert len(frame["payload"]["data"]["onNote"]["text"]) == length
    assert orjson.dumps(frame)
