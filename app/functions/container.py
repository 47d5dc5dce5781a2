"""One process of a Lambda function: one event loop, and what is open on it for all of its calls."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Any, Generic, Protocol, TypeVar

from app import logs
from app.settings import Settings

T = TypeVar("T")

SPARE_SECONDS = 1.0
"""Before Lambda ends a call, so that it is answered."""


class LambdaContext(Protocol):
    """What Lambda passes with an event."""

    aws_request_id: str

    def get_remaining_time_in_millis(self) -> int: ...


class Container(Generic[T]):
    """Opens `T` now, and keeps it until Lambda ends the process."""

    def __init__(self, opening: Callable[[Settings], AbstractAsyncContextManager[T]]) -> None:
        settings = settings_of(os.environ)
        logs.configure(settings.log_level)
        self._runner = asyncio.Runner()
        self._open = AsyncExitStack()
        self._opened = self._runner.run(self._open.enter_async_context(opening(settings)))

    def run(self, call: Callable[[T], Awaitable[Any]], context: LambdaContext) -> Any:
        """The call's result. Raises TimeoutError when Lambda's time is nearly over."""
        return self._runner.run(self._within(call, context))

    async def _within(self, call: Callable[[T], Awaitable[Any]], context: LambdaContext) -> Any:
        logs.request_id.set(context.aws_request_id)
        async with asyncio.timeout(max(0.0, context.get_remaining_time_in_millis() / 1000 - SPARE_SECONDS)):
            return await call(self._opened)


def settings_of(environ: Mapping[str, str]) -> Settings:
    """A function listens on no address, so nobody has to choose one. Raises SettingsFault."""
    return Settings.load({"HOST": "127.0.0.1", **environ})
