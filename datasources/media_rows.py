"""Items of table Media, with the attributes of its indexes."""

from typing import Literal

import msgspec

from datasources.conditions import Condition, all_of, equals, not_exists
from datasources.expiry_index import expires, expires_no_more
from datasources.ports import Change, Item, Put
from datasources.shards import shard
from datasources.tables import MEDIA
from datasources.updates import Remove, Set, Update, difference
from domain.media import MediaAsset
from domain.records import to_item
from domain.times import Timestamp, epoch_seconds, later

Work = Literal["INTAKE", "PICTURE", "PLAY"]
"""What workers do: look at a new file and give it its place; make thumbnails and renditions of a picture, which is soon
done; and of what plays, which takes long."""

WORK_SHARDS = 4
FACE_SECONDS = 22 * 3600
"""Images of faces are deleted within 24 hours: one of them the upload may take, and one is the sweeper's."""
_DELETED_DAYS = 30
"""How long a deleted media's row is kept, so that nothing late brings it back."""


def media_key(media_id: str) -> dict[str, str]:
    return {"mediaId": media_id}


def media_of(item: Item) -> MediaAsset:
    return msgspec.convert({**item, "id": item["mediaId"]}, MediaAsset)


def new_media(media: MediaAsset) -> Put:
    """Fails when there is such a media already."""
    item = {**_attributes(media), **media_key(media.id)}
    if work := _work(media):
        item |= {"workShard": work_shard(work, media.id), "workAt": media.created_at}
    if media.purpose == "FACE":
        until = later(media.created_at, seconds=FACE_SECONDS)
        item |= expires(media.id, until)
    return Put(MEDIA, item, not_exists("mediaId"))


def changed_media(before: MediaAsset, after: MediaAsset, now: Timestamp, only_if: Condition | None = None) -> Change:
    """The write of one step. Fails when the row is another by now, or `only_if` does not hold of it."""
    updates: list[Update] = difference(_attributes(before), _attributes(after))
    if _work(after) != _work(before):
        updates += _work_updates(after, now)
    if after.is_deleted:
        ttl = epoch_seconds(later(now, days=_DELETED_DAYS))
        updates += [*expires_no_more(), Set("ttl", ttl)]
    unchanged: Condition = equals("version", before.version)
    if only_if is not None:
        unchanged = all_of(unchanged, only_if)
    return Change(MEDIA, media_key(before.id), updates, unchanged)


def work_shard(work: Work, media_id: str) -> str:
    return work_partition(work, shard(media_id, WORK_SHARDS))


def work_partition(work: Work, number: int) -> str:
    return f"{work}#{number}"


def _work(media: MediaAsset) -> Work | None:
    if media.status == "SCANNING" and "CHECK" in media.awaits:
        return "INTAKE"
    if media.status != "PROCESSING":
        return None
    return "PICTURE" if media.kind == "IMAGE" else "PLAY"


def _work_updates(media: MediaAsset, now: Timestamp) -> list[Update]:
    work = _work(media)
    if work is None:
        return [Remove("workShard"), Remove("workAt"), Remove("workTries")]
    return [Set("workShard", work_shard(work, media.id)), Set("workAt", now), Remove("workTries")]


def _attributes(media: MediaAsset) -> Item:
    """What follows from the record, without its key."""
    item = to_item(media)
    del item["id"]
    return item
