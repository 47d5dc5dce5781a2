"""Media that is kept only for a time: images of faces."""

import logging

from datasources.expiry_index import due
from datasources.media import Media
from datasources.ports import RecordStore
from datasources.tables import MEDIA
from domain import media as steps
from domain.media import MediaAsset
from domain.times import Timestamp

_log = logging.getLogger("educonnect.media")


async def expire(store: RecordStore, media: Media, now: Timestamp) -> int:
    """Deletes what is due, at most some hundred; how many. The bytes go as those of all deleted media."""

    def gone(current: MediaAsset) -> MediaAsset:
        return current if current.is_deleted else steps.deleted(current)

    found = await due(store, MEDIA, now)
    for item in found:
        await media.step(item["mediaId"], gone)
    if found:
        _log.info("images of faces are deleted", extra={"fields": {"metric": "FaceImagesExpired", "files": len(found)}})
    return len(found)
