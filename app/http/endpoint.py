"""POST and GET /graphql, as AppSync answers them.

The order is: size, credentials, rate, parsing, execution. Whoever may not call learns nothing from a parser.
"""

from starlette.types import ASGIApp, Receive, Scope, Send

from app.auth.credentials import Operation
from app.execution import Answer, GraphQLRequest
from app.http.cors import Cors
from app.http.headers import Header
from app.http.reception import Reception, Service
from app.http.replies import ACCESS_LINE, REQUEST_ID, Reply, method_not_allowed, reply_headers
from app.http.requests import RequestReader, shown
from domain.callers import MODE_NAMES

METHODS = "GET, POST, OPTIONS"

_ANSWERED: tuple[Header, ...] = ((b"x-amzn-appsync-tokensconsumed", b"1"), (b"vary", b"accept-encoding"))
_WELL = reply_headers(*_ANSWERED)
LONGEST_NAME = 64
"""Of an operation that the access line tells."""


class GraphQLEndpoint:
    """One ASGI application for one path.

    Args:
        page: for browsers that open the address; None: there is none.
    """

    def __init__(
        self, service: Service, reception: Reception, requests: RequestReader, cors: Cors, page: ASGIApp | None
    ) -> None:
        self._service = service
        self._reception = reception
        self._requests = requests
        self._cors = cors
        self._page = page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        method = scope["method"]
        if method == "POST":
            body = self._reception.body_at_hand(scope)
            if body is None:
                body = await self._reception.body(scope, receive)
        elif method == "GET":
            if self._page is not None and _wants_page(scope):
                return await self._page(scope, receive, send)
            body = b""
        elif method == "OPTIONS":
            return await self._cors.preflight(scope["headers"]).send(scope, send)
        else:
            raise method_not_allowed(METHODS)
        state = scope["state"]
        with self._reception:
            caller = await self._reception.caller(scope, body, self._shown)
            state[ACCESS_LINE].mode = MODE_NAMES[caller.mode]
            request = self._read(scope, body)
            name = request.operation_name
            if name is not None and len(name) <= LONGEST_NAME and name.isascii() and name.isidentifier():
                state[ACCESS_LINE].operation = name
            answer = await self._service.execute(request, caller, state[REQUEST_ID])
        return await _executed(answer).send(scope, send)

    def _shown(self, scope: Scope, body: bytes) -> Operation:
        return shown(self._read(scope, body))

    def _read(self, scope: Scope, body: bytes) -> GraphQLRequest:
        if scope["method"] == "GET":
            return self._requests.of_query_string(scope["query_string"])
        return self._requests.of_json(body)


def _wants_page(scope: Scope) -> bool:
    """A browser that was pointed at the endpoint, with nothing to ask."""
    return not scope["query_string"] and b"text/html" in dict(scope["headers"]).get(b"accept", b"")


def _executed(answer: Answer) -> Reply:
    body = answer.body
    if answer.status == 200:
        return Reply(200, body, _WELL)
    error_type = answer.content["errors"][0]["errorType"].encode()
    more = ((b"allow", b"POST"),) if answer.status == 405 else ()
    return Reply(answer.status, body, reply_headers(*_ANSWERED, (b"x-amzn-errortype", error_type), *more))
