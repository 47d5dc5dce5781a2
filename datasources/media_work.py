"""The queue of media that wait for a worker: who takes one has it alone for a while, then it comes back."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress

import msgspec

from datasources.conditions import all_of, equals
from datasources.media_rows import WORK_SHARDS, Work, media_key, media_of, work_partition
from datasources.ports import ConditionFailed, Item, RecordStore, SortRange
from datasources.tables import MEDIA
from datasources.updates import Add, Set, Update
from domain.media import MediaAsset
from domain.times import Timestamp, later

MOST_AT_ONCE = 100


class Claimed(msgspec.Struct, frozen=True):
    """Work that is ours `until` then; `tries` counts this one too."""

    media: MediaAsset
    tries: int
    until: Timestamp


class MediaWork:
    """
    Args:
        now: the server's clock.
    """

    def __init__(self, store: RecordStore, now: Callable[[], Timestamp]) -> None:
        self._store = store
        self._now = now

    async def claim(self, work: Work, *, most: int, seconds: float) -> list[Claimed]:
        """Media whose turn has come, each ours for `seconds`; then it is due again, unless the step was made."""
        due = sorted(await self._due(work), key=lambda item: (item["workAt"], item["mediaId"]))
        claimed = [await self._claimed(item, seconds) for item in due[:most]]
        return [each for each in claimed if each is not None]

    async def keep(self, claimed: Claimed, *, seconds: float) -> Claimed | None:
        """Still at it: ours for so long from now. None when it is ours no more."""
        until = later(self._now(), seconds=seconds)
        try:
            await self._moved(claimed, [Set("workAt", until)])
        except ConditionFailed:
            return None
        return msgspec.structs.replace(claimed, until=until)

    async def give_back(self, claimed: Claimed, *, seconds: float, tried: bool = True) -> None:
        """It is due again so much later.

        Args:
            tried: it did not work out, and that counts.
        """
        changes: list[Update] = [Set("workAt", later(self._now(), seconds=seconds))]
        if not tried:
            changes.append(Add("workTries", -1))
        with suppress(ConditionFailed):  # the step was made after all, or somebody else has it
            await self._moved(claimed, changes)

    async def _moved(self, claimed: Claimed, changes: Sequence[Update]) -> None:
        """Raises ConditionFailed."""
        await self._store.update(MEDIA, media_key(claimed.media.id), changes, condition=equals("workAt", claimed.until))

    async def _due(self, work: Work) -> list[Item]:
        until = SortRange(at_most=self._now())
        pages = await asyncio.gather(
            *(
                self._store.query(
                    MEDIA, work_partition(work, number), index="WorkIndex", sort=until, limit=MOST_AT_ONCE
                )
                for number in range(WORK_SHARDS)
            )
        )
        return [item for page in pages for item in page.items]

    async def _claimed(self, item: Item, seconds: float) -> Claimed | None:
        """None when somebody else was faster; the index may also tell of what is over."""
        as_seen = all_of(equals("workShard", item["workShard"]), equals("workAt", item["workAt"]))
        until = later(self._now(), seconds=seconds)
        taken: list[Update] = [Set("workAt", until), Add("workTries", 1)]
        try:
            ours = await self._store.update(MEDIA, media_key(item["mediaId"]), taken, condition=as_seen)
        except ConditionFailed:
            return None
        return Claimed(media_of(ours), ours["workTries"], until)
