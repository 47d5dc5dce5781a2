"""Pictures of faces that users have uploaded: read for one use, and gone after it."""

from datasources.blobs import MAX_READ_BYTES, BlobStore
from datasources.face_engine import MAX_PICTURE_BYTES
from datasources.media import Media
from datasources.media_deletion import MediaDeletion
from domain.errors import Code, DomainError, bad_request
from domain.face_enrollments import PICTURE_SECONDS
from domain.media import MediaAsset
from domain.times import Timestamp, later

PAGE = 100


class FacePictures:
    def __init__(self, media: Media, deletion: MediaDeletion, blobs: BlobStore) -> None:
        self._media = media
        self._deletion = deletion
        self._blobs = blobs

    async def usable(self, media_id: str, owner_id: str, field: str, now: Timestamp) -> MediaAsset:
        """The picture's media, when it is READY, the owner's own, meant for this, recent, and not too large.

        Raises:
            DomainError: NOT_FOUND, BAD_REQUEST, MEDIA_NOT_READY.
        """
        [media] = await self._media.usable(
            [media_id], owner_id=owner_id, kinds={"IMAGE"}, purposes={"FACE"}, field=field
        )
        if later(media.created_at, seconds=PICTURE_SECONDS) <= now:
            raise bad_request(field, "AGE", f"{field} is a picture of the last 15 minutes.")
        if media.size_bytes > MAX_PICTURE_BYTES:
            raise bad_request(field, "SIZE", f"{field} has at most {MAX_PICTURE_BYTES} bytes.")
        return media

    async def read(self, media: MediaAsset) -> bytes:
        starts = range(0, int(media.size_bytes), MAX_READ_BYTES)
        return b"".join(
            [await self._blobs.read(media.original_key, start=start, length=MAX_READ_BYTES) for start in starts]
        )

    async def destroy_all(self, owner_id: str) -> None:
        """As `destroy`, of all that a user has."""
        position = None
        while True:
            found, position = await self._media.list_owner(owner_id, "IMAGE", position, PAGE)
            for media in found:
                if media.purpose == "FACE":
                    await self.destroy(media)
            if position is None:
                return

    async def destroy(self, media: MediaAsset) -> None:
        """The bytes are gone when this returns; fine when they were before."""
        try:
            await self._deletion.delete(media.id)
        except DomainError as error:
            if error.code is not Code.NOT_FOUND:
                raise
        await self._blobs.delete([media.original_key])
