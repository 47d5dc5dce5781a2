"""A Lambda authorizer that is a Python function of the operator, called in this process.

The function sees what it would see on AWS Lambda: a JSON event, a context argument if it takes one (None
here), and nothing shared with the server, so the same file can be deployed there unchanged.
"""

import asyncio
import importlib
import inspect
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec

from domain.errors import dependency_failed

MAX_THREADS = 16
_log = logging.getLogger(__name__)


class FunctionAuthorizer:
    """Calls an async function on the event loop, any other in one of 16 threads of its own.

    A thread whose call has been given up is busy until the function returns; when all are, calls wait for
    the time that their caller allows.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self._is_async = inspect.iscoroutinefunction(function)
        self._function = function
        self._context = (None,) if _takes_context(function) else ()
        self._threads = ThreadPoolExecutor(MAX_THREADS, thread_name_prefix="authorizer")

    @classmethod
    def load(cls, name: str) -> "FunctionAuthorizer":
        """From `module:function`. Raises ValueError when there is no such function."""
        module, separator, function = name.partition(":")
        if not (separator and module and function):
            raise ValueError("A Lambda authorizer is named as module:function.")
        try:
            found = getattr(importlib.import_module(module), function)
        except (ImportError, AttributeError) as error:
            raise ValueError(f"The Lambda authorizer {name} cannot be imported: {error}.") from error
        if not callable(found):
            raise ValueError(f"The Lambda authorizer {name} is no function.")
        return cls(found)

    async def authorize(self, event: Mapping[str, Any]) -> Any:
        own_event = msgspec.json.decode(msgspec.json.encode(event))
        try:
            if self._is_async:
                answer = await self._function(own_event, *self._context)
            else:
                loop = asyncio.get_running_loop()
                answer = await loop.run_in_executor(self._threads, self._function, own_event, *self._context)
            return msgspec.json.decode(msgspec.json.encode(answer))
        except Exception as error:
            # The operator's code may raise anything. Its text may hold the token, so only its kind is told.
            _log.warning("The Lambda authorizer raised %s.", type(error).__name__)
            raise dependency_failed("The Lambda authorizer") from None


def _takes_context(function: Callable[..., Any]) -> bool:
    """Lambda handlers take (event, context); a plain function may leave the second out."""
    try:
        inspect.signature(function).bind(None, None)
    except TypeError:
        return False
    return True
