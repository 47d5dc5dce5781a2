"""Challenges: at most one at a time is open in a meeting."""

from datasources.attendance_rows import challenge_key, challenge_of, new_challenge_row
from datasources.ports import ConditionFailed, RecordStore
from datasources.tables import ATTENDANCE
from domain.attendance_challenge import SecretChallenge
from domain.times import Timestamp


class Challenges:
    def __init__(self, store: RecordStore) -> None:
        self._store = store

    async def open(self, meeting_id: str, now: Timestamp) -> SecretChallenge | None:
        item = await self._store.get(ATTENDANCE, challenge_key(meeting_id))
        if item is None:
            return None
        found = challenge_of(item)
        return found if found.challenge.is_open(now) else None

    async def start(self, new: SecretChallenge, now: Timestamp) -> tuple[SecretChallenge, bool]:
        """The open challenge, and whether it is this new one."""
        row = new_challenge_row(new, now)
        try:
            await self._store.put(row.table, row.item, condition=row.condition)
        except ConditionFailed as failed:
            return challenge_of(failed.item or row.item), False
        return new, True
