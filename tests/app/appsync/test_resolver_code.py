"""The code that AppSync runs around the resolver function, under Node with a stand-in for AppSync's own library."""

import asyncio
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.waiting import PATIENCE_SECONDS

CODE = Path(__file__).parents[3] / "infra" / "appsync_js" / "resolver.js"
LIBRARY = """
export const calls = [];
export const util = {
  error(message, errorType, data, errorInfo) { throw { message, errorType, data, errorInfo }; },
};
export const extensions = new Proxy({}, { get: (_, name) => (argument) => calls.push([name, argument]) });
"""
RUN = """
import { calls } from '@aws-appsync/utils';
import * as resolver from './resolver.mjs';
const [side, ctx] = JSON.parse(process.argv[2]);
let answer;
try { answer = { value: resolver[side](ctx) }; } catch (error) { answer = { error }; }
console.log(JSON.stringify({ ...answer, calls }));
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("node") is None:
        pytest.skip("Node.js is missing")
    folder = tmp_path_factory.mktemp("appsync_js")
    library = folder / "node_modules" / "@aws-appsync" / "utils"
    library.mkdir(parents=True)
    (library / "index.js").write_text(LIBRARY)
    (library / "package.json").write_text('{"type": "module", "main": "index.js"}')
    (folder / "resolver.mjs").write_text(CODE.read_text())
    (folder / "run.mjs").write_text(RUN)
    return folder


async def run(folder: Path, side: str, ctx: dict[str, Any]) -> dict[str, Any]:
    process = await asyncio.create_subprocess_exec(
        "node", "run.mjs", json.dumps([side, ctx]), cwd=folder, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await asyncio.wait_for(process.communicate(), PATIENCE_SECONDS)
    answer: dict[str, Any] = json.loads(output)
    return answer


CONTEXT = {
    "args": {"id": "c1"},
    "identity": None,
    "source": None,
    "request": {"headers": {}, "domainName": None},
    "prev": None,
    "info": {"fieldName": "getCourse", "parentTypeName": "Query", "variables": {}},
    "stash": {},
}


@pytest.mark.parametrize(
    ("parent", "operation"),
    [("Query", "Invoke"), ("Mutation", "Invoke"), ("Subscription", "Invoke"), ("Course", "BatchInvoke")],
)
async def test_only_what_lies_below_a_root_field_is_asked_for_in_batches(
    folder: Path, parent: str, operation: str
) -> None:
    info = {**CONTEXT["info"], "parentTypeName": parent}  # type: ignore[dict-item]
    sent = (await run(folder, "request", {**CONTEXT, "info": info}))["value"]

    assert sent["operation"] == operation
    assert sent["payload"] == {**{name: CONTEXT[name] for name in CONTEXT if name != "args"}, "info": info} | {
        "arguments": CONTEXT["args"]
    }


async def test_a_value_is_given_as_it_is(folder: Path) -> None:
    answer = await run(folder, "response", {"result": {"data": {"id": "c1"}}})

    assert answer == {"value": {"id": "c1"}, "calls": []}


async def test_an_error_keeps_its_type_and_info(folder: Path) -> None:
    error = {"message": "The course is full.", "errorType": "COURSE_FULL", "errorInfo": {"courseId": "c1"}}
    answer = await run(folder, "response", {"result": {"data": None, "error": error}})

    assert answer["error"] == {**error, "data": None}


@pytest.mark.parametrize("context", [{"error": {"type": "Lambda:Unhandled"}, "result": None}, {"result": None}])
async def test_a_function_that_gave_no_answer_may_be_asked_again(folder: Path, context: dict[str, Any]) -> None:
    answer = await run(folder, "response", context)

    assert answer["error"]["errorType"] == "DEPENDENCY_FAILED"
    assert answer["error"]["errorInfo"] == {"service": "AWS Lambda", "retryable": True}


async def test_a_subscription_begins_with_its_filter_and_what_ends_it(folder: Path) -> None:
    heard, ends = {"filterGroup": [{"filters": ["one"]}]}, {"filterGroup": [{"filters": ["another"]}]}
    answer = await run(folder, "response", {"result": {"data": None, "filter": heard, "ends": ends}})

    assert answer["value"] is None
    assert answer["calls"] == [["setSubscriptionFilter", heard], ["setSubscriptionInvalidationFilter", ends]]


async def test_a_mutation_ends_subscriptions_also_where_it_fails(folder: Path) -> None:
    ended = [{"subscriptionField": "onMessage", "payload": {"userId": "ada"}}]
    answer = await run(folder, "response", {"result": {"data": None, "ended": ended, "error": {"message": "No."}}})

    assert answer["calls"] == [["invalidateSubscriptions", ended[0]]]
    assert answer["error"]["message"] == "No."
