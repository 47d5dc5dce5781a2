"""How many bytes of files each user is charged with: a number on the user's row, changed with what it counts.

The limit is judged by the store at the moment of the write, so that calls at once never pass it together.
"""

from datasources.conditions import Condition, all_of, any_of, at_most, exists, not_exists
from datasources.ports import Change, RecordStore
from datasources.tables import USERS
from datasources.updates import Add
from domain.errors import Code, DomainError

_USED = "storageUsedBytes"


def charged(user_id: str, size: int, limit: int) -> Change:
    """The write that takes `size` bytes of the user's `limit`; its condition fails when they are not free."""
    fits: Condition = at_most(_USED, limit - size)
    if size <= limit:
        fits = any_of(fits, not_exists(_USED))
    return Change(USERS, {"userId": user_id}, [Add(_USED, size)], all_of(exists("userId"), fits))


def charged_anyway(user_id: str, size: int) -> Change:
    """The write for what is there already, such as a recording: it counts, also beyond the limit."""
    return Change(USERS, {"userId": user_id}, [Add(_USED, size)], exists("userId"))


def given_back(user_id: str, size: int) -> Change:
    return Change(USERS, {"userId": user_id}, [Add(_USED, -size)], exists("userId"))


async def require_room(store: RecordStore, user_id: str, size: int, limit: int) -> None:
    """Raises QUOTA_EXCEEDED with `limitBytes` and `usedBytes` when `size` more do not fit now."""
    row = await store.get(USERS, {"userId": user_id}) or {}
    used = row.get(_USED, 0)
    if used + size > limit:
        message = "The file does not fit into the user's storage."
        raise DomainError(Code.QUOTA_EXCEEDED, message, limitBytes=limit, usedBytes=used)
