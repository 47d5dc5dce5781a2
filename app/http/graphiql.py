"""GraphiQL from our own server: its built files from the installed package, page and examples from app/graphiql/."""

import importlib.resources
from collections.abc import Callable
from pathlib import Path

import orjson
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

from app.http.own_machine import is_local

FOLDER = Path(__file__).parent.parent / "graphiql"
_PACKAGE = "graphene_django_graphiql_static"

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self' data:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
Token = Callable[[], str]


class GraphiQL:
    """The page, at its own address and for browsers that open /graphql.

    Args:
        demo_token: makes a token for the demo user; None where nobody may have one. It is only handed to a
            page of this machine, under a name of this machine: another site whose name was pointed here
            (DNS rebinding) gets none.
    """

    def __init__(self, demo_token: Token | None) -> None:
        self._demo_token = demo_token
        self._page = HTMLResponse(
            (FOLDER / "page.html").read_bytes(),
            headers={"content-security-policy": POLICY, "referrer-policy": "no-referrer", "cache-control": "no-cache"},
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._page(scope, receive, send)

    def routes(self) -> list[BaseRoute]:
        vendor = importlib.resources.files(_PACKAGE) / "static" / _PACKAGE
        return [
            Route("/graphiql", self, methods=["GET"]),
            Route("/graphiql/config", self._config, methods=["GET"]),
            Mount("/graphiql/vendor", StaticFiles(directory=str(vendor))),
            Mount("/graphiql/own", StaticFiles(directory=FOLDER)),
        ]

    async def _config(self, request: Request) -> Response:
        """`{"token": text or null}` for the page's script."""
        token = self._demo_token() if self._demo_token is not None and is_local(request) else None
        return Response(
            orjson.dumps({"token": token}), media_type="application/json", headers={"cache-control": "no-store"}
        )
