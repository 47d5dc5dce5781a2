"""Changes of one room go out one transaction after another, as many as are waiting in each.

This keeps a busy room's changes of one process from racing each other for the room's counter, and shares the
cost of a commit among them. It decides nothing: what is right is settled by the conditions of the
transaction, against changes of other processes too.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

import msgspec

from datasources.contention import LostRace, settle
from datasources.ports import MAX_TRANSACTION, RecordStore
from datasources.room_draft import Draft, RoomChange, read
from datasources.room_memory import RoomMemory
from domain.errors import DomainError, throttled
from domain.messages import Message
from domain.times import Timestamp

MOST_WAITING = 1_000
"""Changes of one room that wait their turn in this process."""
_SHARED_WRITES = 2
"""Those of the room and its counter, once a transaction."""


class _Call(msgspec.Struct, frozen=True):
    change: RoomChange
    answer: "asyncio.Future[Message]"


class RoomQueue:
    """First come, first served in each room; a room nobody is waiting for costs nothing.

    Args:
        now: the server's clock, read for each transaction.
        days: how long messages are kept.
    """

    def __init__(self, store: RecordStore, now: Callable[[], Timestamp], *, days: int) -> None:
        self._store = store
        self._now = now
        self._days = days
        self._memory = RoomMemory()
        self._waiting: dict[str, deque[_Call]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def make(self, room_id: str, change: RoomChange) -> Message:
        """The message after the change was committed.

        Raises:
            DomainError: what `change` refuses with; NOT_FOUND for an unknown room; THROTTLED.
        """
        call = _Call(change, asyncio.get_running_loop().create_future())
        waiting = self._waiting.get(room_id)
        if waiting is None:
            await self._lead(room_id, call)
        elif len(waiting) < MOST_WAITING:
            waiting.append(call)
        else:
            raise throttled("The room")
        return await call.answer

    async def _lead(self, room_id: str, call: _Call) -> None:
        """Work for oneself alone. Where others wait too a task works for all, so that no caller's end stops the
        others' changes."""
        waiting = self._waiting[room_id] = deque([call])
        try:
            await asyncio.sleep(0)  # for those who come at the same moment
            if len(waiting) == 1:
                waiting.clear()
                await self._answer(room_id, [call])
        except asyncio.CancelledError:
            call.answer.cancel()
            raise
        finally:
            if waiting:
                task = asyncio.create_task(self._serve(room_id, waiting), name="a room's changes")
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
            else:
                del self._waiting[room_id]

    async def _serve(self, room_id: str, waiting: deque[_Call]) -> None:
        """Until nobody waits any more."""
        try:
            while waiting:
                await self._answer(room_id, _next_batch(waiting))
        finally:
            del self._waiting[room_id]
            for call in waiting:
                call.answer.cancel()

    async def _answer(self, room_id: str, batch: list[_Call]) -> None:
        async def attempt() -> None:
            await self._commit(room_id, [call for call in batch if not call.answer.done()])

        try:
            if not await self._commit_remembered(room_id, batch):
                await settle(attempt, "The room")
        except Exception as error:  # of the store, or a bug: each caller is told
            for call in batch:
                if not call.answer.done():
                    call.answer.set_exception(error)
        except BaseException:
            for call in batch:
                call.answer.cancel()
            raise

    async def _commit(self, room_id: str, calls: list[_Call]) -> None:
        """Raises LostRace."""
        if not calls:
            return
        draft = await read(self._store, room_id, [call.change for call in calls], self._now(), self._days)
        made = [(call, message) for call in calls if (message := _applied(call, draft)) is not None]
        await self._save(draft, made)

    async def _commit_remembered(self, room_id: str, calls: list[_Call]) -> bool:
        """Without reading anything, where all that the changes rest on is as it is remembered."""
        draft = self._memory.draft(room_id, [call.change for call in calls], self._now(), self._days)
        if draft is None:
            return False
        try:
            made = [(call, call.change.apply(draft)) for call in calls]
        except DomainError:
            return False  # a refusal rests on what is read
        try:
            await self._save(draft, made)
        except LostRace:
            self._memory.doubt(room_id)
            return False
        return True

    async def _save(self, draft: Draft, made: Sequence[tuple[_Call, Message]]) -> None:
        """Raises LostRace."""
        await draft.save(self._store)
        self._memory.keep(draft)
        for call, message in made:
            if not call.answer.done():
                call.answer.set_result(message)


def _applied(call: _Call, draft: Draft) -> Message | None:
    """None when the change was refused, and its caller told."""
    try:
        return call.change.apply(draft)
    except DomainError as refusal:
        if not call.answer.done():
            call.answer.set_exception(refusal)
        return None


def _next_batch(waiting: deque[_Call]) -> list[_Call]:
    """As many as fit into one transaction, without those whose callers have gone."""
    batch: list[_Call] = []
    room_left = MAX_TRANSACTION - _SHARED_WRITES
    while waiting and waiting[0].change.most_writes <= room_left:
        call = waiting.popleft()
        if not call.answer.done():
            batch.append(call)
            room_left -= call.change.most_writes
    return batch
