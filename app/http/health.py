"""What load balancers and clients ask: is it alive, and may it be sent requests?"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

CACHE_SECONDS = 2
CHECK_SECONDS = 2
"""How long one look at the dependencies counts, and how long it may take."""

log = logging.getLogger(__name__)


class Health:
    """Args: check: returns when all dependencies answer, raises when one does not."""

    def __init__(self, check: Callable[[], Awaitable[None]], clock: Callable[[], float] = time.monotonic) -> None:
        self._check = check
        self._clock = clock
        self._looking = asyncio.Lock()
        self._looked_at = float("-inf")
        self._well = False
        self._draining = False

    def drain(self) -> None:
        """From now on not ready: the process is about to end."""
        self._draining = True

    async def ready(self) -> bool:
        if self._draining:
            return False
        async with self._looking:
            if self._clock() - self._looked_at >= CACHE_SECONDS:
                self._well = await self._look()
                self._looked_at = self._clock()
        return self._well and not self._draining

    async def _look(self) -> bool:
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                await self._check()
        except Exception as error:  # whatever it is, no requests should come
            log.warning("not ready", exc_info=error)
            return False
        return True

    def routes(self) -> list[Route]:
        return [
            Route("/ping", self._ping),
            Route("/livez", self._livez),
            Route("/readyz", self._readyz),
        ]

    async def _ping(self, _: Request) -> Response:
        """Amplify for Flutter asks this while it is connected."""
        return PlainTextResponse("healthy")

    async def _livez(self, _: Request) -> Response:
        """Depends on nothing: a broken database is no reason to restart the process."""
        return PlainTextResponse("alive")

    async def _readyz(self, _: Request) -> Response:
        if await self.ready():
            return PlainTextResponse("ready", headers={"cache-control": "no-store"})
        return PlainTextResponse("not ready", 503, headers={"cache-control": "no-store", "retry-after": "2"})
