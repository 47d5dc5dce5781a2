"""Pictures get thumbnails, what plays gets playlists. Steps for the workers."""

from collections.abc import Callable

from app.media_engines import MediaEngines
from app.worker_steps import NOWHERE, Step, TimedStep
from datasources.media import Media
from datasources.media_processing import Processing
from datasources.media_work import MediaWork
from datasources.ports import RecordStore
from domain.times import Timestamp

PICTURE_SECONDS = 1.0
PLAY_SECONDS = 5.0


def processing_steps(
    store: RecordStore, media: Media, engines: MediaEngines, now: Callable[[], Timestamp]
) -> list[Step]:
    """Pictures have a step of their own, so that they wait for no film."""
    work = MediaWork(store, now)
    pictures = Processing(work, "PICTURE", media, engines.pictures)
    playables = Processing(work, "PLAY", media, engines.playables)
    return [
        _step("media-pictures", PICTURE_SECONDS, pictures),
        *(_step(f"media-playables-{number}", PLAY_SECONDS, playables) for number in range(engines.at_once)),
    ]


def _step(name: str, seconds: float, processing: Processing) -> TimedStep:
    async def process(_: str | None) -> str:
        while await processing.run():
            pass
        return NOWHERE

    return TimedStep(name, seconds, process)
