"""URLs of pictures that everybody may see: faces of users, covers of courses."""

import asyncio
from collections.abc import Callable, Sequence

from datasources.blobs import BlobStore
from datasources.recent import Recent
from domain.times import Timestamp

SIGNED_SECONDS = 6 * 3600
REUSED_SECONDS = 3 * 3600
"""A picture keeps its URL so long, and browsers with it what they have loaded."""
_REMEMBERED = 10_000


class Pictures:
    """
    Args:
        now: the server's clock.
    """

    def __init__(self, blobs: BlobStore, now: Callable[[], Timestamp]) -> None:
        self._blobs = blobs
        self._now = now
        self._urls: Recent[str, str] = Recent(size=_REMEMBERED, seconds=REUSED_SECONDS)

    async def urls(self, keys: Sequence[str | None]) -> list[str | None]:
        """Of each picture, good for three hours at least; None where there is none."""
        return list(await asyncio.gather(*map(self._url, keys)))

    async def _url(self, key: str | None) -> str | None:
        if key is None:
            return None
        now = self._now()
        known = self._urls.get(key, now)
        if known is not None:
            return known
        url = await self._blobs.sign_get(key, seconds=SIGNED_SECONDS)
        self._urls.remember(key, url, now, self._urls.ticket())
        return url
