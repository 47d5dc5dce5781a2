"""The end of an upload: its parts are joined, the file is held against what was declared, and it becomes a media.

One caller completes at a time, by a lease of a minute on the row; the others wait for what comes of it. A crash at any
point is made good by the next call: what the store has joined already is found there.
"""

import asyncio
import random
import secrets
from collections.abc import Callable, Sequence

from datasources.blobs import Blob, BlobStore, ChecksumRefused, ChosenPart, NoSuchMultipart, PartsRefused
from datasources.contention import LostRace, settle
from datasources.file_checks import require_as_declared
from datasources.media_rows import new_media
from datasources.ports import RecordStore
from datasources.transactions import commit
from datasources.upload_rows import changed_upload
from datasources.upload_tally import NO_TALLY, Tally
from datasources.uploads import Uploads, upload_writes
from domain import uploads as steps
from domain.errors import Code, DomainError, bad_request, not_found, throttled
from domain.media import Hurdle, MediaAsset
from domain.times import Timestamp
from domain.uploads import STORES_OWN, Checksum, Upload, incomplete

PATIENCE_SECONDS = 20.0
"""How long a call waits for another one that completes the same upload."""
_LONGEST_LOOK_SECONDS = 0.5
_PARTS_A_PAGE = 1000

_UNFIT = frozenset({Code.CHECKSUM_MISMATCH, Code.UPLOAD_TYPE_NOT_ALLOWED})
"""The file is not what was declared: the upload has FAILED. Every other trouble leaves it open."""


class Completion:
    """
    Args:
        hurdles: what a new media has to pass in this deployment before it can be used.
    """

    def __init__(
        self,
        store: RecordStore,
        blobs: BlobStore,
        uploads: Uploads,
        hurdles: Sequence[Hurdle],
        now: Callable[[], Timestamp],
        tally: Tally = NO_TALLY,
    ) -> None:
        self._store = store
        self._blobs = blobs
        self._uploads = uploads
        self._hurdles = tuple(hurdles)
        self._now = now
        self._tally = tally

    async def complete(self, upload_id: str, parts: Sequence[ChosenPart], checksum: Checksum | None) -> Upload:
        """The COMPLETED upload, whose media has its id.

        Args:
            parts: all of a multipart upload, ascending; none of a single one.
            checksum: of the whole file, where it was not declared before.

        Raises:
            DomainError: UPLOAD_INCOMPLETE and BAD_REQUEST leave the upload open; CHECKSUM_MISMATCH and
                UPLOAD_TYPE_NOT_ALLOWED end it; NOT_FOUND, UPLOAD_NOT_OPEN, THROTTLED, DEPENDENCY_FAILED.
        """
        until = asyncio.get_running_loop().time() + PATIENCE_SECONDS
        while True:
            leased = await self._leased(upload_id, parts, checksum)
            if leased is not None:
                return leased if leased.status == "COMPLETED" else await self._finished(leased, parts, checksum)
            if asyncio.get_running_loop().time() >= until:
                raise throttled("The upload")
            await asyncio.sleep(random.uniform(0, _LONGEST_LOOK_SECONDS))  # noqa: S311 - spreads looks, protects nothing

    async def _leased(self, upload_id: str, parts: Sequence[ChosenPart], checksum: Checksum | None) -> Upload | None:
        """The upload under a lease of ours, or COMPLETED; None while another call completes it."""

        async def attempt() -> Upload | None:
            now = self._now()
            before = await self._uploads.get(upload_id)
            if before is None:
                raise not_found("upload")
            if before.status == "COMPLETED":
                return before
            if before.is_leased(now):
                return None
            after = steps.completing(before, secrets.token_hex(8), now)
            steps.check_completed_parts([part.number for part in parts], before, "input.parts")
            _check_checksum(before, checksum)
            await commit(self._store, [(changed_upload(before, after), LostRace())])
            return after

        return await settle(attempt, "The upload")

    async def _finished(self, upload: Upload, parts: Sequence[ChosenPart], checksum: Checksum | None) -> Upload:
        """Raises what `complete` does, the upload then open again or FAILED."""
        try:
            blob = await self._joined(upload, parts, checksum or upload.checksum)
            await require_as_declared(self._blobs, blob, upload)
        except DomainError as refusal:
            if refusal.code in _UNFIT:
                if await self._ended(upload, steps.failed(upload, refusal.message)):
                    self._tally.failed(upload.size_bytes)
                    await self._uploads.discard(upload)
            else:
                await self._ended(upload, steps.reopened(upload))
            raise
        done = steps.completed(upload)
        media = self._media(upload, checksum)
        try:
            await commit(self._store, [*upload_writes(upload, done), (new_media(media), LostRace())])
        except LostRace:  # our lease ended, and another call has taken over
            return await self.complete(upload.id, parts, checksum)
        self._tally.completed(upload.size_bytes)
        return done

    async def _joined(self, upload: Upload, parts: Sequence[ChosenPart], checksum: Checksum | None) -> Blob:
        """The whole file. Raises UPLOAD_INCOMPLETE, BAD_REQUEST, CHECKSUM_MISMATCH."""
        if upload.multipart_id is None:
            blob = await self._blobs.head(upload.key)
            if blob is None:
                raise incomplete([1])
            return blob
        try:
            return await self._blobs.complete_multipart(upload.key, upload.multipart_id, parts, checksum=checksum)
        except NoSuchMultipart:
            blob = await self._blobs.head(upload.key)
            if blob is None:
                raise incomplete(range(1, upload.plan.part_count + 1)) from None
            return blob
        except PartsRefused as refused:
            missing = await self._missing(upload, parts)
            if missing:
                raise incomplete(missing) from None
            which = f": {', '.join(map(str, refused.numbers))}" if refused.numbers else ""
            raise bad_request(
                "input.parts", "ETAG", f"These parts are not the stored ones, or too small{which}."
            ) from None
        except ChecksumRefused:
            raise DomainError(Code.CHECKSUM_MISMATCH, "The file has another checksum than declared.") from None

    async def _missing(self, upload: Upload, parts: Sequence[ChosenPart]) -> list[int]:
        """Numbers of parts that the store does not hold."""
        stored: set[int] = set()
        after: int | None = 0
        while after is not None:
            page = await self._blobs.list_parts(upload.key, upload.multipart_id or "", after=after, limit=_PARTS_A_PAGE)
            stored.update(part.number for part in page.parts)
            after = page.last
        return [part.number for part in parts if part.number not in stored]

    async def _ended(self, upload: Upload, after: Upload) -> bool:
        """False when our lease ended and another call has taken over: then it decides."""
        try:
            await commit(self._store, upload_writes(upload, after))
        except LostRace:
            return False
        return True

    def _media(self, upload: Upload, checksum: Checksum | None) -> MediaAsset:
        return MediaAsset(
            id=upload.id,
            owner_id=upload.owner_id,
            kind=upload.kind,
            purpose=upload.purpose,
            status="SCANNING",
            file_name=upload.file_name,
            content_type=upload.content_type,
            size_bytes=upload.size_bytes,
            created_at=self._now(),
            version=1,
            awaits=self._hurdles,
            checksum=upload.checksum or checksum,
        )


def _check_checksum(upload: Upload, checksum: Checksum | None) -> None:
    """A checksum that comes with the completion is the declared one, or one that the store can tell by itself."""
    if checksum is None or checksum == upload.checksum:
        return
    field = "input.checksum"
    if upload.checksum is not None:
        raise bad_request(field, "DECLARED", f"{field} is another than the one declared at the beginning.")
    if not upload.is_multipart or checksum.algorithm != STORES_OWN:
        message = f"{field} is declared at the beginning, unless it is {STORES_OWN} of a file in parts."
        raise bad_request(field, "ALGORITHM", message)
