"""A DynamoDB endpoint that answers as a test says, to show what the adapter makes of faults."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aioboto3
from aiohttp import web

from datasources.aws.dynamodb import DynamoDBStore, open_dynamodb

REGION = "eu-central-1"


class Answer:
    """One answer. `hang`: none at all. `drop`: the connection ends amid it."""

    def __init__(self, body: Any = None, *, status: int = 200, hang: bool = False, drop: bool = False) -> None:
        self.body = body if isinstance(body, bytes) else json.dumps(body or {}).encode()
        self.status = status
        self.hang = hang
        self.drop = drop


def error(code: str, *, status: int = 400, **more: Any) -> Answer:
    body = {"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": "with the secret key ada", **more}
    return Answer(body, status=status)


class Script:
    """What will be answered, and what was asked.

    Attributes:
        answers: one for each request; the last one is given again and again.
        requests: operation and body, in order.
        asked: set by the first of them.
        closing: set when the test is over.
    """

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.requests: list[tuple[str, dict[str, Any]]] = []
        self.asked = asyncio.Event()
        self.closing = asyncio.Event()
        self.url = ""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        operation = request.headers["X-Amz-Target"].rpartition(".")[2]
        self.requests.append((operation, json.loads(await request.read())))
        self.asked.set()
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if answer.hang:
            await self.closing.wait()
        response = web.StreamResponse(status=answer.status, headers={"Content-Type": "application/x-amz-json-1.0"})
        response.content_length = len(answer.body) + (10 if answer.drop else 0)
        await response.prepare(request)
        await response.write(answer.body)
        if answer.drop:
            assert request.transport is not None
            request.transport.abort()
        return response

    @property
    def operations(self) -> list[str]:
        return [operation for operation, _ in self.requests]


@asynccontextmanager
async def scripted_store(session: aioboto3.Session) -> AsyncIterator[tuple[DynamoDBStore, Script]]:
    script = Script()
    application = web.Application()
    application.router.add_post("/", script.handle)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    script.url = f"http://{host}:{port}"
    try:
        async with open_dynamodb(region=REGION, prefix="t-", endpoint_url=script.url, session=session) as store:
            yield store, script
    finally:
        script.closing.set()
        await runner.cleanup()
