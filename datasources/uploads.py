"""Uploads: begun, signed, given up. Completing has a file of its own, `completion.py`, as has the clock's part."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from datasources import idempotency
from datasources.blobs import BlobStore, NoSuchMultipart, SignedRequest
from datasources.conditions import Condition, equals
from datasources.contention import LostRace, settle
from datasources.ports import RecordStore
from datasources.readable import readable
from datasources.shards import Partition, Position, read_in_turn
from datasources.storage_quota import closed, require_room, taken, undone
from datasources.tables import UPLOADS
from datasources.transactions import Guarded, commit
from datasources.upload_rows import changed_upload, new_upload, upload_key, upload_of
from datasources.upload_tally import NO_TALLY, Tally
from domain import uploads as steps
from domain.errors import DomainError, not_found
from domain.file_keys import incoming
from domain.records import to_item
from domain.times import Timestamp
from domain.upload_rules import Declaration, UploadLimits
from domain.uploads import (
    STORES_OWN,
    Checksum,
    HttpHeader,
    PresignedPart,
    PresignedRequest,
    Upload,
    UploadPart,
    UploadStatus,
)

_log = logging.getLogger("educonnect.uploads")

Step = Callable[[Upload], Upload]


class Uploads:
    """
    Args:
        limits: of files and users.
        now: the server's clock.
    """

    def __init__(
        self,
        store: RecordStore,
        blobs: BlobStore,
        limits: UploadLimits,
        now: Callable[[], Timestamp],
        tally: Tally = NO_TALLY,
    ) -> None:
        self.limits = limits
        self._store = store
        self._blobs = blobs
        self._now = now
        self._tally = tally

    async def get(self, upload_id: str) -> Upload | None:
        """Whoever's it is."""
        item = await self._store.get(UPLOADS, upload_key(upload_id))
        return None if item is None else upload_of(item)

    async def list_owner(
        self, owner_id: str, status: UploadStatus | None, position: Position, size: int
    ) -> tuple[Sequence[Upload], Any]:
        """Newest first."""
        where: Condition | None = None if status is None else equals("status", status)
        partitions = [Partition("OwnerIdCreatedAtIndex", owner_id)]
        items, following = await read_in_turn(
            self._store, UPLOADS, partitions, position, size, where=where, descending=True
        )
        return readable(items, upload_of), following

    async def initiate(
        self, declared: Declaration, owner_id: str, upload_id: str, request: idempotency.Request | None
    ) -> Upload:
        """A new upload of a fresh id, or the one that the same request began before.

        Raises:
            DomainError: QUOTA_EXCEEDED, LIMIT_EXCEEDED, IDEMPOTENCY_MISMATCH, THROTTLED.
        """
        earlier = await self._begun_before(request)
        if earlier is not None:
            return earlier
        await require_room(self._store, owner_id, declared.size_bytes, self.limits)
        upload = await self._begun(declared, owner_id, upload_id)

        async def attempt() -> Upload:
            earlier = await self._begun_before(request)
            if earlier is not None:
                return earlier
            await require_room(self._store, owner_id, declared.size_bytes, self.limits)
            writes: list[Guarded] = [
                *idempotency.once(request, to_item(upload), upload.created_at),
                (taken(owner_id, declared.size_bytes, self.limits), LostRace()),
                (new_upload(upload), LostRace()),
            ]
            await commit(self._store, writes)
            return upload

        made = None
        try:
            made = await settle(attempt, "The user's storage")
        finally:
            if made is not upload:
                await self.discard(upload)
            else:
                self._tally.begun(upload.size_bytes)
        return made

    async def request(self, upload: Upload) -> PresignedRequest | None:
        """The one PUT of a single upload that may still come; None for any other."""
        now = self._now()
        if upload.is_multipart or not upload.is_open or upload.expires_at <= now:
            return None
        return _presigned(
            await self._blobs.sign_put(
                upload.key,
                size=upload.size_bytes,
                content_type=upload.content_type,
                checksum=upload.checksum,
                seconds=steps.signed_seconds(upload, now),
            )
        )

    async def sign_parts(self, upload: Upload, checksums: Mapping[int, Checksum | None]) -> list[PresignedPart]:
        """Requests for these parts of a multipart upload, by number, as checked. Raises UPLOAD_NOT_OPEN, THROTTLED."""
        now = self._now()
        is_open = await self.step(upload.id, lambda current: steps.signed(current, now))
        seconds = steps.signed_seconds(is_open, now)

        async def sign(number: int, checksum: Checksum | None) -> PresignedPart:
            size = is_open.plan.size_of(number)
            signed = await self._blobs.sign_part(
                is_open.key, is_open.multipart_id or "", number, size=size, checksum=checksum, seconds=seconds
            )
            return PresignedPart(number, _presigned(signed))

        return list(await asyncio.gather(*(sign(number, checksum) for number, checksum in checksums.items())))

    async def parts(self, upload: Upload, after: int | None, size: int) -> tuple[Sequence[UploadPart], int | None]:
        """What the store holds, by number, behind `after`; nothing for an upload in one piece or one that has ended."""
        if upload.multipart_id is None:
            return [], None
        try:
            page = await self._blobs.list_parts(upload.key, upload.multipart_id, after=after or 0, limit=size)
        except NoSuchMultipart:
            return [], None
        return [
            UploadPart(part.number, part.size, part.etag, part.stored_at, part.checksum) for part in page.parts
        ], page.last

    async def abort(self, upload_id: str) -> Upload:
        """Given up, its bytes gone and no longer charged. Raises NOT_FOUND, UPLOAD_NOT_OPEN, THROTTLED."""
        ended = await self.step(upload_id, steps.aborted)
        await self.discard(ended)
        return ended

    async def step(self, upload_id: str, change: Step) -> Upload:
        """The upload after `change`; what its owner is charged with follows. Unchanged, nothing is written.

        Args:
            change: a step of domain/uploads.py; may refuse. Called anew when somebody else was faster.

        Raises:
            DomainError: NOT_FOUND, THROTTLED; what `change` raises.
        """

        async def attempt() -> Upload:
            before = await self.get(upload_id)
            if before is None:
                raise not_found("upload")
            after = change(before)
            if after is not before:
                await commit(self._store, upload_writes(before, after))
            return after

        return await settle(attempt, "The upload")

    async def discard(self, upload: Upload) -> None:
        """The bytes of an upload that has ended. What does not go now, the sweeper finds."""
        try:
            if upload.multipart_id is not None:
                await self._blobs.abort_multipart(upload.key, upload.multipart_id)
            await self._blobs.delete([upload.key])
        except DomainError as error:
            _log.warning("the bytes of upload %s stay for the sweeper: %s", upload.id, error)

    async def _begun(self, declared: Declaration, owner_id: str, upload_id: str) -> Upload:
        """The record, its file begun in the blob store."""
        now = self._now()
        key = incoming(owner_id, upload_id)
        multipart_id = None
        if declared.plan is not None:
            told = STORES_OWN if declared.checksum is None else declared.checksum.algorithm
            algorithm = None if told == STORES_OWN else told
            multipart_id = await self._blobs.start_multipart(
                key, content_type=declared.content_type, algorithm=algorithm
            )
        return Upload(
            id=upload_id,
            owner_id=owner_id,
            kind=declared.kind,
            purpose=declared.purpose,
            file_name=declared.file_name,
            content_type=declared.content_type,
            size_bytes=declared.size_bytes,
            status="INITIATED",
            key=key,
            created_at=now,
            expires_at=steps.expires(declared.purpose, now),
            version=1,
            checksum=declared.checksum,
            multipart_id=multipart_id,
            part_size_bytes=None if declared.plan is None else declared.plan.part_size_bytes,
            part_count=None if declared.plan is None else declared.plan.part_count,
        )

    async def _begun_before(self, request: idempotency.Request | None) -> Upload | None:
        """The upload that this very request began: as it is now, or as it was returned when its row is gone."""
        remembered = await idempotency.replay(self._store, request)
        if remembered is None:
            return None
        return await self.get(remembered["id"]) or msgspec.convert(remembered, Upload)


def upload_writes(before: Upload, after: Upload) -> list[Guarded]:
    """The row's step, and what an upload that ends gives back to its owner."""
    writes: list[Guarded] = [(changed_upload(before, after), LostRace())]
    if after.status == "COMPLETED":
        writes.append((closed(before.owner_id), LostRace()))
    elif after.has_ended:
        writes.append((undone(before.owner_id, before.size_bytes), LostRace()))
    return writes


def _presigned(signed: SignedRequest) -> PresignedRequest:
    headers = tuple(HttpHeader(name, value) for name, value in signed.headers.items())
    return PresignedRequest(signed.method, signed.url, headers, signed.expires_at)
