"""The other functions under the runtime client that Lambda uses."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.functions.local_lambda import local_lambda
from tests.functions.test_web import event
from tests.functions.test_working import message

EVENTS = "https://sqs.eu-central-1.amazonaws.com/123456789012/meeting-events"


async def test_an_authorizer_says_whom_a_token_stands_for() -> None:
    environ = {"LAMBDA_AUTHORIZER": "tests.clients.authorizer:authorize"}
    context = {"apiId": "api", "requestId": "1", "queryString": "{ getMe { id } }", "variables": {}}

    async with local_lambda("app.functions.authorizer.handler", environ) as authorizer:
        ada = await authorizer.invoke({"authorizationToken": "letmein:ada:Mentors", "requestContext": context})
        stranger = await authorizer.invoke({"authorizationToken": "letmein", "requestContext": context})
        nothing = await authorizer.invoke({})

    assert ada == {
        "isAuthorized": True,
        "resolverContext": {"userId": "ada", "groups": "Mentors"},
        "deniedFields": ["Mutation.updateSettings"],
        "ttlOverride": 0,
    }
    assert stranger["isAuthorized"] is False
    assert nothing["isAuthorized"] is False


async def test_only_messages_that_failed_come_again(environ: dict[str, str], dynamodb_store: object) -> None:
    chime = {"MEETINGS": "chime", "MEETING_EVENTS_QUEUE_URL": EVENTS}
    another = {"detail-type": "Something else", "detail": {}}

    async with local_lambda("app.functions.queue.handler", environ | chime) as queue:
        records = [message(json.dumps(another), 1, EVENTS), message("no JSON", 2, EVENTS)]
        answer = await queue.invoke({"Records": records})

    assert answer == {"batchItemFailures": [{"itemIdentifier": "message-2"}]}


@pytest.mark.parametrize(
    ("name", "given", "answer"),
    [
        ("changes", {"Records": []}, {"batchItemFailures": []}),
        ("schedule", {"steps": ["exports"]}, None),
        ("web", event("GET", "/playback/no-such-token/master.m3u8"), {"statusCode": 404}),
    ],
)
async def test_every_other_function_starts_and_answers(name: str, given: Any, answer: Any, tmp_path: Path) -> None:
    environ = {"DATA_DIR": str(tmp_path), "LOCAL_ISSUER": "false", "LOG_LEVEL": "WARNING"}

    async with local_lambda(f"app.functions.{name}.handler", environ) as function:
        found = await function.invoke(given)

    assert found == answer or found.items() >= answer.items()
    assert function.output == b""
