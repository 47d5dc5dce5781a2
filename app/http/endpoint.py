"""POST and GET /graphql, as AppSync answers them.

The order is: size, credentials, rate, parsing, execution. Whoever may not call learns nothing from a parser.
"""

import re
from collections.abc import Mapping

from starlette.types import ASGIApp, Receive, Scope, Send

from app.execution import Answer, GraphQLRequest
from app.http.cors import Cors
from app.http.reception import Reception, Service
from app.http.replies import ACCESS_FIELDS, REQUEST_ID, Header, Reply, method_not_allowed
from app.http.requests import RequestReader, shown

METHODS = "GET, POST, OPTIONS"

_ANSWERED: tuple[Header, ...] = ((b"x-amzn-appsync-tokensconsumed", b"1"), (b"vary", b"accept-encoding"))
_NAME = re.compile(r"[_A-Za-z][_0-9A-Za-z]{0,63}")


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
        headers: Mapping[bytes, bytes] = dict(scope["headers"])
        method = scope["method"]
        if method == "POST":
            body = await self._reception.body(scope, headers, receive)
        elif method == "GET":
            if self._page is not None and _wants_page(scope, headers):
                return await self._page(scope, receive, send)
            body = b""
        elif method == "OPTIONS":
            return await self._cors.preflight(headers).send(scope, send)
        else:
            raise method_not_allowed(METHODS)
        with self._reception:
            reply = await self._reply(scope, body)
        return await reply.send(scope, send)

    async def _reply(self, scope: Scope, body: bytes) -> Reply:
        request_id, fields = scope["state"][REQUEST_ID], scope["state"][ACCESS_FIELDS]
        caller = await self._reception.caller(scope, body, lambda: shown(self._read(scope, body)))
        fields["mode"] = caller.mode.value
        request = self._read(scope, body)
        if request.operation_name and _NAME.fullmatch(request.operation_name):
            fields["operation"] = request.operation_name
        return _executed(await self._service.execute(request, caller, request_id))

    def _read(self, scope: Scope, body: bytes) -> GraphQLRequest:
        if scope["method"] == "GET":
            return self._requests.of_query_string(scope["query_string"])
        return self._requests.of_json(body)


def _wants_page(scope: Scope, headers: Mapping[bytes, bytes]) -> bool:
    """A browser that was pointed at the endpoint, with nothing to ask."""
    return not scope["query_string"] and b"text/html" in headers.get(b"accept", b"")


def _executed(answer: Answer) -> Reply:
    body = answer.body
    if answer.status == 200:
        return Reply(200, body, _ANSWERED)
    error_type = answer.content["errors"][0]["errorType"].encode()
    headers: tuple[Header, ...] = (*_ANSWERED, (b"x-amzn-errortype", error_type))
    if answer.status == 405:
        headers += ((b"allow", b"POST"),)
    return Reply(answer.status, body, headers)
