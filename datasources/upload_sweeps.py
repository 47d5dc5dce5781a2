"""What the clock ends: uploads that nobody finished, and bytes that belong to no upload any more.

Bytes are left over when a process dies between the store of records and the store of files, and when a request that
was signed for an upload is sent after the upload has ended.
"""

import logging
from collections.abc import Callable, Mapping, Sequence

import msgspec

from datasources.batches import get_each
from datasources.blobs import BlobStore, NoSuchMultipart, OpenMultipart
from datasources.expiry_index import due
from datasources.media_rows import media_key, media_of
from datasources.ports import RecordStore
from datasources.readable import readable
from datasources.tables import MEDIA, UPLOADS
from datasources.upload_rows import upload_key, upload_of
from datasources.uploads import Uploads
from domain import uploads as steps
from domain.file_keys import INCOMING, upload_id_of
from domain.media import MediaAsset
from domain.times import Timestamp, later
from domain.uploads import Upload

PAGE = 1000
YOUNGEST_SECONDS = 2 * 3600
"""What is younger may still be on its way: a signed request is good for an hour."""
START = "-"
"""The position of a walk that begins anew."""

_log = logging.getLogger("educonnect.uploads")


class UploadSweeps:
    """
    Args:
        now: the server's clock.
    """

    def __init__(self, store: RecordStore, blobs: BlobStore, uploads: Uploads, now: Callable[[], Timestamp]) -> None:
        self._store = store
        self._blobs = blobs
        self._uploads = uploads
        self._now = now

    async def expire(self) -> int:
        """Ends uploads whose time is over, at most some hundred, and frees what they held; how many."""
        now, ended = self._now(), 0

        def expired(upload: Upload) -> Upload:
            return steps.expired(upload, now)

        for item in await due(self._store, UPLOADS, now):
            after = await self._uploads.step(item["uploadId"], expired)
            if after.status == "EXPIRED":
                await self._uploads.discard(after)
                ended += 1
        if ended:
            _log.info("uploads have expired", extra={"fields": {"metric": "UploadsExpired", "uploads": ended}})
        return ended

    async def remove_orphan_parts(self, position: str) -> str:
        """One page of a walk over the files that were begun in parts: those of no open upload are given up.

        Args:
            position: where the walk goes on; `START` at first.

        Returns:
            The position behind the page, `START` at the end.
        """
        after = None if position == START else msgspec.json.decode(position, type=OpenMultipart)
        found = await self._blobs.open_multiparts(after=after, limit=PAGE)
        old = {each: upload_id_of(each.key) for each in found if self._is_old(each.started_at)}
        uploads = await self._uploads_of([upload_id for upload_id in old.values() if upload_id is not None])
        freed = []
        for each, upload_id in old.items():
            if upload_id is None:
                continue
            upload = uploads.get(upload_id)
            if upload is None or upload.has_ended or upload.multipart_id != each.multipart_id:
                freed.append(await self._bytes_of(each))
                await self._blobs.abort_multipart(each.key, each.multipart_id)
        _tell("OrphanPartsRemoved", freed)
        return START if len(found) < PAGE else msgspec.json.encode(found[-1]).decode()

    async def remove_orphan_files(self, position: str) -> str:
        """The same for whole files that have arrived and that nobody waits for."""
        found = await self._blobs.list_keys(INCOMING, after=None if position == START else position, limit=PAGE)
        old = {blob: upload_id_of(blob.key) or "" for blob in found if self._is_old(blob.stored_at)}
        uploads = await self._uploads_of([upload_id for upload_id in old.values() if upload_id])
        media = await self._media_of(list(uploads))
        orphans = [
            blob for blob, upload_id in old.items() if not _is_awaited(uploads.get(upload_id), media.get(upload_id))
        ]
        await self._blobs.delete([blob.key for blob in orphans])
        _tell("OrphanFilesRemoved", [blob.size for blob in orphans])
        return START if len(found) < PAGE else found[-1].key

    def _is_old(self, since: Timestamp) -> bool:
        return later(since, seconds=YOUNGEST_SECONDS) <= self._now()

    async def _uploads_of(self, upload_ids: Sequence[str]) -> Mapping[str, Upload]:
        items = await get_each(self._store, UPLOADS, [upload_key(each) for each in dict.fromkeys(upload_ids)])
        return {upload.id: upload for upload in readable(items, upload_of)}

    async def _media_of(self, media_ids: Sequence[str]) -> Mapping[str, MediaAsset]:
        items = await get_each(self._store, MEDIA, [media_key(each) for each in media_ids])
        return {media.id: media for media in readable(items, media_of)}

    async def _bytes_of(self, begun: OpenMultipart) -> int:
        size, after = 0, 0
        while True:
            try:
                page = await self._blobs.list_parts(begun.key, begun.multipart_id, after=after)
            except NoSuchMultipart:
                return size
            size += sum(part.size for part in page.parts)
            if page.last is None:
                return size
            after = page.last


def _is_awaited(upload: Upload | None, media: MediaAsset | None) -> bool:
    """Whether somebody will still come for the file: its owner to complete it, or a worker to take it in."""
    if upload is None:
        return False
    if upload.status == "COMPLETED":
        return media is not None and "CHECK" in media.awaits
    return not upload.has_ended


def _tell(metric: str, sizes: Sequence[int]) -> None:
    if sizes:
        fields = {"metric": metric, "files": len(sizes), "bytes": sum(sizes)}
        _log.info("bytes that belonged to no upload are gone", extra={"fields": fields})
