"""What goes with the roles on a Users row, in the same transaction: a ROLE row each, and the count of admins."""

from collections.abc import Iterable

from datasources.conditions import greater
from datasources.ports import Change, Delete, Put, Write
from datasources.tables import COUNTERS, USER_ITEMS
from datasources.updates import Add
from domain.users import User


def role_kind(role: str) -> str:
    """The partition of UserItems.KindIndex that lists everybody with the role, oldest account first."""
    return f"ROLE#{role}"


def role_writes(user: User, old: Iterable[str], new: Iterable[str]) -> list[Write]:
    """Rows of the roles gained and lost."""
    gained, lost = set(new) - set(old), set(old) - set(new)
    puts = [Put(USER_ITEMS, _row(user, role)) for role in sorted(gained)]
    deletes = [Delete(USER_ITEMS, {"userId": user.id, "sk": role_kind(role)}) for role in sorted(lost)]
    return [*puts, *deletes]


def admin_joins() -> Change:
    return Change(COUNTERS, {"name": "ADMINS"}, [Add("value", 1)])


def admin_leaves() -> Change:
    """Its condition fails for the last active admin."""
    return Change(COUNTERS, {"name": "ADMINS"}, [Add("value", -1)], greater("value", 1))


def _row(user: User, role: str) -> dict[str, str]:
    kind = role_kind(role)
    return {"userId": user.id, "sk": kind, "kind": kind, "sortKey": f"{user.created_at}#{user.id}"}
