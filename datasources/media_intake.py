"""New media: the file gets its place, out of reach of whoever uploaded it, and is looked at there once more.

Requests that were signed for an upload are good for an hour, so the bytes under its first key may still change after
they were checked. What is looked at here is what stays.
"""

import asyncio
import logging

from datasources.blobs import BlobStore
from datasources.file_checks import require_as_declared
from datasources.media import Media
from datasources.media_work import Claimed, MediaWork
from domain.errors import Code, DomainError
from domain.file_keys import incoming
from domain.media import MediaAsset

AT_ONCE = 4
LEASE_SECONDS = 600
"""Longer than it takes to move a large file."""
MOST_TRIES = 10

_UNFIT = frozenset({Code.CHECKSUM_MISMATCH, Code.UPLOAD_TYPE_NOT_ALLOWED})

_log = logging.getLogger("educonnect.media")


class Intake:
    def __init__(self, work: MediaWork, blobs: BlobStore, media: Media) -> None:
        self._work = work
        self._blobs = blobs
        self._media = media

    async def run(self) -> int:
        """Takes in what waits, a few at a time; how many that were."""
        claimed = await self._work.claim("INTAKE", most=AT_ONCE, seconds=LEASE_SECONDS)
        await asyncio.gather(*map(self._try, claimed))
        return len(claimed)

    async def _try(self, claimed: Claimed) -> None:
        media = claimed.media
        try:
            await self._take(media)
        except Exception as error:  # one file must not hold up the others
            _log.warning("media %s could not be taken in, try %d", media.id, claimed.tries, exc_info=error)
            if claimed.tries >= MOST_TRIES:
                await self._media.failed(media.id, None, "The file could not be taken in.")
            else:
                await self._work.give_back(claimed, seconds=2**claimed.tries)

    async def _take(self, media: MediaAsset) -> None:
        blob = await self._blobs.move(incoming(media.owner_id, media.id), media.original_key)
        if blob is None:
            await self._media.failed(media.id, None, "The file is gone.")
            return
        try:
            await require_as_declared(self._blobs, blob, media)
        except DomainError as refusal:
            if refusal.code not in _UNFIT:
                raise
            await self._media.quarantined(media.id, refusal.message)
            return
        after = await self._media.passed(media.id, "CHECK")
        if not after.has_bytes:  # it was deleted meanwhile, and what removed its bytes came too early
            await self._blobs.delete([media.original_key])
