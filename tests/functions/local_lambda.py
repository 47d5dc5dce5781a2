"""Lambda on this machine: its runtime API, and functions under the real `awslambdaric`, in processes of their own.

Init, invocations one by one, errors, time limits and containers that die are as on AWS; its sandbox, freezing and
concurrency are not.
"""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
from aiohttp import web

from tests.waiting import PATIENCE_SECONDS

ROOT = Path(__file__).parent.parent.parent
_API = "/2018-06-01/runtime"
_ARN = "arn:aws:lambda:eu-central-1:123456789012:function:local"


class FunctionFailed(Exception):
    """What AWS calls a function error; `error` is its JSON: errorType, errorMessage, stackTrace."""

    def __init__(self, error: Mapping[str, Any]) -> None:
        super().__init__(f"{error.get('errorType')}: {error.get('errorMessage')}")
        self.error = error


class LocalLambda:
    """One function with at most one container.

    Args:
        handler: dotted path.
        environ: its settings, besides those that Lambda gives.
        seconds: its timeout.
    """

    def __init__(self, handler: str, environ: Mapping[str, str], *, seconds: float = 30.0) -> None:
        self._handler = handler
        self._environ = environ
        self._seconds = seconds
        self._events: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue()
        self._answers: dict[str, asyncio.Future[bytes]] = {}
        self._process: asyncio.subprocess.Process | None = None
        self._ready: asyncio.Future[None] | None = None
        self._began = 0.0
        self.init_seconds = 0.0
        self.output = b""

    async def invoke(self, event: Any) -> Any:
        """The function's answer; a cold start first where there is no container.

        Raises:
            FunctionFailed: it raised, ran out of time, or its container died.
        """
        await self.warm()
        request_id = str(uuid4())
        answer = self._answers[request_id] = asyncio.get_running_loop().create_future()
        self._events.put_nowait((request_id, msgspec.json.encode(event)))
        try:
            async with asyncio.timeout(self._seconds):
                return msgspec.json.decode(await answer)
        except TimeoutError:
            await self.kill()
            raise FunctionFailed({"errorType": "Sandbox.Timedout", "errorMessage": "Task timed out"}) from None
        finally:
            del self._answers[request_id]

    async def kill(self) -> None:
        """The container dies at once, as when its machine does."""
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(signal.SIGKILL)
            await self._process.wait()
        self._process = None

    @property
    def pid(self) -> int:
        """Of the container's process."""
        assert self._process is not None
        return self._process.pid

    async def warm(self) -> None:
        """Returns when there is a container that waits for an event; `init_seconds` is how long it took to start.

        Raises:
            FunctionFailed: its init failed.
        """
        if self._process is not None and self._process.returncode is None:
            return
        self._ready = asyncio.get_running_loop().create_future()
        self._began = time.perf_counter()
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "awslambdaric",
            self._handler,
            cwd=ROOT,
            env=self._environment(),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        self._watching = asyncio.create_task(self._watch(self._process))
        async with asyncio.timeout(PATIENCE_SECONDS):
            await self._ready

    async def _watch(self, process: asyncio.subprocess.Process) -> None:
        """What it logs, and its end, which ends the calls that it was given."""
        assert process.stderr is not None
        while line := await process.stderr.readline():
            self.output += line
        await process.wait()
        died = FunctionFailed({"errorType": "Runtime.ExitError", "errorMessage": f"status {process.returncode}"})
        for answer in [self._ready, *self._answers.values()]:
            if answer is not None and not answer.done():
                answer.set_exception(died)

    def _environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        return {
            **kept,
            "AWS_LAMBDA_RUNTIME_API": self.address,
            "AWS_LAMBDA_FUNCTION_NAME": "local",
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1024",
            "LAMBDA_TASK_ROOT": str(ROOT),
            "PYTHONPATH": str(ROOT),
            "AWS_REGION": "eu-central-1",
            "AWS_ACCESS_KEY_ID": "emulated",
            "AWS_SECRET_ACCESS_KEY": "emulated",
            **self._environ,
        }

    # The runtime API

    async def _next(self, _: web.Request) -> web.Response:
        if self._ready is not None and not self._ready.done():
            self.init_seconds = time.perf_counter() - self._began
            self._ready.set_result(None)
        request_id, event = await self._events.get()
        headers = {
            "Lambda-Runtime-Aws-Request-Id": request_id,
            "Lambda-Runtime-Deadline-Ms": str(int((time.time() + self._seconds) * 1000)),
            "Lambda-Runtime-Invoked-Function-Arn": _ARN,
        }
        return web.Response(body=event, headers=headers, content_type="application/json")

    async def _response(self, request: web.Request) -> web.Response:
        answer = self._answers.get(request.match_info["id"])
        if answer is not None and not answer.done():
            answer.set_result(await request.read())
        return web.json_response({}, status=202)

    async def _error(self, request: web.Request) -> web.Response:
        answer = self._answers.get(request.match_info["id"])
        if answer is not None and not answer.done():
            answer.set_exception(FunctionFailed(await request.json()))
        return web.json_response({}, status=202)

    async def _init_error(self, request: web.Request) -> web.Response:
        if self._ready is not None and not self._ready.done():
            self._ready.set_exception(FunctionFailed(await request.json()))
        return web.json_response({}, status=202)

    @asynccontextmanager
    async def _served(self) -> "AsyncIterator[LocalLambda]":
        application = web.Application(client_max_size=8 * 1024 * 1024)
        application.add_routes(
            [
                web.get(f"{_API}/invocation/next", self._next),
                web.post(_API + "/invocation/{id}/response", self._response),
                web.post(_API + "/invocation/{id}/error", self._error),
                web.post(f"{_API}/init/error", self._init_error),
            ]
        )
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=0, handler_cancellation=True)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            self.address = f"127.0.0.1:{runner.addresses[0][1]}"
            yield self
        finally:
            await self.kill()
            await runner.cleanup()


@asynccontextmanager
async def local_lambda(
    handler: str, environ: Mapping[str, str] | None = None, *, seconds: float = 30.0
) -> AsyncIterator[LocalLambda]:
    """A function that is there until the context ends. Its first call is a cold start."""
    async with LocalLambda(handler, environ or {}, seconds=seconds)._served() as served:
        yield served
