"""One process of a Lambda function: one event loop, and what is open on it for all of its calls."""

import asyncio
import gc
import os
import pkgutil
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from typing import Any, Protocol

from app import logs
from app.functions.secret_settings import with_secrets
from app.garbage import collect_seldom
from app.settings import Settings

SPARE_SECONDS = 1.0
"""Before Lambda ends a call, so that it is answered."""


class LambdaContext(Protocol):
    """What Lambda passes with an event."""

    aws_request_id: str

    def get_remaining_time_in_millis(self) -> int: ...


class Container:
    """What a function's calls need, opened now and kept until Lambda ends the process.

    Args:
        opening: `module:function`, which makes an async context manager of the settings. It is named and not given,
            because its imports are made here too: without the garbage collector, which finds nothing meanwhile and
            takes a sixth of the time.
    """

    def __init__(self, opening: str) -> None:
        self._runner = asyncio.Runner()
        self._open = AsyncExitStack()
        gc.disable()
        try:
            settings = settings_of(self._runner.run(with_secrets(os.environ)))
            logs.configure(settings.log_level)
            opened = pkgutil.resolve_name(opening)(settings)
            self._opened = self._runner.run(self._open.enter_async_context(opened))
        finally:
            gc.freeze()
            collect_seldom()
            gc.enable()

    def run(self, call: Callable[[Any], Awaitable[Any]], context: LambdaContext) -> Any:
        """The call's result, given what was opened. Raises TimeoutError when Lambda's time is nearly over."""
        return self._runner.run(self._within(call, context))

    async def _within(self, call: Callable[[Any], Awaitable[Any]], context: LambdaContext) -> Any:
        logs.request_id.set(context.aws_request_id)
        async with asyncio.timeout(max(0.0, context.get_remaining_time_in_millis() / 1000 - SPARE_SECONDS)):
            return await call(self._opened)


def settings_of(environ: Mapping[str, str]) -> Settings:
    """A function listens on no address, so nobody has to choose one. Raises SettingsFault."""
    return Settings.load({"HOST": "127.0.0.1", **environ})
