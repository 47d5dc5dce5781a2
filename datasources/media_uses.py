"""Table MediaUses: what shows which media. A row gives those who may see the thing the right to see the media.

The writes belong into the transaction that makes or changes the thing itself.
"""

from collections.abc import AsyncIterator
from typing import Literal

import msgspec

from datasources.conditions import equals
from datasources.contention import LostRace
from datasources.ports import Change, Check, Delete, Item, Put, RecordStore, SortRange
from datasources.tables import MEDIA, MEDIA_USES
from datasources.transactions import Guarded
from datasources.updates import Add
from domain.errors import Code, DomainError

UseKind = Literal["LESSON", "RESOURCE", "MESSAGE", "AVATAR", "COVER", "SUBMISSION", "MEETING"]

MOST_READ = 100
"""Uses of one kind that are looked at, to tell who may see a media."""


class Use(msgspec.Struct, frozen=True):
    """One thing that shows a media. `id` is the thing's: a lesson's, a message's, a user's for AVATAR, ..."""

    kind: UseKind
    id: str

    @property
    def key(self) -> str:
        return f"{self.kind}#{self.id}"


def uses(media_id: str, use: Use) -> list[Guarded]:
    """From now on the thing shows the media. Refused with MEDIA_NOT_READY unless the media is READY at that moment.

    Both writes are of items of their own, so a transaction names each media at most once here.
    """
    return [(counted(media_id), _not_ready(media_id)), (use_row(media_id, use), LostRace())]


def counted(media_id: str, number: int = 1) -> Change:
    """So many new uses of a media, in one write; its condition fails unless the media is READY.

    The number only rises: whoever deletes the media relies on it to see that nobody began to use it meanwhile.
    """
    return Change(MEDIA, {"mediaId": media_id}, [Add("useNumber", number)], equals("status", "READY"))


def use_row(media_id: str, use: Use, *, ttl: int | None = None) -> Put:
    """
    Args:
        ttl: when the thing itself expires, epoch seconds.
    """
    row: Item = {"mediaId": media_id, "use": use.key}
    return Put(MEDIA_USES, row if ttl is None else {**row, "ttl": ttl})


def no_longer_uses(media_id: str, use: Use) -> Guarded:
    """The thing shows the media no more; fine when it never did."""
    return no_use(media_id, use), LostRace()


def no_use(media_id: str, use: Use) -> Delete:
    """The write of `no_longer_uses`, which always holds."""
    return Delete(MEDIA_USES, {"mediaId": media_id, "use": use.key})


def still_ready(media_id: str) -> Guarded:
    """Holds a step to a media that was used before."""
    return Check(MEDIA, {"mediaId": media_id}, equals("status", "READY")), _not_ready(media_id)


def replaced(before_id: str | None, after_id: str | None, use: Use) -> list[Guarded]:
    """The thing shows another media, or one for the first time, or none any more; nothing when it is the same."""
    if before_id == after_id:
        return []
    gone = [] if before_id is None else [no_longer_uses(before_id, use)]
    return gone if after_id is None else [*gone, *uses(after_id, use)]


async def uses_of(store: RecordStore, media_id: str, kind: UseKind, *, most: int = MOST_READ) -> list[Use]:
    """Of one kind, the latest first where ids tell the time; at most so many."""
    page = await store.query(MEDIA_USES, media_id, sort=SortRange(prefix=f"{kind}#"), limit=most, descending=True)
    return [Use(kind, item["use"].removeprefix(f"{kind}#")) for item in page.items]


async def all_uses(store: RecordStore, media_id: str) -> AsyncIterator[Use]:
    """Every one."""
    after = None
    while True:
        page = await store.query(MEDIA_USES, media_id, after=after)
        for item in page.items:
            kind, _, thing = item["use"].partition("#")
            yield Use(kind, thing)
        after = page.last_key
        if after is None:
            return


def _not_ready(media_id: str) -> DomainError:
    return DomainError(Code.MEDIA_NOT_READY, "The media is not READY.", mediaId=media_id)
