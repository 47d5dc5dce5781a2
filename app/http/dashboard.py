"""The dashboard: a page of our own, for this machine, that shows the metrics as they change."""

import time
from pathlib import Path

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from app.http.own_machine import is_local
from app.telemetry.instruments import Instruments

FOLDER = Path(__file__).parent.parent / "dashboard"

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src data:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)


class Dashboard:
    """The page, its files, and the numbers that it asks for. They are for pages of this machine only."""

    def __init__(self, instruments: Instruments) -> None:
        self._instruments = instruments
        self._page = HTMLResponse(
            (FOLDER / "page.html").read_bytes(),
            headers={"content-security-policy": POLICY, "referrer-policy": "no-referrer", "cache-control": "no-cache"},
        )

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/dashboard", self._page, methods=["GET"]),
            Route("/dashboard/metrics.json", self._metrics, methods=["GET"]),
            Mount("/dashboard/own", StaticFiles(directory=FOLDER)),
        ]

    async def _metrics(self, request: Request) -> Response:
        """`{"at": seconds, "metrics": {name: [[labels, value], ...]}}`."""
        if not is_local(request):
            raise HTTPException(404, "There is nothing here.")
        seen = {"at": time.time(), "metrics": self._instruments.samples()}
        return Response(orjson.dumps(seen), media_type="application/json", headers={"cache-control": "no-store"})
