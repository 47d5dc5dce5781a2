"""The end of media: refused while a published lesson shows it; then its bytes go, and all that pointed to it."""

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress

from datasources.batches import get_each
from datasources.blobs import BlobStore
from datasources.conditions import equals
from datasources.contention import LostRace, settle
from datasources.course_items import META, key, lesson_key, lesson_of
from datasources.media import Media, step_writes
from datasources.media_rows import media_of
from datasources.media_uses import all_uses, no_longer_uses, uses_of
from datasources.ports import Check, ConditionFailed, FeedEvent, Key, Put, RecordStore
from datasources.readable import readable
from datasources.tables import COURSES, USERS, Table
from datasources.transactions import Guarded, commit
from datasources.updates import Add, Remove, Set, Update
from domain import media as steps
from domain.errors import Code, DomainError, conflict, not_found
from domain.file_keys import incoming
from domain.lessons import Lesson, lesson_id_of
from domain.media import MediaAsset
from domain.times import Timestamp

MOST_LESSONS = 80
"""Lessons that show a media and are looked at when it is deleted, published or not: each is a check of the
transaction. A media in more of them counts as in use."""
_FILES_AT_ONCE = 1000

_log = logging.getLogger("educonnect.media")


class MediaDeletion:
    """
    Args:
        now: the server's clock.
    """

    def __init__(self, store: RecordStore, blobs: BlobStore, media: Media, now: Callable[[], Timestamp]) -> None:
        self._store = store
        self._blobs = blobs
        self._media = media
        self._now = now

    async def delete(
        self, media_id: str, *, expected_version: int | None = None, also: Put | None = None
    ) -> MediaAsset:
        """The DELETED media; its owner has the bytes back.

        Args:
            also: is written with it, e.g. an audit event.

        Raises:
            DomainError: NOT_FOUND, CONFLICT, MEDIA_IN_USE, THROTTLED.
        """

        async def attempt() -> MediaAsset:
            before = await self._media.get(media_id)
            if before is None or before.is_deleted:
                raise not_found("media")
            if expected_version not in (None, before.version):
                raise conflict(before.version)
            after = steps.deleted(before)
            lessons = await self._unpublished_lessons(media_id)
            not_used_since = equals("useNumber", before.use_number)
            writes = step_writes(before, after, self._now(), also, not_used_since)
            await commit(self._store, [*writes, *map(_as_it_is, lessons)])
            return after

        return await settle(attempt, "The media")

    async def follow(self, event: FeedEvent) -> None:
        """Feed step of table Media: removes what is left of media without bytes. Harmless when repeated."""
        if event.new is None:
            return
        media = media_of(event.new)
        if media.has_bytes or (event.old is not None and event.old["status"] == media.status):
            return
        count, size = await self._remove_files(media)
        fields = {"metric": "MediaFilesRemoved", "reason": media.status, "files": count, "bytes": size}
        _log.info("the files of media %s are gone", media.id, extra={"fields": fields})
        async for use in all_uses(self._store, media.id):
            if use.kind == "AVATAR":
                await self._clear_picture(USERS, {"userId": use.id}, "avatar", media.id)
            elif use.kind == "COVER":
                await self._clear_picture(COURSES, key(use.id, META), "cover", media.id)
            if media.is_deleted:
                await commit(self._store, [no_longer_uses(media.id, use)])

    async def _unpublished_lessons(self, media_id: str) -> Sequence[Lesson]:
        """The lessons that show the media, itself or as a resource. Raises MEDIA_IN_USE when one is published."""
        found = await uses_of(self._store, media_id, "LESSON", most=MOST_LESSONS + 1)
        found += await uses_of(self._store, media_id, "RESOURCE", most=MOST_LESSONS + 1)
        lesson_ids = {use.id if use.kind == "LESSON" else lesson_id_of(use.id) for use in found}
        items = await get_each(self._store, COURSES, [lesson_key(lesson_id) for lesson_id in sorted(lesson_ids)])
        lessons = readable(items, lesson_of)
        if len(lesson_ids) > MOST_LESSONS or any(lesson.state == "PUBLISHED" for lesson in lessons):
            raise DomainError(Code.MEDIA_IN_USE, "A published lesson shows the media.")
        return lessons

    async def _remove_files(self, media: MediaAsset) -> tuple[int, int]:
        """How many there were, and their bytes."""
        arrived = await self._blobs.head(incoming(media.owner_id, media.id))
        removed = [] if arrived is None else [arrived.size]
        await self._blobs.delete([incoming(media.owner_id, media.id)])
        while True:
            files = await self._blobs.list_keys(media.folder, limit=_FILES_AT_ONCE)
            if not files:
                return len(removed), sum(removed)
            await self._blobs.delete([blob.key for blob in files])
            removed += [blob.size for blob in files]

    async def _clear_picture(self, table: Table, where: Key, name: str, media_id: str) -> None:
        """Unless another picture has taken its place."""
        updates: list[Update] = [
            Remove(f"{name}MediaId"),
            Remove(f"{name}Key"),
            Set("updatedAt", self._now()),
            Add("version", 1),
        ]
        with suppress(ConditionFailed):
            await self._store.update(table, where, updates, condition=equals(f"{name}MediaId", media_id))


def _as_it_is(lesson: Lesson) -> Guarded:
    return Check(COURSES, lesson_key(lesson.id), equals("version", lesson.version)), LostRace()
