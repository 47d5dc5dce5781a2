"""Table MediaUses: what shows which media. A row gives those who may see the thing the right to see the media.

The writes belong into the transaction that makes or changes the thing itself.
"""

from typing import Literal

import msgspec

from datasources.conditions import equals
from datasources.ports import Change, Delete, Item, Put, RecordStore, Write
from datasources.tables import MEDIA, MEDIA_USES
from datasources.updates import Add

UseKind = Literal["LESSON", "RESOURCE", "MESSAGE", "AVATAR", "COVER", "SUBMISSION", "MEETING"]

MOST_READ = 200
"""Uses of one media that are looked at, to tell who may see it or whether it may be deleted."""


class Use(msgspec.Struct, frozen=True):
    """One thing that shows a media. `id` is the thing's: a lesson's, a message's, a user's for AVATAR, ..."""

    kind: UseKind
    id: str

    @property
    def key(self) -> str:
        return f"{self.kind}#{self.id}"


def uses(media_id: str, use: Use, *, ttl: int | None = None) -> list[Write]:
    """From now on the thing shows the media. The first write's condition fails unless the media is READY.

    Both are of items of their own, so a transaction names each media at most once here.

    Args:
        ttl: when the thing itself expires, epoch seconds.
    """
    row: Item = {"mediaId": media_id, "use": use.key}
    if ttl is not None:
        row["ttl"] = ttl
    # The number only rises: whoever deletes the media relies on it to see that nobody began to use it meanwhile.
    counted = Change(MEDIA, {"mediaId": media_id}, [Add("useNumber", 1)], equals("status", "READY"))
    return [counted, Put(MEDIA_USES, row)]


def no_longer_uses(media_id: str, use: Use) -> list[Write]:
    """The thing shows the media no more; fine when it never did."""
    return [Delete(MEDIA_USES, {"mediaId": media_id, "use": use.key})]


async def uses_of(store: RecordStore, media_id: str) -> list[Use]:
    """At most 200, in no order that means anything."""
    page = await store.query(MEDIA_USES, media_id, limit=MOST_READ)
    return [use_of(item) for item in page.items]


def use_of(item: Item) -> Use:
    kind, _, thing = item["use"].partition("#")
    return Use(kind, thing)
