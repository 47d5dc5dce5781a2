"""A client session that breaks what it sends: connections, answers and signed URLs."""

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import aiohttp
import msgspec

from datasources.local.file_urls import PATH, Grant, UrlSigner

CUT = 0.03
UNANSWERED = 0.03
EXPIRED = 0.02
"""How often a request is cut off amid its body, loses its answer, or comes with a URL that has expired."""


class BrokenOff(aiohttp.ClientConnectionError):
    """We have hung up ourselves."""


class FaultySession:
    """What `examples/upload.py` needs of a session, with faults.

    Args:
        urls: signs URLs that expired long ago.
        seen: counts faults and refusals.
    """

    def __init__(self, session: aiohttp.ClientSession, urls: UrlSigner, seen: "Counter[str]") -> None:
        self._session = session
        self._urls = urls
        self._seen = seen

    @contextlib.asynccontextmanager
    async def post(self, url: str, **given: Any) -> AsyncIterator[aiohttp.ClientResponse]:
        async with self._session.post(url, **given) as answer:
            self._note(answer)
            self._lose()
            yield answer

    @contextlib.asynccontextmanager
    async def put(self, url: str, *, data: AsyncIterator[bytes], **given: Any) -> AsyncIterator[aiohttp.ClientResponse]:
        if _happens(EXPIRED):
            self._seen["expired URLs"] += 1
            url = self._expired(url)
        if _happens(CUT):
            self._seen["cut connections"] += 1
            data = _cut(data)
        async with self._session.put(url, data=data, **given) as answer:
            self._note(answer)
            self._lose()
            yield answer

    def _note(self, answer: aiohttp.ClientResponse) -> None:
        if answer.status in (429, 503):
            self._seen["503s"] += 1

    def _lose(self) -> None:
        if _happens(UNANSWERED):
            self._seen["lost answers"] += 1
            raise BrokenOff("the answer is lost")

    def _expired(self, url: str) -> str:
        """The same URL as it would have been signed long ago."""
        target = urlsplit(url)
        given = dict(parse_qsl(target.query))
        del given["signature"]
        shape = {**given, "method": "PUT", "key": unquote(target.path.removeprefix(PATH)), "expires": 1}
        grant = msgspec.convert(shape, Grant, strict=False)
        return f"{target.scheme}://{target.netloc}{self._urls.url(grant)}"


async def _cut(data: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    async for chunk in data:
        yield chunk[: len(chunk) // 2]
        await asyncio.sleep(0)
        raise BrokenOff("amid the body")


def _happens(chance: float) -> bool:
    return random.random() < chance  # noqa: S311 - faults need no cryptographer
