"""Items of table Uploads, with the attributes of its indexes."""

import msgspec

from datasources.conditions import equals, not_exists
from datasources.expiry_index import expires, expires_no_more
from datasources.ports import Change, Item, Put
from datasources.tables import UPLOADS
from datasources.updates import Set, Update, difference
from domain.records import to_item
from domain.times import Timestamp, epoch_seconds, later
from domain.uploads import Upload

_KEPT_DAYS = 7
"""How long the row of an upload that has ended outlives its expiry."""


def upload_key(upload_id: str) -> dict[str, str]:
    return {"uploadId": upload_id}


def upload_of(item: Item) -> Upload:
    return msgspec.convert({**item, "id": item["uploadId"]}, Upload)


def new_upload(upload: Upload) -> Put:
    """Fails when there is such an upload already."""
    item = {**_attributes(upload), **upload_key(upload.id), **expires(upload.id, upload.expires_at)}
    return Put(UPLOADS, item, not_exists("uploadId"))


def changed_upload(before: Upload, after: Upload) -> Change:
    """The write of one step. Fails when the row is another by now."""
    updates: list[Update] = difference(_attributes(before), _attributes(after))
    if after.has_ended:
        updates += [*expires_no_more(), Set("ttl", _last_second(after.expires_at))]
    return Change(UPLOADS, upload_key(before.id), updates, equals("version", before.version))


def _last_second(expires_at: Timestamp) -> int:
    return epoch_seconds(later(expires_at, days=_KEPT_DAYS))


def _attributes(upload: Upload) -> Item:
    """What follows from the record, without its key."""
    item = to_item(upload)
    del item["id"]
    return item
