"""Queues that others fill, over moto's SQS: Chime's events among them."""

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import aioboto3
import pytest
from moto.server import ThreadedMotoServer

from datasources.aws.chime_events import open_chime_events
from datasources.aws.queue_messages import handle_all
from domain.errors import Code, DomainError, throttled

REGION = "eu-central-1"


@pytest.fixture(scope="module")
def aws() -> Iterator[str]:
    """The server's URL."""
    server = ThreadedMotoServer("127.0.0.1", 0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
async def sqs(aws: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Any]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "emulated")
    async with aioboto3.Session(region_name=REGION).client("sqs", endpoint_url=aws) as client:
        yield client


async def queue(sqs: Any, name: str, *bodies: str) -> str:
    """Its URL; what is not handled comes again at once."""
    made = await sqs.create_queue(QueueName=name, Attributes={"VisibilityTimeout": "0"})
    for body in bodies:
        await sqs.send_message(QueueUrl=made["QueueUrl"], MessageBody=body)
    return str(made["QueueUrl"])


async def test_what_is_handled_comes_once(sqs: Any) -> None:
    url = await queue(sqs, "once", *(str(number) for number in range(25)))
    handled: list[str] = []

    async def handle(body: str) -> None:
        handled.append(body)

    assert await handle_all(sqs, url, handle) == 25
    assert await handle_all(sqs, url, handle) == 0
    assert sorted(handled, key=int) == [str(number) for number in range(25)]


async def test_trouble_that_passes_stops_and_leaves_the_message(sqs: Any) -> None:
    url = await queue(sqs, "trouble", "a")

    async def busy(body: str) -> None:
        raise throttled("The store")

    with pytest.raises(DomainError) as raised:
        await handle_all(sqs, url, busy)

    assert raised.value.code == Code.THROTTLED
    handled: list[str] = []

    async def handle(body: str) -> None:
        handled.append(body)

    await handle_all(sqs, url, handle)
    assert handled == ["a"]


async def test_an_event_comes_as_eventbridge_sent_it_and_what_is_none_holds_up_nothing(
    aws: str, sqs: Any, caplog: pytest.LogCaptureFixture
) -> None:
    event = {"source": "aws.chime", "detail": {"eventType": "chime:MeetingEnded"}}
    made = await sqs.create_queue(QueueName="events")
    for body in ("no JSON", json.dumps(event), json.dumps({"Message": json.dumps(event)})):
        await sqs.send_message(QueueUrl=made["QueueUrl"], MessageBody=body)
    handled: list[Any] = []

    async def handle(body: Any) -> None:
        handled.append(body)

    async with open_chime_events(made["QueueUrl"], region=REGION, endpoint_url=aws) as events:
        await events.receive(handle)

    assert handled == [event, event]
    assert "a message could not be handled" in caplog.text


async def test_a_queue_that_does_not_answer_is_said(sqs: Any) -> None:
    async def handle(body: str) -> None:
        raise AssertionError

    with pytest.raises(DomainError) as raised:
        await handle_all(sqs, f"{sqs.meta.endpoint_url}/123456789012/unknown", handle)
    assert raised.value.code == Code.DEPENDENCY_FAILED
