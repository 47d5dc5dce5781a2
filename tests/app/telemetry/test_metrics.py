"""What a real server counts after real traffic, through each outlet."""

import json
import re
from collections.abc import Iterator
from typing import Any

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families
from yarl import URL

from app.telemetry.emf import EmfLines
from app.telemetry.instruments import Instruments
from tests.server_process import ServerProcess, free_port, server_process
from tests.uploading import COMPLETE, INITIATE, PNG, declared
from tests.waiting import until

Metrics = dict[tuple[str, tuple[tuple[str, str], ...]], float]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    port = str(free_port())
    with server_process(tmp_path_factory.mktemp("metrics") / "data", METRICS_PORT=port) as started:
        yield started


async def metrics(server: ServerProcess) -> Metrics:
    url = f"http://127.0.0.1:{server.settings['METRICS_PORT']}/metrics"
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        text = await answer.text()
    return {
        (sample.name.removeprefix("educonnect_"), tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def of(found: Metrics, name: str, **labels: str) -> float:
    return found.get((name, tuple(sorted(labels.items()))), 0.0)


async def ask(server: ServerProcess, query: str, token: str, **more: Any) -> Any:
    body = {"query": query, **more}
    async with (
        aiohttp.ClientSession(headers={"authorization": token}) as session,
        session.post(server.endpoint, json=body) as answer,
    ):
        return await answer.json()


async def test_the_endpoint_tells_of_operations_and_errors(server: ServerProcess) -> None:
    token = server.app("token", "ada", "--group", "Mentors")
    await ask(server, "{ getMe { id } }", token)
    await ask(server, "query A { getMe { id } } query B { getServerInfo { apiVersion } }", token, operationName="B")
    await ask(server, "{ a: getMe { id } b: getServerInfo { apiVersion } }", token)
    await ask(server, "{ nothingLikeIt }", token)
    await ask(server, 'mutation { deleteCourse(id: "none") { id } }', token)

    async def are_counted() -> bool:
        return of(await metrics(server), "http_requests_total", path="/graphql", status="200") == 5

    await until(are_counted)
    found = await metrics(server)
    assert of(found, "operations_total", kind="query", field="getMe") == 1
    assert of(found, "operations_total", kind="query", field="getServerInfo") == 1
    assert of(found, "operations_total", kind="query", field="several") == 1
    assert of(found, "operations_total", kind="none", field="none") == 1
    assert of(found, "operation_seconds_count", kind="query") == 3
    assert of(found, "errors_total", error_type="NOT_FOUND") == 1
    assert of(found, "errors_total", error_type="validation") == 1
    assert of(found, "store_operations_total", operation="get", outcome="ok") > 0
    assert of(found, "worker_changes_total", step="enrollment-counts", outcome="handled") > 0


async def test_no_word_of_a_client_becomes_a_label(server: ServerProcess) -> None:
    token = server.app("token", "ada")
    await ask(server, "query Name_of_mine { mine: getMe { id } }", token, operationName="Name_of_mine")
    await ask(server, "{ secret_field_of_mine }", token)
    async with aiohttp.ClientSession() as session:
        for path in ("/secret-path", "/files/secret-path", "/graphql/secretpath"):
            await session.get(server.origin + path)

    async def are_counted() -> bool:
        return of(await metrics(server), "http_requests_total", path="other", status="404") >= 1

    await until(are_counted)
    labels = {value for _, pairs in await metrics(server) for _, value in pairs}
    assert not [value for value in labels if re.search("mine|secret", value, re.IGNORECASE)]
    assert len(labels) < 500


async def test_sockets_subscriptions_and_events_are_counted(server: ServerProcess) -> None:
    token = server.app("token", "ada")
    room = (await ask(server, 'mutation { createRoom(input: {kind: PUBLIC, name: "M"}) { id } }', token))["data"]
    room_id = room["createRoom"]["id"]
    before = await metrics(server)
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(server.endpoint, protocols=["graphql-transport-ws"]) as ws,
    ):
        await ws.send_json({"type": "connection_init", "payload": {"Authorization": token}})
        await ws.receive_json()
        query = f'subscription {{ onMessage(roomId: "{room_id}") {{ id body }} }}'
        await ws.send_json({"id": "1", "type": "subscribe", "payload": {"query": query}})

        async def is_live() -> bool:
            return of(await metrics(server), "subscriptions") > of(before, "subscriptions")

        await until(is_live)
        send = f'mutation {{ sendMessage(input: {{roomId: "{room_id}", body: "hi"}}) {{ id body roomId }} }}'
        await ask(server, send, token)
        while (await ws.receive_json())["type"] != "next":
            pass

        async def is_counted() -> bool:
            return of(await metrics(server), "messages_out_total") > of(before, "messages_out_total")

        await until(is_counted)
        found = await metrics(server)
        assert of(found, "sockets") == of(before, "sockets") + 1
        assert of(found, "messages_in_total") >= of(before, "messages_in_total") + 2
        assert of(found, "fan_out_seconds_count") > of(before, "fan_out_seconds_count")
    await until(lambda: '"closed":' in server.log.read_text(), "the line of the socket's end")
    opened = {"path": "/graphql", "status": "101"}
    assert of(await metrics(server), "http_requests_total", **opened) == 1
    assert '"level":"ERROR"' not in server.log.read_text()


async def test_uploads_are_counted_with_their_bytes(server: ServerProcess) -> None:
    token = server.app("token", "ada")
    before = await metrics(server)
    good, bad = PNG, b"GIF89a" + bytes(len(PNG) - 6)
    for content in (good, bad):
        begun = await ask(server, INITIATE, token, variables={"input": declared(content)})
        upload = begun["data"]["initiateUpload"]
        request = upload["request"]
        headers = {each["name"]: each["value"] for each in request["headers"]}
        async with aiohttp.ClientSession() as session:
            await session.put(
                URL(request["url"], encoded=True), data=content, headers=headers, skip_auto_headers=["content-type"]
            )
        await ask(server, COMPLETE, token, variables={"input": {"uploadId": upload["id"], "parts": []}})
    found = await metrics(server)

    def grown(name: str, **labels: str) -> float:
        return of(found, name, **labels) - of(before, name, **labels)

    assert grown("uploads_total", outcome="begun") == 2
    assert grown("uploads_total", outcome="completed") == 1
    assert grown("uploads_total", outcome="failed") == 1
    assert grown("upload_bytes_total") == len(good)


async def test_the_endpoint_is_not_the_apis(server: ServerProcess) -> None:
    async with aiohttp.ClientSession() as session, session.get(f"{server.origin}/metrics") as answer:
        assert answer.status == 404


async def test_the_numbers_of_the_page_are_for_this_machine_only(server: ServerProcess) -> None:
    url = f"{server.origin}/dashboard/metrics.json"
    async with aiohttp.ClientSession() as session:
        async with session.get(url) as answer:
            assert answer.status == 200
            assert (await answer.json())["metrics"]["operations"]
        for headers in ({"host": "rebound.example"}, {"sec-fetch-site": "cross-site"}):
            async with session.get(url, headers=headers) as answer:
                assert answer.status == 404


def test_lines_for_cloudwatch_tell_what_has_grown() -> None:
    instruments = Instruments()
    emf = EmfLines(instruments, lambda: 1_800_000_000.5)
    emf.lines()
    instruments.store_call("get", "ok", 0.25)
    instruments.store_call("get", "ok", 0.25)
    lines = [json.loads(line) for line in emf.lines()]
    (counted,) = [line for line in lines if line.get("outcome") == "ok"]
    assert counted["store_operations"] == 2
    assert counted["_aws"] == {
        "Timestamp": 1_800_000_000_500,
        "CloudWatchMetrics": [
            {
                "Namespace": "EduConnect",
                "Dimensions": [["operation", "outcome"]],
                "Metrics": [{"Name": "store_operations", "Unit": "Count"}],
            }
        ],
    }
    assert not [line for line in map(json.loads, emf.lines()) if "store_operations" in line]
