"""Captions of media: WebVTT files that their owners uploaded, copied beside the media that they belong to."""

from datasources.blobs import MAX_READ_BYTES, BlobStore
from datasources.media import Media, Step
from domain import media as steps
from domain.errors import DomainError
from domain.media import MediaAsset, StoredCaptions

_WEB_VTT = "text/vtt"


class Captions:
    def __init__(self, blobs: BlobStore, media: Media) -> None:
        self._blobs = blobs
        self._media = media

    async def attach(self, media: MediaAsset, language: str, file: MediaAsset, fresh_id: str) -> MediaAsset:
        """The media with these captions in place of the language's old ones.

        Args:
            file: READY media of purpose CAPTION, which has at most `MAX_READ_BYTES`. It may be deleted afterwards.

        Raises:
            DomainError: BAD_REQUEST for a kind without captions, INVALID_STATE, LIMIT_EXCEEDED, NOT_FOUND, THROTTLED.
        """
        key = f"{media.folder}captions/{language}-{fresh_id}.vtt"
        track = StoredCaptions(language, key, is_generated=False)
        steps.captioned(media, track)  # refused before anything is copied
        body = await self._blobs.read(file.original_key, length=MAX_READ_BYTES)
        await self._blobs.store(key, body, content_type=_WEB_VTT)
        try:
            return await self._replacing(media.id, lambda current: steps.captioned(current, track))
        except DomainError:
            await self._blobs.delete([key])
            raise

    async def remove(self, media_id: str, language: str) -> MediaAsset:
        """Raises NOT_FOUND when there are none in the language, THROTTLED."""
        return await self._replacing(media_id, lambda current: steps.uncaptioned(current, language))

    async def _replacing(self, media_id: str, change: Step) -> MediaAsset:
        """The media after `change`; the files of tracks that it has no more are gone."""
        before: set[str] = set()

        def noted(current: MediaAsset) -> MediaAsset:
            before.clear()
            before.update(track.key for track in current.tracks)
            return change(current)

        after = await self._media.step(media_id, noted)
        gone = before - {track.key for track in after.tracks}
        if gone:
            await self._blobs.delete(sorted(gone))
        return after
