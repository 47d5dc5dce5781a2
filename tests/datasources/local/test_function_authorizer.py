"""A Python function as Lambda authorizer."""

import asyncio
import logging
import threading
from typing import Any

import pytest

from datasources.local.function_authorizer import FunctionAuthorizer
from domain.errors import Code, DomainError

EVENT = {"authorizationToken": "ticket-7", "requestContext": {"variables": {"a": [1]}}}


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    return {"isAuthorized": True, "resolverContext": {"userId": event["authorizationToken"], "context": context}}


@pytest.mark.parametrize("name", ["sync", "sync_with_context", "awaited", "awaited_with_context"])
async def test_sync_and_async_functions_take_a_context_or_not(name: str) -> None:
    async def awaited(event: dict[str, Any]) -> Any:
        return {"isAuthorized": True}

    async def awaited_with_context(event: dict[str, Any], context: Any) -> Any:
        return {"isAuthorized": context is None}

    def sync(event: dict[str, Any]) -> Any:
        return {"isAuthorized": True}

    def sync_with_context(event: dict[str, Any], context: Any) -> Any:
        return {"isAuthorized": context is None}

    assert await FunctionAuthorizer(locals()[name]).authorize(EVENT) == {"isAuthorized": True}


async def test_a_function_is_loaded_by_its_name() -> None:
    authorizer = FunctionAuthorizer.load("tests.datasources.local.test_function_authorizer:handler")

    answer = await authorizer.authorize(EVENT)
    assert answer == {"isAuthorized": True, "resolverContext": {"userId": "ticket-7", "context": None}}


@pytest.mark.parametrize("name", ["json", "json:", ":loads", "json:nothing", "no_such_module:handler", "json:__name__"])
def test_a_name_of_nothing_is_refused_at_start(name: str) -> None:
    with pytest.raises(ValueError, match="Lambda authorizer"):
        FunctionAuthorizer.load(name)


async def test_a_function_that_blocks_does_not_block_the_server() -> None:
    release = threading.Event()

    def blocking(event: dict[str, Any]) -> Any:
        return {"isAuthorized": release.wait(10)}

    call = asyncio.create_task(FunctionAuthorizer(blocking).authorize(EVENT))
    await asyncio.sleep(0)
    release.set()
    assert await call == {"isAuthorized": True}


async def test_a_function_shares_nothing_with_the_server() -> None:
    def spoiling(event: dict[str, Any]) -> Any:
        event["requestContext"]["variables"]["a"].append(2)
        return {}

    await FunctionAuthorizer(spoiling).authorize(EVENT)
    assert EVENT["requestContext"] == {"variables": {"a": [1]}}


@pytest.mark.parametrize("answer", [KeyError("ticket-7"), {1, 2, object()}, object()])
async def test_a_function_that_fails_is_a_failed_dependency(answer: Any, caplog: pytest.LogCaptureFixture) -> None:
    def failing(event: dict[str, Any]) -> Any:
        if isinstance(answer, Exception):
            raise answer
        return answer

    with caplog.at_level(logging.DEBUG), pytest.raises(DomainError) as caught:
        await FunctionAuthorizer(failing).authorize(EVENT)

    assert caught.value.code is Code.DEPENDENCY_FAILED
    assert "raised" in caplog.text
    assert "ticket-7" not in caplog.text
