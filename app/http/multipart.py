"""POST /multipart/init, /multipart/parts and /multipart/complete: uploads in parts for clients that know no GraphQL.

Each is a few operations of the schema, executed for the same caller by the same rules. Answers are plain JSON, and an
error is the one of /graphql under HTTP's own status.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import orjson
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from app.auth.credentials import Operation
from app.execution import GraphQLRequest
from app.http import body as bodies
from app.http.cors import Cors
from app.http.headers import Header
from app.http.reception import Reception, Service
from app.http.replies import ACCESS_LINE, REQUEST_ID, Reply, method_not_allowed, reply_headers
from domain.callers import MODE_NAMES, Caller
from domain.errors import Code
from domain.file_keys import incoming
from domain.uploads import MOST_SIGNED

METHODS = "POST, OPTIONS"

INITIATE = "mutation ($input: InitiateUploadInput!) { initiateUpload(input: $input) { id partSizeBytes partCount } }"
SIGN = """mutation ($input: SignUploadPartsInput!) {
  signUploadParts(input: $input) { partNumber request { url headers { name value } } } }"""
COMPLETE = "mutation ($input: CompleteUploadInput!) { completeUpload(input: $input) { id status media { id status } } }"

_DECLARED = ("kind", "purpose", "fileName", "contentType", "sizeBytes", "partSizeBytes", "checksum", "clientToken")
_KINDS = {"video": "VIDEO", "audio": "AUDIO", "image": "IMAGE"}
_STATUS = {
    "FORBIDDEN": 403,
    "Unauthorized": 403,
    "ACCOUNT_SUSPENDED": 403,
    "QUOTA_EXCEEDED": 403,
    "NOT_FOUND": 404,
    "IDEMPOTENCY_MISMATCH": 409,
    "UPLOAD_INCOMPLETE": 409,
    "UPLOAD_NOT_OPEN": 409,
    "RATE_LIMITED": 429,
    "INTERNAL_ERROR": 500,
    "DEPENDENCY_FAILED": 503,
    "THROTTLED": 503,
    "TIMEOUT": 503,
}
"""By errorType; 400 for every other."""

Run = Callable[[str, Mapping[str, Any]], Awaitable[Any]]
"""`run(mutation, input)`: what its one field answers. Raises `_Failed`."""


class _Failed(Exception):
    """An operation did not succeed; `payload` is GraphQL's answer."""

    def __init__(self, payload: Mapping[str, Any]) -> None:
        super().__init__("the operation failed")
        self.payload = payload


class Multipart:
    """The three paths."""

    def __init__(self, service: Service, reception: Reception, cors: Cors) -> None:
        self._service = service
        self._reception = reception
        self._cors = cors

    def routes(self) -> list[Route]:
        return [
            Route("/multipart/init", _Path(self, INITIATE, _init)),
            Route("/multipart/parts", _Path(self, SIGN, _parts)),
            Route("/multipart/complete", _Path(self, COMPLETE, _complete)),
        ]

    async def reply(self, scope: Scope, receive: Receive, path: "_Path") -> Reply:
        if scope["method"] == "OPTIONS":
            return self._cors.preflight(scope["headers"])
        if scope["method"] != "POST":
            raise method_not_allowed(METHODS)
        body = await self._reception.body(scope, receive)
        with self._reception:
            caller = await self._reception.caller(scope, body, path.shown)
            scope["state"][ACCESS_LINE].mode = MODE_NAMES[caller.mode]
            given = bodies.json_object(body)
            try:
                answer = await path.answer(self._runner(caller, scope["state"][REQUEST_ID]), caller, given)
            except _Failed as failed:
                return _refusal(failed.payload)
        return Reply(200, orjson.dumps(answer))

    def _runner(self, caller: Caller, request_id: str) -> Run:
        async def run(mutation: str, given: Mapping[str, Any]) -> Any:
            answer = await self._service.execute(GraphQLRequest(mutation, {"input": given}), caller, request_id)
            if "errors" in answer.content:
                raise _Failed(answer.content)
            [value] = answer.content["data"].values()
            return value

        return run


class _Path:
    """One path as an ASGI application."""

    def __init__(
        self,
        multipart: Multipart,
        operation: str,
        answer: Callable[[Run, Caller, Mapping[str, Any]], Awaitable[dict[str, Any]]],
    ) -> None:
        self._operation = operation
        self.answer = answer
        self._multipart = multipart

    def shown(self, scope: Scope, body: bytes) -> Operation:
        """What a Lambda authorizer is told."""
        return Operation(self._operation)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        reply = await self._multipart.reply(scope, receive, self)
        await reply.send(scope, send)


async def _init(run: Run, caller: Caller, given: Mapping[str, Any]) -> dict[str, Any]:
    declared = {name: given[name] for name in _DECLARED if name in given}
    main_type = str(given.get("contentType", "")).partition("/")[0].lower()
    usual = {"kind": _KINDS.get(main_type, "DOCUMENT"), "purpose": "LESSON"}
    upload = await run(INITIATE, {**usual, **declared, "multipart": True})
    first = range(1, min(upload["partCount"], MOST_SIGNED) + 1)
    return {
        "uploadId": upload["id"],
        "fileKey": incoming(caller.id, upload["id"]),
        "partSizeBytes": int(upload["partSizeBytes"]),
        "partCount": upload["partCount"],
        "presignedUrls": await _signed(run, upload["id"], [{"partNumber": number} for number in first]),
    }


async def _parts(run: Run, caller: Caller, given: Mapping[str, Any]) -> dict[str, Any]:
    return {"presignedUrls": await _signed(run, given.get("uploadId"), given.get("parts"))}


async def _complete(run: Run, caller: Caller, given: Mapping[str, Any]) -> dict[str, Any]:
    asked = {name: given[name] for name in ("uploadId", "parts", "checksum") if name in given}
    upload = await run(COMPLETE, asked)
    return {"uploadId": upload["id"], "status": upload["status"], "media": upload["media"]}


async def _signed(run: Run, upload_id: Any, parts: Any) -> list[dict[str, Any]]:
    return [
        {
            "partNumber": part["partNumber"],
            "url": part["request"]["url"],
            "headers": {header["name"]: header["value"] for header in part["request"]["headers"]},
        }
        for part in await run(SIGN, {"uploadId": upload_id, "parts": parts})
    ]


def _refusal(payload: Mapping[str, Any]) -> Reply:
    """GraphQL names no type for a value that does not fit its own; here that is bad input like any other."""
    error = {"errorType": Code.BAD_REQUEST.value, **payload["errors"][0]}
    error_type, info = error["errorType"], error.get("errorInfo") or {}
    headers: tuple[Header, ...] = ((b"x-amzn-errortype", error_type.encode()),)
    if "retryAfterSeconds" in info:
        headers += ((b"retry-after", str(info["retryAfterSeconds"]).encode()),)
    return Reply(_STATUS.get(error_type, 400), orjson.dumps({"errors": [error]}), reply_headers(*headers))
