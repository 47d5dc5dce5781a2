"""Few tries at what could be guessed: a challenge's code, a face. A try counts before it is looked at."""

from contextlib import suppress

from datasources.attendance_rows import no_try, one_try, was_tried
from datasources.ports import ConditionFailed, RecordStore
from domain.attendance_challenge import TRIES
from domain.errors import rate_limited
from domain.times import Timestamp, epoch_seconds


class Tries:
    """Of a user and meeting. The same try, repeated, counts once, so that a call may be sent again."""

    def __init__(self, store: RecordStore) -> None:
        self._store = store

    async def count(
        self, meeting_id: str, what: str, user_id: str, name: str, now: Timestamp, *, until: Timestamp
    ) -> int:
        """Counts a try; how many are left.

        Args:
            what: is tried at: a challenge's id, or "FACE".
            name: tells one try from another.
            until: when trying makes sense again, for who has none left.

        Raises:
            DomainError: RATE_LIMITED.
        """
        change = one_try(meeting_id, what, user_id, name, now)
        try:
            item = await self._store.update(change.table, change.key, change.updates, condition=change.condition)
        except ConditionFailed as failed:
            if failed.item is None or not was_tried(failed.item, name):
                seconds = max(1, epoch_seconds(until) - epoch_seconds(now))
                raise rate_limited(f"There are {TRIES} tries.", after_seconds=seconds) from None
            item = failed.item
        return TRIES - int(item["tries"])

    async def give_back(self, meeting_id: str, what: str, user_id: str, name: str, now: Timestamp) -> None:
        """A try that could not be looked at does not count."""
        change = no_try(one_try(meeting_id, what, user_id, name, now), name)
        with suppress(ConditionFailed):
            await self._store.update(change.table, change.key, change.updates, condition=change.condition)
