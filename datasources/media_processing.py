"""Processing of media: one by one, each run alone with its media for as long as it says that it lives."""

import asyncio
import logging

from datasources.media import Media
from datasources.media_engine import MediaEngine, Underway, Unprocessable
from datasources.media_rows import Work
from datasources.media_work import Claimed, MediaWork
from domain.errors import Code, DomainError
from domain.media import MediaAsset

LEASE_SECONDS = 120
KEPT_EVERY_SECONDS = 30.0
ASKED_AGAIN_SECONDS = 15
"""After an engine that works elsewhere."""
MOST_TRIES = 8
_LONGEST_PAUSE_SECONDS = 900

_log = logging.getLogger("educonnect.media")


class _LostWork(Exception):
    """Somebody else has it by now."""


class Processing:
    """Args: engine: for all media of this kind of work."""

    def __init__(self, work: MediaWork, kind: Work, media: Media, engine: MediaEngine) -> None:
        self._work = work
        self._kind: Work = kind
        self._media = media
        self._engine = engine

    async def run(self) -> bool:
        """Works on the one that has waited longest; False when none waits."""
        claimed = await self._work.claim(self._kind, most=1, seconds=LEASE_SECONDS)
        for each in claimed:
            await self._try(each)
        return bool(claimed)

    async def _try(self, claimed: Claimed) -> None:
        held = _Held(self._work, claimed)
        try:
            media = await self._started(claimed.media)
            async with asyncio.TaskGroup() as tasks:
                keeping = tasks.create_task(held.keep())
                await self._process(media, held)
                keeping.cancel()
        except* _LostWork:
            _log.info("media %s is worked on elsewhere", claimed.media.id)
        except* Exception as errors:  # one file must not hold up the others
            _log.warning("media %s was not processed, try %d", claimed.media.id, claimed.tries, exc_info=errors)
            await self._again_later(held.claimed)

    async def _started(self, media: MediaAsset) -> MediaAsset:
        """A run that was cut off goes on under its name, so that the engine finds what it has begun."""
        return media if media.job_started_at is not None else await self._media.start_processing(media.id)

    async def _process(self, media: MediaAsset, held: "_Held") -> None:
        run = media.job_started_at
        if run is None:
            raise ValueError("the media has no run")

        async def report(percent: float) -> None:
            await self._media.progress(media.id, run, percent)

        try:
            made = await self._engine.process(media, report)
        except Unprocessable as reason:
            await self._media.failed(media.id, run, str(reason))
            return
        if isinstance(made, Underway):
            await self._work.give_back(held.claimed, seconds=ASKED_AGAIN_SECONDS, tried=False)
        else:
            await self._media.ready(media.id, run, made)

    async def _again_later(self, claimed: Claimed) -> None:
        try:
            if claimed.tries >= MOST_TRIES:
                await self._media.failed(claimed.media.id, None, "The file could not be processed.")
            else:
                pause = min(_LONGEST_PAUSE_SECONDS, 5 * 2**claimed.tries)
                await self._work.give_back(claimed, seconds=pause)
        except DomainError as error:  # its lease ends by itself
            if error.code is not Code.NOT_FOUND:
                _log.warning("media %s was not given back", claimed.media.id, exc_info=error)


class _Held:
    """Work that is ours, and stays so while we live."""

    def __init__(self, work: MediaWork, claimed: Claimed) -> None:
        self._work = work
        self.claimed = claimed

    async def keep(self) -> None:
        """Until cancelled. Raises _LostWork."""
        while True:
            await asyncio.sleep(KEPT_EVERY_SECONDS)
            kept = await self._work.keep(self.claimed, seconds=LEASE_SECONDS)
            if kept is None:
                raise _LostWork
            self.claimed = kept
