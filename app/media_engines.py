"""What makes thumbnails and playlists of media, as the settings choose."""

import logging
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec

from app.buckets import s3_buckets
from app.product import scratch
from app.settings import Settings
from datasources.blobs import BlobStore
from datasources.local.media_processes import LocalMediaEngine
from datasources.media_engine import MediaEngine

log = logging.getLogger(__name__)


class MediaEngines(msgspec.Struct, frozen=True):
    """
    Attributes:
        pictures: for kind IMAGE.
        playables: for what plays.
        at_once: files that play, worked on at once.
    """

    pictures: MediaEngine
    playables: MediaEngine
    at_once: int


@asynccontextmanager
async def open_media_engines(settings: Settings, blobs: BlobStore) -> AsyncIterator[MediaEngines]:
    """Open until the context ends. Raises OSError when DATA_DIR cannot be written."""
    folders = scratch(settings)
    await folders.sweep()
    ffmpeg = shutil.which(settings.ffmpeg)
    threads = max(1, (os.cpu_count() or 1) // (2 * settings.media_processes))
    here = LocalMediaEngine(blobs, folders, ffmpeg=ffmpeg, threads=threads)
    if settings.media_convert_role is None:
        if ffmpeg is None:
            log.warning("there is no %s: videos and sound will have no playlists", settings.ffmpeg)
        yield MediaEngines(here, here, settings.media_processes)
        return
    from datasources.aws.media_convert import AT_ONCE, open_media_convert

    async with open_media_convert(
        blobs,
        s3_buckets(settings),
        role=settings.media_convert_role,
        queue=settings.media_convert_queue,
        region=settings.aws_region,
        endpoint_url=settings.aws_endpoint_url,
    ) as engine:
        yield MediaEngines(here, engine, AT_ONCE)
