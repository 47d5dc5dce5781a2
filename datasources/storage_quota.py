"""What each user takes of the store of files: bytes, and uploads that are open; numbers on the user's row.

They change with what they count, and the store judges their limits at the moment of the write, so that calls at once
never pass them together.
"""

from datasources.conditions import Condition, all_of, any_of, at_most, exists, not_exists
from datasources.ports import Change, RecordStore
from datasources.tables import USERS
from datasources.updates import Add
from domain.errors import Code, DomainError
from domain.upload_rules import UploadLimits

_USED = "storageUsedBytes"
_OPEN = "openUploads"


def taken(user_id: str, size: int, limits: UploadLimits) -> Change:
    """The write for an upload that begins; its condition fails when there is no room for it."""
    fits = _at_most(_USED, limits.user_bytes - size)
    may_open = _at_most(_OPEN, limits.user_open - 1)
    return Change(USERS, _row(user_id), [Add(_USED, size), Add(_OPEN, 1)], all_of(exists("userId"), fits, may_open))


def closed(user_id: str) -> Change:
    """The write for an upload that has become a file."""
    return Change(USERS, _row(user_id), [Add(_OPEN, -1)], exists("userId"))


def undone(user_id: str, size: int) -> Change:
    """The write for an upload that ends without a file."""
    return Change(USERS, _row(user_id), [Add(_USED, -size), Add(_OPEN, -1)], exists("userId"))


def charged_anyway(user_id: str, size: int) -> Change:
    """The write for what is there already, such as a recording: it counts, also beyond the limit."""
    return Change(USERS, _row(user_id), [Add(_USED, size)], exists("userId"))


def given_back(user_id: str, size: int) -> Change:
    """The write for a file that goes."""
    return Change(USERS, _row(user_id), [Add(_USED, -size)], exists("userId"))


async def require_room(store: RecordStore, user_id: str, size: int, limits: UploadLimits) -> None:
    """Raises QUOTA_EXCEEDED with `limitBytes` and `usedBytes`, LIMIT_EXCEEDED when too many uploads are open now."""
    row = await store.get(USERS, _row(user_id)) or {}
    used = row.get(_USED, 0)
    if used + size > limits.user_bytes:
        message = "The file does not fit into the user's storage."
        raise DomainError(Code.QUOTA_EXCEEDED, message, limitBytes=limits.user_bytes, usedBytes=used)
    if row.get(_OPEN, 0) >= limits.user_open:
        message = f"{limits.user_open} uploads are open: complete or abort one of them."
        raise DomainError(Code.LIMIT_EXCEEDED, message, limit=limits.user_open)


def _row(user_id: str) -> dict[str, str]:
    return {"userId": user_id}


def _at_most(counter: str, most: int) -> Condition:
    """A counter that nothing has been added to yet is 0."""
    within: Condition = at_most(counter, most)
    return any_of(within, not_exists(counter)) if most >= 0 else within
