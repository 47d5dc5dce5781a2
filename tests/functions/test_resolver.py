"""The resolver function under the runtime client that Lambda uses."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import ClientSession, web

from datasources.aws.dynamodb import DynamoDBStore
from domain.callers import Caller, Mode
from tests.appsync.identities import identity
from tests.dynamodb_emulator import Emulator, emulated_store
from tests.functions.local_lambda import ROOT, FunctionFailed, LocalLambda, local_lambda
from tests.waiting import PATIENCE_SECONDS

pytestmark = pytest.mark.asyncio(loop_scope="module")

HANDLER = "app.functions.resolver.handler"
ADA = Caller(Mode.COGNITO, user_id="ada", groups=frozenset({"Mentors"}), username="ada")
COURSE = {"title": "Sailing", "level": "BEGINNER", "language": "en", "category": "Sports", "accessModel": "FREE"}


def event(coordinate: str, source: Any = None, **arguments: Any) -> dict[str, Any]:
    parent, _, field = coordinate.partition(".")
    told = identity(ADA)
    assert told is not None
    claims = {**told["claims"], "iat": 1_900_000_000, "exp": 4_000_000_000}
    return {
        "arguments": arguments,
        "identity": {**told, "claims": claims},
        "source": source,
        "request": {"headers": {"user-agent": "a test"}, "domainName": None},
        "prev": None,
        "info": {"fieldName": field, "parentTypeName": parent, "variables": {}, "selectionSetList": []},
        "stash": {},
    }


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def store(emulator: Emulator) -> AsyncIterator[DynamoDBStore]:
    async with emulated_store(emulator) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def resolver(store: DynamoDBStore, environ: dict[str, str]) -> AsyncIterator[LocalLambda]:
    async with local_lambda(HANDLER, environ) as function:
        yield function


async def new_course(resolver: LocalLambda, slug: str, **given: Any) -> dict[str, Any]:
    answer = await resolver.invoke(event("Mutation.createCourse", input={**COURSE, "slug": slug, **given}))
    assert "error" not in answer, answer
    course: dict[str, Any] = answer["data"]
    return course


async def test_a_field_and_a_batch_below_it(resolver: LocalLambda) -> None:
    first, second = await new_course(resolver, "sailing"), await new_course(resolver, "rowing")
    assert first["ownerId"] == "ada"

    answers = await resolver.invoke([event("Course.owner", first), event("Course.owner", second)])
    assert [answer["data"]["displayName"] for answer in answers] == ["ada", "ada"]
    strange = await resolver.invoke([event("Course.modules", first), event("Course.modules", first, limit=1_000)])
    assert strange[0]["data"]["items"] == []
    assert strange[1]["error"]["errorType"] == "BAD_REQUEST"


async def test_an_error_with_its_type_and_info(resolver: LocalLambda) -> None:
    await new_course(resolver, "diving")
    answer = await resolver.invoke(event("Mutation.createCourse", input={**COURSE, "slug": "diving"}))

    assert answer["error"]["errorType"] == "SLUG_TAKEN"
    assert answer["error"]["errorInfo"]["retryable"] is False


async def test_the_gate_of_a_subscription(resolver: LocalLambda) -> None:
    own = await resolver.invoke(event("Subscription.onNotification", userId="ada"))
    assert own["data"] is None
    assert own["ends"]["filterGroup"]

    another = await resolver.invoke(event("Subscription.onNotification", userId="ben"))
    assert another["error"]["errorType"] == "FORBIDDEN"


async def test_what_is_no_event_of_appsyncs_fails_the_invocation(resolver: LocalLambda) -> None:
    with pytest.raises(FunctionFailed) as failed:
        await resolver.invoke({"query": "{ getMe { id } }"})
    assert failed.value.error["errorType"] == "BadEvent"


async def test_a_container_that_dies_between_commit_and_answer(
    store: DynamoDBStore, emulator: Emulator, environ: dict[str, str]
) -> None:
    """The client asks again with its token, in another container, and is told what was done."""
    asked = event("Mutation.createCourse", input={**COURSE, "slug": "rowing-2", "clientToken": "one-and-the-same"})
    async with fatal_commits(emulator) as fatal, local_lambda(HANDLER, environ | {"AWS_ENDPOINT_URL": fatal.url}) as it:
        fatal.function = it
        with pytest.raises(FunctionFailed) as failed:
            await it.invoke(asked)
        assert failed.value.error["errorType"] == "Runtime.ExitError"

        fatal.function = None
        course = (await it.invoke(asked))["data"]
        assert course["slug"] == "rowing-2"
        mine = (await it.invoke(event("Query.listMyTeachingCourses", limit=100)))["data"]["items"]
        assert [each["id"] for each in mine if each["slug"] == "rowing-2"] == [course["id"]]


async def test_only_what_a_lambda_needs_is_imported(environ: dict[str, str], store: DynamoDBStore) -> None:
    code = "import json, sys, app.functions.resolver; print(json.dumps(sorted(sys.modules)))"
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        code,
        cwd=ROOT,
        env={**environ, "AWS_ACCESS_KEY_ID": "emulated", "AWS_SECRET_ACCESS_KEY": "emulated"},
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await asyncio.wait_for(process.communicate(), PATIENCE_SECONDS)
    imported = {name.partition(".")[0] for name in json.loads(output)}

    assert {"app", "graphql", "aiobotocore"} <= imported
    servers = {"starlette", "strawberry", "uvicorn", "uvloop", "httptools", "websockets", "broadcaster", "redis"}
    engines = {"dlib", "numpy", "PIL", "av", "pywebpush", "aiosmtplib", "jwt", "emoji", "phonenumbers"}
    assert imported.isdisjoint(servers | engines)


class FatalCommits:
    """DynamoDB, whose answer to a transaction kills the function that asked."""

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator
        self.function: LocalLambda | None = None
        self.url = ""

    async def answer(self, request: web.Request) -> web.Response:
        body = await request.read()
        async with (
            ClientSession() as http,
            http.post(self._emulator.url, data=body, headers=request.headers, skip_auto_headers=["Accept"]) as answered,
        ):
            content = await answered.read()
            is_commit = request.headers["X-Amz-Target"].endswith("TransactWriteItems")
            if is_commit and b"one-and-the-same" in body and self.function is not None:
                await self.function.kill()
            kept = {name: value for name, value in answered.headers.items() if name.lower().startswith("x-amz")}
            return web.Response(
                status=answered.status, body=content, headers=kept, content_type="application/x-amz-json-1.0"
            )


def fatal_commits(emulator: Emulator) -> "_Running":
    return _Running(FatalCommits(emulator))


class _Running:
    def __init__(self, fatal: FatalCommits) -> None:
        self._fatal = fatal

    async def __aenter__(self) -> FatalCommits:
        application = web.Application(client_max_size=8 * 1024 * 1024)
        application.router.add_post("/", self._fatal.answer)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0, handler_cancellation=True)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self._fatal.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self._fatal

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()
