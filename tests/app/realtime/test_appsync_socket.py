"""AppSync's real-time protocol, frame by frame."""

import asyncio
import base64
from collections.abc import Callable
from typing import Any

import aiohttp
import orjson
import pytest
from multidict import CIMultiDict

from tests.app.realtime.site import Site, encoded, header, running_site, start
from tests.waiting import until

NOTE = "subscription ($r: ID) { onNote(roomId: $r) { id text } }"
NULL = "Cannot return null for non-nullable type:"
ACK = {"type": "connection_ack", "payload": {"connectionTimeoutMs": 300_000}}
UNAUTHORIZED = {"errorType": "UnauthorizedException", "message": "You are not authorized to make this call."}


def error(id: str, error_type: str, message: str, **more: Any) -> dict[str, Any]:
    errors = [{"errorType": error_type, "message": message, **more}]
    return {"type": "error", "id": id, "payload": {"errors": errors}}


class TestHandshake:
    @pytest.mark.parametrize("path", ["/graphql", "/graphql/realtime"])
    async def test_credentials_come_as_a_sub_protocol_which_is_not_repeated(self, site: Site, path: str) -> None:
        talk = await site.dial(path, "graphql-ws", "header-" + encoded(header("ada")))
        assert talk.protocol == "graphql-ws"
        await talk.say({"type": "connection_init"})
        assert await talk.hear_all(2) == [ACK, {"type": "ka"}]

    async def test_credentials_come_in_the_query_with_a_plus_sign_that_stays_one(self, site: Site) -> None:
        value = {"host": "localhost", "Authorization": "ada", "note": "~~~???>>>"}
        text = base64.b64encode(orjson.dumps(value)).decode()
        assert "+" in text
        talk = await site.dial(f"/graphql?header={text}&payload=e30=", "graphql-ws")
        await talk.say({"type": "connection_init"})
        assert await talk.hear() == ACK
        assert site.product.identified[-1].value("note") == "~~~???>>>"

    async def test_credentials_come_percent_encoded_too(self, site: Site) -> None:
        text = base64.b64encode(orjson.dumps(header("ada"))).decode().replace("=", "%3D")
        talk = await site.dial(f"/graphql?x=1&header={text}&payload=e30%3D", "graphql-ws")
        await talk.say({"type": "connection_init"})
        assert await talk.hear() == ACK

    async def test_credentials_come_as_headers_of_the_request(self, site: Site) -> None:
        talk = await site.dial("/graphql/realtime", "graphql-ws", headers={"Authorization": "ada"})
        await talk.say({"type": "connection_init"})
        assert await talk.hear() == ACK

    @pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
    async def test_either_alphabet_is_read_with_and_without_padding_in_both_places(
        self, site: Site, encode: Callable[[bytes], bytes]
    ) -> None:
        padded = encode(orjson.dumps(header("ada") | {"note": "~~~???>>>", "fill": "xy"})).decode()
        assert padded.endswith("=")
        assert not padded.replace("=", "").isalnum()
        for text in (padded, padded.rstrip("=")):
            for path, protocol in ((f"/graphql?header={text}", ()), ("/graphql", (f"header-{text}",))):
                talk = await site.dial(path, "graphql-ws", *protocol)
                assert talk.protocol == "graphql-ws"
                await talk.say({"type": "connection_init"})
                assert await talk.hear() == ACK
                assert site.product.identified[-1].value("note") == "~~~???>>>"

    async def test_the_credentials_names_are_read_in_any_case_and_two_that_differ_are_none(self, site: Site) -> None:
        for shown, type_ in (
            ({"AUTHORIZATION": "ada", "authorization": "ada"}, "connection_ack"),
            ({"AUTHORIZATION": "ada", "authorization": "bob"}, "connection_error"),
        ):
            talk = await site.dial("/graphql", "graphql-ws", f"header-{encoded(shown)}")
            await talk.say({"type": "connection_init"})
            assert (await talk.hear())["type"] == type_

    @pytest.mark.parametrize("query", ["header={}&header={}", "header={}&payload=e30&payload=W10"])
    async def test_two_different_answers_to_one_question_are_none(self, site: Site, query: str) -> None:
        talk = await site.dial("/graphql?" + query.format(encoded(header("ada")), encoded(header("bob"))), "graphql-ws")
        await talk.say({"type": "connection_init"})
        [refused] = (await talk.hear())["payload"]["errors"]
        assert (refused["errorType"], refused["errorCode"]) == ("BadRequestException", 400)

    async def test_two_different_tokens_in_the_requests_own_headers_are_none(self, site: Site) -> None:
        headers = CIMultiDict([("Authorization", "ada"), ("Authorization", "bob")])
        talk = await site.dial("/graphql", "graphql-ws", headers=headers)
        await talk.say({"type": "connection_init"})
        assert (await talk.hear())["payload"]["errors"][0]["errorCode"] == 401

    async def test_other_parameters_of_the_query_are_headers_as_amplify_sends_those_of_an_application(
        self, site: Site
    ) -> None:
        parameters = "x-tenant=north+pole%21&X-AMZ-User-Agent=aws-amplify%2F6&note=of+the+query&x-empty="
        shown = header("ada") | {"note": "of the header"}
        talk = await site.dial(f"/graphql/realtime?{parameters}", "graphql-ws", f"header-{encoded(shown)}")
        await talk.start("1", NOTE, r="a")
        connected, started = site.product.identified
        for credentials in (connected, started):
            assert credentials.value("x-tenant") == "north pole!"
            assert credentials.value("x-amz-user-agent") == "aws-amplify/6"
            assert credentials.values("x-empty") == [""]
        assert connected.values("note") == ["of the header"]
        assert started.values("note") == ["of the query"]

    @pytest.mark.parametrize("parameter", ["authorization", "Authorization", "x-api-key", "X-Api-Key"])
    async def test_no_parameter_of_its_own_is_a_credential(self, site: Site, parameter: str) -> None:
        talk = await site.dial(f"/graphql?{parameter}=ada&host=x&cookie=y&%20=z&{'h' * 101}=w", "graphql-ws")
        await talk.say({"type": "connection_init"})
        assert (await talk.hear())["payload"]["errors"][0]["errorCode"] == 401
        [shown] = site.product.identified
        assert not {parameter.lower(), "cookie", " ", "h" * 101} & {name for name, _ in shown.headers}
        assert shown.values("host") == [f"127.0.0.1:{site.port}"]

    async def test_what_is_signed_at_connect_is_a_post_of_an_empty_object(self, site: Site) -> None:
        await site.connect()
        shown = site.product.identified[-1]
        assert (shown.method, shown.path, shown.body) == ("POST", "/graphql/connect", b"{}")

    @pytest.mark.parametrize(("payload", "body"), [("e30=", b"{}"), ("e30", b"{}"), ("", b"{}"), ("eyB9", b"{ }")])
    async def test_a_payload_in_the_query_is_what_was_signed(self, site: Site, payload: str, body: bytes) -> None:
        talk = await site.dial(f"/graphql?header={encoded(header('ada'))}&payload={payload}", "graphql-ws")
        await talk.say({"type": "connection_init"})
        assert await talk.hear() == ACK
        assert site.product.identified[-1].body == body

    @pytest.mark.parametrize("payload", ["!!!", "bm90IGpzb24", "W10", "x"])
    async def test_a_payload_that_is_no_object_is_told_in_a_frame(self, site: Site, payload: str) -> None:
        talk = await site.dial(f"/graphql?header={encoded(header('ada'))}&payload={payload}", "graphql-ws")
        await talk.say({"type": "connection_init"})
        assert (await talk.hear())["payload"]["errors"][0]["errorCode"] == 400

    async def test_credentials_for_another_host_are_logged_and_good(self, site: Site) -> None:
        await site.connect()
        [line] = [line for line in site.lines if "another host" in line["message"]]
        assert (line["level"], line["named"], line["dialled"]) == ("INFO", "localhost", f"127.0.0.1:{site.port}")

    async def test_an_odd_host_forges_no_line(self, site: Site) -> None:
        shown = {"host": "x\r\n{}\x1b[2J" + "y" * 1000, "Authorization": "ada"}
        talk = await site.dial("/graphql", "graphql-ws", f"header-{encoded(shown)}")
        await talk.say({"type": "connection_init"})
        assert await talk.hear() == ACK
        assert "\x1b" not in site.log.getvalue()
        assert all(len(orjson.dumps(line)) < 1_000 for line in site.lines)

    @pytest.mark.parametrize("token", ["wrong", None])
    async def test_bad_credentials_are_told_in_a_frame_and_then_the_socket_closes(
        self, site: Site, token: str | None
    ) -> None:
        shown = {"host": "localhost"} | ({"Authorization": token} if token else {})
        talk = await site.dial("/graphql", "graphql-ws", "header-" + encoded(shown))
        await talk.say({"type": "connection_init"})
        message = UNAUTHORIZED["message"] if token else "Valid authorization header not provided."
        assert await talk.hear() == {
            "type": "connection_error",
            "payload": {"errors": [{"errorType": "UnauthorizedException", "message": message, "errorCode": 401}]},
        }
        assert await talk.closing() == (1008, "UnauthorizedException")

    @pytest.mark.parametrize("text", ["!!!", "e30", "bm90IGpzb24", encoded([1]), "header-x"])
    async def test_a_header_that_is_none_is_told_in_a_frame(self, site: Site, text: str) -> None:
        talk = await site.dial(f"/graphql?header={text}", "graphql-ws")
        await talk.say({"type": "connection_init"})
        frame = await talk.hear()
        assert frame["type"] == "connection_error"
        assert frame["payload"]["errors"][0]["errorCode"] in (400, 401)

    async def test_a_foreign_origin_is_refused_at_the_door(self) -> None:
        async with running_site(cors_origins="https://school.example") as site:
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await site.dial(headers={"Origin": "https://evil.example"})
            assert refused.value.status == 403
            await site.dial(headers={"Origin": "https://school.example"})
            await site.dial()  # no browser, no origin

    @pytest.mark.parametrize(
        ("path", "protocols", "status"),
        [
            ("/elsewhere", ("graphql-ws",), 404),
            ("/graphql/realtime", ("something",), 400),
        ],
    )
    async def test_other_paths_and_protocols_are_refused_at_the_door(
        self, site: Site, path: str, protocols: tuple[str, ...], status: int
    ) -> None:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await site.dial(path, *protocols)
        assert refused.value.status == status

    async def test_compression_is_not_negotiated(self, site: Site) -> None:
        talk = await site.dial(compress=15)
        assert talk.socket.compress == 0

    async def test_no_token_is_logged(self, site: Site) -> None:
        await site.dial(f"/graphql?header={encoded(header('a-secret-token'))}", "graphql-ws")
        assert site.lines[-1]["path"] == "/graphql"
        assert "secret" not in site.log.getvalue()
        assert encoded(header("a-secret-token")) not in site.log.getvalue()

    async def test_who_says_nothing_is_sent_away(self) -> None:
        async with running_site(socket_init_seconds=0.05) as site:
            talk = await site.dial()
            assert await talk.closing() == (4408, "Connection initialisation timeout")

    async def test_a_start_without_connection_init_is_fine(self, site: Site) -> None:
        talk = await site.dial()
        assert await talk.start("1", NOTE, r="a") == {"type": "start_ack", "id": "1"}


class TestSubscriptions:
    async def test_life_of_a_subscription(self, site: Site) -> None:
        talk = await site.connect()
        assert await talk.start("7e43", NOTE, r="a") == {"type": "start_ack", "id": "7e43"}
        await site.write("n1", text="Hello")
        assert await talk.hear() == {
            "type": "data",
            "id": "7e43",
            "payload": {"data": {"onNote": {"id": "n1", "text": "Hello"}}},
        }
        await talk.say({"type": "stop", "id": "7e43"})
        assert await talk.hear() == {"type": "complete", "id": "7e43"}
        await site.write("n2")
        assert await talk.start("again", NOTE, r="a") == {"type": "start_ack", "id": "again"}

    async def test_nothing_after_the_acknowledgement_is_missed_and_the_order_is_kept(self, site: Site) -> None:
        talk = await site.connect()
        await talk.start("1", NOTE, r="a")
        for number in range(100):
            await site.write(str(number))
        frames = await talk.hear_all(100)
        assert [frame["payload"]["data"]["onNote"]["id"] for frame in frames] == [str(each) for each in range(100)]

    async def test_every_start_shows_credentials_which_sign_the_very_text_of_its_data(self, site: Site) -> None:
        talk = await site.connect()
        data = '{"query":"subscription { onNote(roomId: \\"a\\") { id } }" ,  "x": "\\u00fc"}'
        frame = start("1", "")
        frame["payload"]["data"] = data
        await talk.say(frame)
        assert (await talk.hear())["type"] == "start_ack"
        shown = site.product.identified[-1]
        assert (shown.path, shown.body) == ("/graphql", data.encode())

    async def test_one_socket_carries_several_identities(self, site: Site) -> None:
        talk = await site.connect("ada")
        await talk.start("ada", NOTE, "ada", r="b")
        assert await talk.start("bob", NOTE, "bob", r="b") == error(
            "bob", "NOT_FOUND", "No such room.", errorInfo={"retryable": False}
        )
        assert (await talk.start("key", 'subscription { onNote(roomId: "a") { id } }', "bob"))["type"] == "start_ack"

    @pytest.mark.parametrize(
        ("extensions", "message"),
        [
            ({}, "Valid authorization header not provided."),
            (None, "Valid authorization header not provided."),
            ({"authorization": {"host": "x"}}, "Valid authorization header not provided."),
            ({"authorization": {"Authorization": "wrong"}}, UNAUTHORIZED["message"]),
        ],
    )
    async def test_a_start_without_good_credentials_of_its_own_is_refused(
        self, site: Site, extensions: Any, message: str
    ) -> None:
        talk = await site.connect()
        frame = start("1", NOTE, r="a")
        frame["payload"]["extensions"] = extensions
        await talk.say(frame)
        assert await talk.hear() == error("1", "UnauthorizedException", message)

    async def test_the_gate_refuses_and_its_error_is_told(self, site: Site) -> None:
        talk = await site.connect("bob")
        assert await talk.start("1", "subscription { onNote { id } }", "bob") == error(
            "1",
            "BAD_REQUEST",
            "The filter roomId is required.",
            errorInfo={"field": "roomId", "rule": "REQUIRED", "retryable": False},
        )
        refused = await talk.start("1", NOTE, "bob", r="b")
        assert refused == await talk.start("1", NOTE, "bob", r="no-such-room"), "they cannot be told apart"

    async def test_a_field_that_the_caller_may_not_have_is_unauthorized(self, site: Site) -> None:
        talk = await site.connect()
        query = "subscription { onStaffNote { id } }"
        message = "Not Authorized to access onStaffNote on type Subscription"
        assert await talk.start("1", query) == error("1", "Unauthorized", message, errorInfo={"retryable": False})
        assert (await talk.start("1", query, "ada:Mentors"))["type"] == "start_ack"

    async def test_fields_are_shown_as_the_subscriber_may_see_them(self, site: Site) -> None:
        talk = await site.connect()
        query = 'subscription { onNote(roomId: "a") { id grade myVote author { name } } }'
        await talk.start("student", query, "bob")
        await talk.start("mentor", query, "ada:Mentors")
        await site.write("n1")
        shown = {frame["id"]: frame["payload"] for frame in await talk.hear_all(2)}
        note = {"id": "n1", "grade": "A", "myVote": None, "author": {"name": "Ada"}}
        assert shown["mentor"] == {"data": {"onNote": note}}
        assert shown["student"]["data"] == {"onNote": {**note, "grade": None}}
        [refused] = shown["student"]["errors"]
        assert refused["errorType"] == "Unauthorized"
        assert refused["path"] == ["onNote", "grade"]

    async def test_a_bug_in_a_gate_is_masked(self) -> None:
        async with running_site() as site:
            talk = await site.connect()
            frame = await talk.start("1", "subscription { onBrokenNote { id } }")
            assert frame["payload"]["errors"][0]["errorType"] == "INTERNAL_ERROR"
            assert "secret" not in orjson.dumps(frame).decode()

    async def test_arguments_filter_by_fields_of_the_payload(self, site: Site) -> None:
        talk = await site.connect()
        query = 'subscription ($l: Int) { onNote(roomId: "a", level: $l) { id } }'
        await talk.start("any", query)
        await talk.start("null", query, l=None)
        await talk.start("five", query, l=5)
        await site.write("five", level=5)
        await site.write("none")
        await site.write("other", room_id="b", level=5)
        await site.write("end", level=6)
        heard = [(frame["id"], frame["payload"]["data"]["onNote"]["id"]) for frame in await talk.hear_all(5)]
        assert sorted(heard) == [("any", "end"), ("any", "five"), ("any", "none"), ("five", "five"), ("null", "none")]

    async def test_a_gate_narrows_what_is_heard(self, site: Site) -> None:
        talk = await site.connect()
        await talk.start("1", 'subscription { onImportantNote(roomId: "a") { id level } }')
        for note, room, level in (("low", "a", 4), ("elsewhere", "b", 9), ("high", "a", 9)):
            await site.write(note, room, level=level)
        assert (await talk.hear())["payload"]["data"]["onImportantNote"] == {"id": "high", "level": 9}

    async def test_a_clients_mutation_tells_what_it_selected_under_the_fields_own_names(self, site: Site) -> None:
        talk = await site.connect()
        await talk.start("1", 'subscription { onTyping(roomId: "a") { roomId userId text note { id text } } }')
        await site.run('mutation { none: type(roomId: "a", text: "nothing") { roomId userId } }')
        await site.run(
            """mutation { t: type(roomId: "a", text: "x") { room: roomId ...F note { key: id } } }
            fragment F on Typing { who: userId }"""
        )
        expected = {"roomId": "a", "userId": "ada", "text": None, "note": {"id": "n", "text": None}}
        assert (await talk.hear())["payload"] == {"data": {"onTyping": expected}}

    async def test_what_a_clients_mutation_left_out_is_null_or_appsyncs_error(self, site: Site) -> None:
        talk = await site.connect()
        await talk.start("1", 'subscription { onTyping(roomId: "a") { roomId userId } }')
        await site.run('mutation { type(roomId: "a") { roomId } }')
        assert (await talk.hear())["payload"] == {
            "data": {"onTyping": None},
            "errors": [
                {"message": f"{NULL} 'ID' within parent 'Typing' (/onTyping/userId)", "path": ["onTyping", "userId"]}
            ],
        }

    async def test_a_record_that_is_gone_is_no_event(self, site: Site) -> None:
        talk = await site.connect()
        await talk.start("1", NOTE, r="a")
        await site.product.realtime.publish("publishNote", id="gone")
        await site.write("there")
        assert (await talk.hear())["payload"]["data"]["onNote"]["id"] == "there"


class TestOddFrames:
    async def test_a_second_subscription_of_one_id_is_refused_and_the_first_goes_on(self, site: Site) -> None:
        talk = await site.connect()
        await talk.start("1", NOTE, r="a")
        assert (await talk.start("1", NOTE, r="a"))["payload"]["errors"][0]["errorType"] == "DuplicatedOperationError"
        await site.write("n1")
        assert (await talk.hear())["type"] == "data"

    async def test_stopping_what_was_not_started_is_an_error(self, site: Site) -> None:
        talk = await site.connect()
        await talk.say({"type": "stop", "id": "9"})
        assert await talk.hear() == error("9", "UnknownOperationError", "There is no subscription of this id.")

    @pytest.mark.parametrize(
        ("query", "error_type"),
        [
            ("{ note(id: 1) { id } }", "BAD_REQUEST"),
            ("mutation { leave(roomId: 1, userId: 2) }", "BAD_REQUEST"),
            ("subscription { onNote { id } onTyping { roomId } }", None),
            ("subscription { __typename }", None),
            ("subscription A { onNote { id } } subscription B { onNote { id } }", "BAD_REQUEST"),
            ("subscription { onNote(", "MalformedHttpRequestException"),
            ("", "MalformedHttpRequestException"),
            ("subscription { nothing }", None),
            ('subscription { onNote(level: "x") { id } }', None),
            ("subscription ($l: Int!) { onNote(level: $l) { id } }", None),
        ],
    )
    async def test_what_is_no_valid_subscription_is_an_error_frame(
        self, site: Site, query: str, error_type: str | None
    ) -> None:
        talk = await site.connect()
        frame = await talk.start("1", query)
        assert (frame["type"], frame["id"]) == ("error", "1")
        assert frame["payload"]["errors"][0].get("errorType") == error_type
        assert (await talk.start("1", NOTE, r="a"))["type"] == "start_ack", "the socket lives on"

    @pytest.mark.parametrize(
        "frame",
        [
            "meow",
            "",
            "[]",
            "null",
            "17",
            '"start"',
            "[" * 5000 + "]" * 5000,
            '{"a":' * 5000 + "1" + "}" * 5000,
            "{}",
            {"type": None},
            {"type": ["start"]},
            {"type": "bogus", "id": "1"},
            {"type": "start"},
            {"type": "start", "id": 5, "payload": {"data": "{}"}},
            {"type": "start", "id": "", "payload": {"data": "{}"}},
            {"type": "start", "id": "x" * 300, "payload": {"data": "{}"}},
            {"type": "start", "id": "1", "payload": "x"},
            {"type": "start", "id": "1", "payload": {"data": {"query": "x"}}},
            {"type": "start", "id": "1", "payload": {"data": "[]", "extensions": {"authorization": header("ada")}}},
            {"type": "start", "id": "1", "payload": {"data": "meow", "extensions": {"authorization": header("ada")}}},
            {"type": "start", "id": "1", "payload": {"data": "{}", "extensions": {"authorization": ["ada"]}}},
            {"type": "start", "id": "1", "payload": {"data": "{}", "extensions": []}},
            {"type": "stop"},
            {"type": "stop", "id": {"a": 1}},
            {"type": "connection_ack"},
        ],
        ids=range(25),
    )
    async def test_an_odd_frame_is_an_error_frame_and_the_socket_lives_on(self, site: Site, frame: Any) -> None:
        talk = await site.connect()
        await talk.say(frame)
        answer = await talk.hear()
        assert answer["type"] == "error"
        assert answer["payload"]["errors"][0]["message"]
        assert (await talk.start("good", NOTE, r="a"))["type"] == "start_ack"

    async def test_odd_frames_for_ever_are_not_answered_for_ever(self, site: Site) -> None:
        talk = await site.connect()
        await talk.say(*["meow"] * 30)
        assert await talk.closing() == (1008, "too many faulty frames")

    async def test_a_flood_of_frames_is_answered_in_order(self, site: Site) -> None:
        talk = await site.connect()
        saying = asyncio.create_task(talk.say(*[{"type": "connection_init"}] * 2_000))
        frames = await talk.hear_all(4_000)
        assert frames == [ACK, {"type": "ka"}] * 2_000
        await saying

    async def test_binary_messages_are_refused(self, site: Site) -> None:
        talk = await site.connect()
        await talk.say(b'{"type":"connection_init"}')
        assert await talk.closing() == (1003, "text messages only")

    async def test_a_message_that_is_too_large_is_refused(self, site: Site) -> None:
        talk = await site.connect()
        await talk.say("x" * (256 * 1024 + 1))
        assert (await talk.closing())[0] == 1009

    async def test_invalid_utf_8_is_refused(self, site: Site) -> None:
        talk = await site.connect()
        await talk.socket._writer.send_frame(b"\xff\xfe", aiohttp.WSMsgType.TEXT)
        assert await talk.closing() == (1007, "invalid UTF-8")

    async def test_a_message_in_pieces_is_one_message(self, site: Site) -> None:
        talk = await site.connect()
        frame = orjson.dumps(start("1", NOTE, r="a"))
        write = talk.socket._writer.transport.write
        write(masked(0x01, frame[:50]))
        write(masked(0x09, b"are you there?"))
        write(masked(0x80, frame[50:]))
        assert await talk.hear() == {"type": "start_ack", "id": "1"}


def masked(first: int, data: bytes) -> bytes:
    """One frame of a client, masked with zeros."""
    first = first | 0x80 if first == 0x09 else first
    length = bytes((0x80 | len(data),)) if len(data) < 126 else b"\xfe" + len(data).to_bytes(2, "big")
    return bytes((first,)) + length + b"\0\0\0\0" + data


class TestLimits:
    async def test_a_socket_has_so_many_subscriptions(self) -> None:
        async with running_site(max_subscriptions=3) as site:
            talk = await site.connect()
            for number in range(3):
                assert (await talk.start(str(number), NOTE, r="a"))["type"] == "start_ack"
            message = "A connection has at most 3 subscriptions."
            assert await talk.start("4", NOTE, r="a") == error("4", "MaxSubscriptionsReachedError", message)
            await talk.say({"type": "stop", "id": "0"})
            await talk.hear()
            assert (await talk.start("4", NOTE, r="a"))["type"] == "start_ack"

    async def test_a_caller_has_so_many_sockets(self) -> None:
        async with running_site(max_sockets_per_caller=2) as site:
            first, _ = await site.connect(), await site.connect()
            await site.connect("bob")
            talk = await site.dial()
            await talk.say({"type": "connection_init"})
            frame = await talk.hear()
            assert frame["type"] == "connection_error"
            assert frame["payload"]["errors"][0]["errorType"] == "LimitExceededError"
            await first.socket.close()
            await site.connect()

    async def test_a_process_has_so_many_sockets(self) -> None:
        async with running_site(max_sockets=2) as site:
            open_ones = [await site.connect(), await site.connect("bob")]
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await site.dial()
            assert refused.value.status == 503
            assert not any(talk.socket.closed for talk in open_ones)

    async def test_subscriptions_are_started_only_so_fast(self) -> None:
        async with running_site(rate_per_second=1, rate_burst=2) as site:
            talk = await site.connect()
            for number in range(2):
                await talk.start(str(number), NOTE, r="a")
            assert await talk.start("3", NOTE, r="a") == error("3", "LimitExceededError", "Rate limit exceeded")

    async def test_nothing_of_closed_sockets_stays_behind(self, site: Site) -> None:
        for _ in range(20):
            talk = await site.connect()
            await talk.start("1", NOTE, r="a")
            await talk.socket.close()
        await until(lambda: not len(site.services.sockets) and not len(site.services.live), "the end of all")
        assert not site.services.sockets._of_caller
        assert not site.product.realtime.hub._index.hears("onNote")
        assert not site.services.live._of_user
