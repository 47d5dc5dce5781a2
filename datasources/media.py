"""Media: who owns which file, in what state it is, and the steps of its life."""

from collections.abc import Callable, Collection, Sequence
from typing import Any

from datasources.batches import get_each
from datasources.conditions import Condition, all_of, differs, equals
from datasources.contention import LostRace, settle
from datasources.media_rows import changed_media, media_key, media_of
from datasources.media_uses import Use, UseKind, uses_of
from datasources.ports import Put, RecordStore
from datasources.readable import readable
from datasources.shards import Partition, Position, read_in_turn
from datasources.storage_quota import given_back
from datasources.tables import MEDIA
from datasources.transactions import Guarded, commit
from domain import media as steps
from domain import text
from domain.errors import conflict, not_found
from domain.media import UNPROCESSED, Hurdle, MediaAsset, Processed, require_usable
from domain.times import Timestamp
from domain.uploads import MediaKind, UploadPurpose

Step = Callable[[MediaAsset], MediaAsset]


class Media:
    """
    Args:
        processed: kinds that this deployment makes thumbnails or renditions of; the others are READY once checked.
    """

    def __init__(self, store: RecordStore, now: Callable[[], Timestamp], processed: Collection[MediaKind] = ()) -> None:
        self._store = store
        self._now = now
        self._processed = frozenset(processed)

    async def get(self, media_id: str) -> MediaAsset | None:
        """Also what was deleted a short time ago. Nobody's right to see it is asked here."""
        item = await self._store.get(MEDIA, media_key(media_id))
        return None if item is None else media_of(item)

    async def many(self, media_ids: Sequence[str]) -> list[MediaAsset | None]:
        """Any number in the order asked, None for the unknown and the deleted. Nobody's right is asked here."""
        unique = list(dict.fromkeys(media_ids))
        items = await get_each(self._store, MEDIA, [media_key(media_id) for media_id in unique])
        found = {media.id: media for media in readable(items, media_of) if not media.is_deleted}
        return [found.get(media_id) for media_id in media_ids]

    async def usable(
        self,
        media_ids: Sequence[str],
        *,
        owner_id: str,
        kinds: Collection[MediaKind],
        purposes: Collection[UploadPurpose],
        field: str,
    ) -> list[MediaAsset]:
        """The media in the order asked, when their owner may use all of them like that.

        The transaction that begins to use them holds `media_uses.uses`, which fails if that changes meanwhile.

        Args:
            field: where the ids were given, e.g. "input.mediaId".

        Raises:
            DomainError: NOT_FOUND, also for another user's; BAD_REQUEST, rule KIND or PURPOSE; MEDIA_NOT_READY.
        """
        found = await self.many([text.identifier(media_id, field) for media_id in media_ids])
        return [require_usable(each, owner_id=owner_id, kinds=kinds, purposes=purposes, field=field) for each in found]

    async def list_owner(
        self, owner_id: str, kind: MediaKind | None, position: Position, size: int
    ) -> tuple[Sequence[MediaAsset], Any]:
        """Newest first; without the deleted."""
        where: Condition = differs("status", "DELETED")
        if kind is not None:
            where = all_of(where, equals("kind", kind))
        partitions = [Partition("OwnerIdCreatedAtIndex", owner_id)]
        items, following = await read_in_turn(
            self._store, MEDIA, partitions, position, size, where=where, descending=True
        )
        return readable(items, media_of), following

    async def step(
        self, media_id: str, change: Step, *, expected_version: int | None = None, also: Put | None = None
    ) -> MediaAsset:
        """The media after `change`; what its owner is charged with follows. Unchanged, nothing is written.

        Args:
            change: a step of domain/media.py; may refuse. Called anew when somebody else was faster.
            also: is written with it, e.g. an audit event.

        Raises:
            DomainError: NOT_FOUND, CONFLICT, THROTTLED; what `change` raises.
        """

        async def attempt() -> MediaAsset:
            before = await self.get(media_id)
            if before is None:
                raise not_found("media")
            if expected_version not in (None, before.version):
                raise conflict(before.version)
            after = change(before)
            if after is not before:
                await commit(self._store, step_writes(before, after, self._now(), also))
            return after

        return await settle(attempt, "The media")

    async def uses(self, media_id: str, kind: UseKind) -> list[Use]:
        """What shows the media, at most 100 things of one kind, the latest first where ids tell the time."""
        return await uses_of(self._store, media_id, kind)

    async def passed(self, media_id: str, hurdle: Hurdle) -> MediaAsset:
        """One hurdle less. Raises NOT_FOUND."""
        return await self.step(
            media_id, lambda media: steps.passed(media, hurdle, is_processed=self._is_processed(media))
        )

    async def again(self, media_id: str) -> MediaAsset:
        """What FAILED, back to where it failed. Raises NOT_FOUND, INVALID_STATE."""
        return await self.step(media_id, lambda media: steps.again(media, is_processed=self._is_processed(media)))

    async def start_processing(self, media_id: str) -> MediaAsset:
        """A run begins; its `job_started_at` names it in what it reports. Raises NOT_FOUND, INVALID_STATE."""
        now = self._now()
        return await self.step(media_id, lambda media: steps.started(media, now))

    async def progress(self, media_id: str, job: Timestamp, percent: float) -> MediaAsset:
        return await self.step(media_id, lambda media: steps.progressed(media, percent, job))

    async def ready(self, media_id: str, job: Timestamp, made: Processed) -> MediaAsset:
        return await self.step(media_id, lambda media: steps.finished(media, made, job))

    async def failed(self, media_id: str, job: Timestamp | None, message: str) -> MediaAsset:
        """
        Args:
            job: None for what fails before processing.
            message: one sentence for the owner; nothing of our inside.
        """
        return await self.step(media_id, lambda media: steps.failed(media, message, job))

    async def quarantined(self, media_id: str, message: str) -> MediaAsset:
        return await self.step(media_id, lambda media: steps.quarantined(media, message))

    def _is_processed(self, media: MediaAsset) -> bool:
        return media.kind in self._processed and media.purpose not in UNPROCESSED


def step_writes(
    before: MediaAsset, after: MediaAsset, now: Timestamp, also: Put | None = None, only_if: Condition | None = None
) -> list[Guarded]:
    """The row's step, with what its owner is charged for.

    Args:
        only_if: must hold of the row, besides that nobody else changed it.
    """
    writes: list[Guarded] = [(changed_media(before, after, now, only_if), LostRace())]
    freed = before.charged_bytes - after.charged_bytes
    if freed:
        writes.append((given_back(before.owner_id, freed), LostRace()))
    if also is not None:
        writes.append((also, LostRace()))
    return writes
