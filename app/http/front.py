"""What holds for every HTTP request: an id, CORS, safe headers, one access line, and no bare exception."""

import asyncio
import logging
import os
import re
import time
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app import logs
from app.http.cors import Cors
from app.http.head import Head
from app.http.headers import NOSNIFF, Headers
from app.http.replies import (
    ACCESS_LINE,
    COMMON_HEADERS,
    HEAD,
    OVERLOADED,
    REQUEST_ID,
    ClientGone,
    Refusal,
    overloaded,
)
from datasources.playback import PATH as PLAYBACK_PATH

log = logging.getLogger(__name__)

CLIENT_GONE = 499
"""In access log and traces only, as nginx writes it: the client hung up before its request was whole."""

_IDS_AT_A_TIME = 256
_UUID = re.compile("(.{8})(.{4}).(.{3}).(.{3})(.{12})")
_TO_OWN_PAGES = Headers(NOSNIFF)

GRAPHQL_PATH = "/graphql"
FILES_PATH = "/files/"
_PATHS_OF_LINKS = (FILES_PATH, PLAYBACK_PATH)
"""Who knows the rest of such a path may read what it leads to."""
_PAGE_ERRORS = {404: "NotFoundException", 405: "MethodNotAllowedException"}
_HEALTH_PATHS = frozenset({"/ping", "/livez", "/readyz"})
_OPEN_PATH = re.compile(r"/(?:graphql(?:/.*)?|multipart/.*|ping|\.well-known/.*)")
"""Paths that other origins may read. GraphiQL's are not among them: they hand out a token."""
_SAFE_PATH = re.compile(r"/(?:(?:graphql|multipart)(?:/[a-z]{1,20})?|ping|livez|readyz)")
"""Paths that hold nothing of the caller's; what else somebody asks for may hold a key."""


class Front:
    """The outermost ASGI application.

    Args:
        graphql: answers /graphql; apart from the rest because every microsecond counts there.
        pages: answers all other paths.
        files: answers /files/; None where files are elsewhere.
        files_cors: what pages of other origins may do there.
        access_log: is told of every request, when it is answered.
    """

    def __init__(
        self,
        graphql: ASGIApp,
        pages: ASGIApp,
        cors: Cors,
        access_log: logs.AccessLog,
        files: ASGIApp | None = None,
        files_cors: Cors | None = None,
    ) -> None:
        self._access_log = access_log
        self._files = files
        self._files_cors = files_cors or cors
        self._graphql = graphql
        self._pages = pages
        self._cors = cors
        self._ids = _new_ids()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._pages(scope, receive, send)
        began = time.perf_counter()
        request_id = next(self._ids)
        logs.request_id.set(request_id)
        path: str = scope["path"]
        is_graphql = path == GRAPHQL_PATH
        line = logs.AccessLine(
            request_id=request_id, method=scope["method"], path=path if is_graphql else _shown(path), status=0
        )
        if is_graphql or _OPEN_PATH.fullmatch(path):
            headers = self._cors.headers(scope["headers"])
        elif path.startswith(FILES_PATH):
            headers = self._files_cors.headers(scope["headers"])
        else:
            headers = _TO_OWN_PAGES
        state: dict[str, Any] = scope.setdefault("state", {})
        if HEAD not in state:
            state[HEAD] = Head.of(scope)
        state[REQUEST_ID] = request_id
        state[ACCESS_LINE] = line
        state[COMMON_HEADERS] = headers
        send_with_headers = partial(_send_with_headers, state, send)
        try:
            if is_graphql and OVERLOADED not in state:
                await self._graphql(scope, receive, send_with_headers)
            else:
                await self._others(scope, receive, send_with_headers)
        except Refusal as refusal:
            await refusal.reply(request_id).send(scope, send_with_headers)
        except ClientGone:
            line.status = CLIENT_GONE
        except asyncio.CancelledError:  # the server ends and waits no longer
            if not line.status:
                await overloaded("The server is going away.").reply(request_id).send(scope, send_with_headers)
        except Exception:
            log.exception("unhandled exception")
            if line.status:
                raise  # half an answer is out; the connection has to break
            failure = Refusal(
                500, "INTERNAL_ERROR", "Internal error.", info={"requestId": request_id, "retryable": True}
            )
            await failure.reply(request_id).send(scope, send_with_headers)
        finally:
            line.ms = int((time.perf_counter() - began) * 100_000) / 100
            self._access_log(line)
        return None

    async def _others(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        if OVERLOADED in scope["state"] and path not in _HEALTH_PATHS:
            raise overloaded("The server has too many connections.")
        if self._files is not None and path.startswith(FILES_PATH):
            return await self._files(scope, receive, send)
        try:
            await self._pages(scope, receive, send)
        except HTTPException as error:
            raise Refusal(
                error.status_code, _PAGE_ERRORS.get(error.status_code, "BadRequestException"), error.detail
            ) from error
        return None


async def _send_with_headers(state: Mapping[str, Any], send: Send, message: Message) -> None:
    """For the access line and with the headers that are in the request's state."""
    if message["type"] == "http.response.start":
        state[ACCESS_LINE].status = message["status"]
        own = (b"x-amzn-requestid", state[REQUEST_ID].encode())
        message["headers"] = [*message["headers"], own, *state[COMMON_HEADERS].pairs]
    await send(message)


def _shown(path: str) -> str:
    """What the access line tells of a path."""
    if _SAFE_PATH.fullmatch(path):
        return path
    beginning = next((each for each in _PATHS_OF_LINKS if path.startswith(each)), None)
    return beginning or logs.redact(path[:200])


def _new_ids() -> Iterator[str]:
    """Random UUIDs without end. The system is asked for many at a time: a call to it also lets other threads in, and
    then waits for its turn.
    """
    while True:
        yield from _UUID.sub(r"\1-\2-4\3-a\4-\5 ", os.urandom(16 * _IDS_AT_A_TIME).hex()).split()
