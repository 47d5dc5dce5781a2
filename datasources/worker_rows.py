"""Table Workers: which process runs the workers, how far each has come, and whether a restore is under way."""

from datasources.conditions import any_of, at_most, equals, not_exists
from datasources.ports import Change, ConditionFailed, Item, RecordStore
from datasources.tables import WORKERS
from datasources.updates import Set
from domain.times import Timestamp, later

LEASE = "LEASE"
"""Of the process that runs all of them."""
_RESTORE = "RESTORE"


async def lead(store: RecordStore, holder: str, now: Timestamp, *, seconds: float, lease: str = LEASE) -> bool:
    """Take or renew the lease for `seconds`; False while another process has it.

    It spares double work and no more: whatever a worker does is right also when two do it.
    """
    mine = any_of(not_exists("name"), equals("holder", holder), at_most("until", now))
    row = {"name": lease, "holder": holder, "until": later(now, seconds=seconds)}
    try:
        await store.put(WORKERS, row, condition=mine)
    except ConditionFailed:
        return False
    return True


async def resign(store: RecordStore, holder: str, *, lease: str = LEASE) -> None:
    """Let another process begin at once."""
    try:
        await store.delete(WORKERS, {"name": lease}, condition=equals("holder", holder))
    except ConditionFailed:
        return


async def position(store: RecordStore, worker: str) -> str | None:
    stored = await store.get(WORKERS, {"name": worker})
    return None if stored is None else stored["position"]


def is_of_a_feed(item: Item) -> bool:
    """Whether a row of the table means nothing beside other feeds: the lease, and places in these."""
    place: str = item.get("position", "0")
    return place.isdigit() or place.startswith("{")


def moved(worker: str, before: str | None, after: str) -> Change:
    """The worker's next position. Fails when it is no longer at `before`, so that no batch is committed twice."""
    unmoved = not_exists("name") if before is None else equals("position", before)
    return Change(WORKERS, {"name": worker}, [Set("position", after)], unmoved)


async def restored_from(store: RecordStore) -> str | None:
    """What the tables are being filled from; None when they are whole."""
    return await position(store, _RESTORE)


async def begin_restore(store: RecordStore, backup: str) -> None:
    """Nobody uses the tables until `end_restore`."""
    await store.put(WORKERS, {"name": _RESTORE, "position": backup})


async def end_restore(store: RecordStore) -> None:
    await store.delete(WORKERS, {"name": _RESTORE})
