"""Gives the demo school a lesson over video that is about to begin, and a picture for it, drawn here and now."""

import asyncio
import io
import math

from app.auth.local_issuer import user_id
from app.demo_ids import ulid_of
from datasources.media_rows import new_media
from datasources.ports import RecordStore
from datasources.storage_quota import charged_anyway
from domain.file_keys import incoming
from domain.media import MediaAsset
from domain.meetings import EARLY_SECONDS, new_meeting
from domain.times import Timestamp, later
from resolvers.context import Sources

_SIZE = (960, 540)
_SKY, _SEA, _SAND = (214, 232, 240), (58, 118, 150), (222, 205, 164)


async def plant_meeting(sources: Sources, course_id: str, host: str, now: Timestamp) -> None:
    """One that its host may open at once.

    Args:
        now: when the school's history ends.
    """
    meeting_id = ulid_of(now, "meeting")
    if await sources.meetings.get(meeting_id) is not None:
        return
    starts_at = later(now, seconds=EARLY_SECONDS - 300)
    given = {
        "title": "Questions about the week",
        "description": "Bring what did not work. We look at it together.",
        "course_id": course_id,
        "starts_at": starts_at,
        "ends_at": later(starts_at, seconds=3600),
    }
    room_id = ulid_of(now, "meeting", "room")
    meeting = new_meeting(given, meeting_id=meeting_id, host_id=user_id(host), room_id=room_id, now=now)
    await sources.meetings.create(meeting, None)


async def plant_picture(store: RecordStore, sources: Sources, owner: str, now: Timestamp) -> None:
    """As an upload that has just arrived: workers look at it and make its thumbnails."""
    media_id, owner_id = ulid_of(now, "picture"), user_id(owner)
    if await sources.media.get(media_id) is not None:
        return
    picture = await asyncio.to_thread(_drawn)
    await sources.blobs.store(incoming(owner_id, media_id), picture, content_type="image/png")
    media = MediaAsset(
        id=media_id,
        owner_id=owner_id,
        kind="IMAGE",
        purpose="LESSON",
        status="SCANNING",
        file_name="low-tide.png",
        content_type="image/png",
        size_bytes=len(picture),
        created_at=now,
        version=1,
        awaits=("CHECK",),
    )
    await store.transact([charged_anyway(owner_id, media.size_bytes), new_media(media)])


def _drawn() -> bytes:
    """A shore at low tide, as PNG."""
    from PIL import Image, ImageDraw  # only for the first start

    width, height = _SIZE
    picture = Image.new("RGB", _SIZE, _SKY)
    pen = ImageDraw.Draw(picture)
    for x in range(width):
        tide = height * (0.55 + 0.04 * math.sin(x / 70) + 0.015 * math.sin(x / 17))
        shore = height * (0.8 + 0.05 * math.sin(x / 160 + 1))
        pen.line((x, tide, x, shore), fill=_SEA)
        pen.line((x, shore, x, height), fill=_SAND)
    pen.ellipse((700, 60, 790, 150), fill=(252, 240, 200))
    made = io.BytesIO()
    picture.save(made, "PNG")
    return made.getvalue()
