"""Queues that others fill, over moto's SQS: Chime's events among them."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import aioboto3
import pytest
from moto.server import ThreadedMotoServer

from datasources.aws.chime_events import ChimeEvents
from datasources.aws.queue_messages import Queue, open_queue
from domain.errors import Code, DomainError, throttled

REGION = "eu-central-1"
SECONDS = 15
"""Less than the queue is listened to, and enough for a busy machine."""


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


async def queue(sqs: Any, name: str, *bodies: str, wait_seconds: int = 0) -> Queue:
    """What is not handled comes again at once."""
    made = await sqs.create_queue(QueueName=name, Attributes={"VisibilityTimeout": "0"})
    for body in bodies:
        await sqs.send_message(QueueUrl=made["QueueUrl"], MessageBody=body)
    return Queue(sqs, made["QueueUrl"], wait_seconds=wait_seconds)


async def test_what_is_handled_comes_once(sqs: Any) -> None:
    waiting = await queue(sqs, "once", *(str(number) for number in range(25)))
    handled: list[str] = []

    async def handle(body: str) -> None:
        handled.append(body)

    assert await waiting.handle_all(handle) == 25
    assert await waiting.handle_all(handle) == 0
    assert sorted(handled, key=int) == [str(number) for number in range(25)]


async def test_an_empty_queue_is_listened_to_until_something_comes(sqs: Any) -> None:
    waiting = await queue(sqs, "later", wait_seconds=20)
    handled: list[str] = []

    async def handle(body: str) -> None:
        handled.append(body)

    listening = asyncio.create_task(waiting.handle_all(handle))
    await asyncio.sleep(0.1)
    assert not listening.done()
    await queue(sqs, "later", "a")
    async with asyncio.timeout(SECONDS):
        assert await listening == 1
    assert handled == ["a"]


async def test_listening_ends_at_once_when_it_is_cancelled(sqs: Any) -> None:
    async def handle(body: str) -> None:
        raise AssertionError

    listening = asyncio.create_task((await queue(sqs, "quiet", wait_seconds=20)).handle_all(handle))
    await asyncio.sleep(0.1)
    listening.cancel()
    async with asyncio.timeout(SECONDS):
        await asyncio.gather(listening, return_exceptions=True)
    assert listening.cancelled()


async def test_trouble_that_passes_stops_and_leaves_the_message(sqs: Any) -> None:
    waiting = await queue(sqs, "trouble", "a")

    async def busy(body: str) -> None:
        raise throttled("The store")

    with pytest.raises(DomainError) as raised:
        await waiting.handle_all(busy)

    assert raised.value.code == Code.THROTTLED
    handled: list[str] = []

    async def handle(body: str) -> None:
        handled.append(body)

    await waiting.handle_all(handle)
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

    async with open_queue(made["QueueUrl"], region=REGION, endpoint_url=aws, wait_seconds=0) as opened:
        await ChimeEvents(opened).receive(handle)

    assert handled == [event, event]
    assert "a message could not be handled" in caplog.text


async def test_a_queue_that_does_not_answer_is_said(sqs: Any) -> None:
    async def handle(body: str) -> None:
        raise AssertionError

    with pytest.raises(DomainError) as raised:
        await Queue(sqs, f"{sqs.meta.endpoint_url}/123456789012/unknown", wait_seconds=0).handle_all(handle)
    assert raised.value.code == Code.DEPENDENCY_FAILED
