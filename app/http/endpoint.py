"""POST and GET /graphql, as AppSync answers them.

The order is: size, credentials, rate, parsing, execution. Whoever may not call learns nothing from a parser.
"""

import re
from collections.abc import Hashable, Mapping
from typing import Protocol

import orjson
from starlette.types import ASGIApp, Receive, Scope, Send

from app.auth.credentials import Credentials, Operation, ReadOperation
from app.auth.errors import Unauthenticated
from app.execution import Answer, GraphQLRequest
from app.http import body as bodies
from app.http.cors import Cors
from app.http.front import ACCESS_FIELDS, REQUEST_ID
from app.http.replies import Header, Refusal, Reply, method_not_allowed, overloaded, rate_limited
from domain.callers import Caller
from domain.errors import Code, DomainError
from domain.rate import RateLimiter

METHODS = "GET, POST, OPTIONS"

_ANSWERED: tuple[Header, ...] = ((b"x-amzn-appsync-tokensconsumed", b"1"), (b"vary", b"accept-encoding"))
_NAME = re.compile(r"[_A-Za-z][_0-9A-Za-z]{0,63}")


class Service(Protocol):
    """What the endpoint serves. app/wiring.py has the real one."""

    async def identify(self, credentials: Credentials, operation: ReadOperation) -> Caller:
        """Raises Unauthenticated, or DomainError when a dependency fails."""
        ...

    async def admit(self, caller: Caller) -> Caller:
        """The caller's account, looked at. Raises DomainError UNAUTHORIZED_REQUEST for a revoked session."""
        ...

    async def execute(self, request: GraphQLRequest, caller: Caller, request_id: str) -> Answer: ...


class GraphQLEndpoint:
    """One ASGI application for one path.

    Args:
        rate: of callers; `sign_in_failures` of addresses whose credentials are refused.
        page: for browsers that open the address; None: there is none.
        most_bytes: of a body.
        most_requests: worked on at once.
    """

    def __init__(
        self,
        service: Service,
        cors: Cors,
        *,
        rate: RateLimiter,
        sign_in_failures: RateLimiter,
        page: ASGIApp | None,
        most_bytes: int,
        most_requests: int,
    ) -> None:
        self._service = service
        self._cors = cors
        self._rate = rate
        self._sign_in_failures = sign_in_failures
        self._page = page
        self._most_bytes = most_bytes
        self._most_requests = most_requests
        self._working = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers: Mapping[bytes, bytes] = dict(scope["headers"])
        if self._page is not None and _wants_page(scope, headers):
            await self._page(scope, receive, send)
            return
        reply = await self._reply(scope, headers, receive)
        await reply.send(send)

    async def _reply(self, scope: Scope, headers: Mapping[bytes, bytes], receive: Receive) -> Reply:
        method = scope["method"]
        if method == "OPTIONS":
            return self._cors.preflight(headers)
        if method not in ("GET", "POST"):
            raise method_not_allowed(METHODS)
        body = await self._body(headers, receive) if method == "POST" else b""
        if self._working >= self._most_requests:
            raise overloaded("The server has too much to do.")
        self._working += 1
        try:
            return await self._served(scope, body)
        finally:
            self._working -= 1

    async def _body(self, headers: Mapping[bytes, bytes], receive: Receive) -> bytes:
        bodies.check_type(headers.get(b"content-type"))
        bodies.check_encoding(headers.get(b"content-encoding"))
        return await bodies.read(receive, headers.get(b"content-length"), self._most_bytes)

    async def _served(self, scope: Scope, body: bytes) -> Reply:
        def read() -> GraphQLRequest:
            if scope["method"] == "GET":
                return bodies.request_of_query_string(scope["query_string"])
            return bodies.request_of_json(body)

        request_id, fields = scope["state"][REQUEST_ID], scope["state"][ACCESS_FIELDS]
        caller = await self._caller(scope, body, lambda: _shown(read()))
        fields["mode"] = caller.mode.value
        request = read()
        if request.operation_name and _NAME.fullmatch(request.operation_name):
            fields["operation"] = request.operation_name
        return _executed(await self._service.execute(request, caller, request_id))

    async def _caller(self, scope: Scope, body: bytes, operation: ReadOperation) -> Caller:
        address = scope["client"][0] if scope["client"] else None
        credentials = Credentials.of_request(
            scope["method"],
            scope["raw_path"],
            scope["query_string"],
            scope["headers"],
            body,
            ip_address=address,
            request_id=scope["state"][REQUEST_ID],
        )
        try:
            caller = await self._service.identify(credentials, operation)
            if wait := self._rate.wait(_bucket(caller)):
                raise rate_limited(wait)
            return await self._service.admit(caller)
        except Unauthenticated as error:
            message = error.message
        except DomainError as error:
            if error.code is not Code.UNAUTHORIZED_REQUEST:
                raise _unavailable(error) from error
            message = error.message
        if wait := self._sign_in_failures.wait(address):
            raise rate_limited(wait)
        raise Refusal(401, Code.UNAUTHORIZED_REQUEST, message)


def _wants_page(scope: Scope, headers: Mapping[bytes, bytes]) -> bool:
    """A browser that was pointed at the endpoint, with nothing to ask."""
    return scope["method"] == "GET" and not scope["query_string"] and b"text/html" in headers.get(b"accept", b"")


def _bucket(caller: Caller) -> Hashable:
    """Whose rate this is. An API key is public, so that all its users would share one: they go by address."""
    return caller.user_id or (caller.mode, caller.ip_address)


def _shown(request: GraphQLRequest) -> Operation:
    """What a Lambda authorizer is told of the request."""
    return Operation(request.query, request.variables, request.operation_name)


def _executed(answer: Answer) -> Reply:
    body = orjson.dumps(answer.payload)
    if answer.status == 200:
        return Reply(200, body, _ANSWERED)
    error_type = answer.payload["errors"][0]["errorType"].encode()
    headers: tuple[Header, ...] = (*_ANSWERED, (b"x-amzn-errortype", error_type))
    if answer.status == 405:
        headers += ((b"allow", b"POST"),)
    return Reply(answer.status, body, headers)


def _unavailable(error: DomainError) -> Refusal:
    """Signing in needs a dependency that does not answer: nobody's fault but ours."""
    return Refusal(503, error.code, error.message, info=error.info, headers=((b"retry-after", b"1"),))
