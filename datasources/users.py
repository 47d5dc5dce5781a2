"""Accounts: table Users, read by everybody's public face and by staff's lists, written by their owners."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import msgspec

from datasources.admission_cache import AdmissionCache
from datasources.batches import get_each
from datasources.conditions import Condition, all_of, contains, equals, not_exists
from datasources.contention import LostRace, settle
from datasources.media_uses import Use, replaced
from datasources.ports import Change, ConditionFailed, Item, Put, RecordStore, SortRange, TransactionFailed
from datasources.readable import readable
from datasources.roles import admin_joins, admin_leaves, role_kind, role_writes
from datasources.tables import USER_ITEMS, USERS
from datasources.transactions import Guarded, commit
from datasources.updates import Add, Set, assign, difference
from domain.admission import known_email, new_user
from domain.callers import Caller
from domain.errors import Code, DomainError, conflict, not_found
from domain.records import to_item
from domain.times import Timestamp
from domain.users import DELETED_USER, STATUSES, User, UserSummary

EMAIL_PREFIX_LETTERS = 2
"""How many letters of an e-mail address share a partition of EmailIndex."""
_READS_A_PAGE = 5
"""A filter that few rows pass gives short pages rather than long waits."""

Found = tuple[list[User], Any]


class UserFilter(msgspec.Struct, frozen=True):
    """Which accounts to list; None asks nothing. `email_prefix` is in lower case, 2 letters or more."""

    role: str | None = None
    status: str | None = None
    email_prefix: str | None = None


class Users:
    """Accounts by id. Nobody is ever removed; the erased keep a row without personal data."""

    def __init__(self, store: RecordStore, cache: AdmissionCache) -> None:
        self._store = store
        self._cache = cache

    async def get(self, user_id: str) -> User | None:
        item = await self._store.get(USERS, {"userId": user_id})
        return None if item is None else user_of(item)

    async def summaries(self, user_ids: Sequence[str]) -> list[UserSummary | None]:
        """The public faces of any number of users, in order; None for unknown ids. Each is read once."""
        unique = list(dict.fromkeys(user_ids))
        items = await get_each(self._store, USERS, [{"userId": user_id} for user_id in unique])
        found = {user.id: user for user in readable(items, summary_of)}
        return [found.get(user_id) for user_id in user_ids]

    async def seen(self, caller: Caller, now: Timestamp) -> User:
        """The account of a signed-in caller, made at first sight; an e-mail is taken over when it first comes."""
        user = await self.get(caller.id)
        if user is None:
            return await self._create(new_user(caller, now))
        email = known_email(caller)
        if user.email is None and email is not None and user.status != "ERASED":
            return await self._add_email(user, email, now)
        return user

    async def change_profile(
        self, user_id: str, values: Mapping[str, Any], expected_version: int | None, now: Timestamp
    ) -> User:
        """The account with `values` (by the record's field names; None clears) in place.

        Raises:
            DomainError: CONFLICT; NOT_FOUND when there is no such account; MEDIA_NOT_READY; THROTTLED.
        """

        async def attempt() -> User:
            old = await self.get(user_id)
            if old is None or old.status == "ERASED":
                raise not_found("user")
            if expected_version not in (None, old.version):
                raise conflict(old.version)
            new = msgspec.structs.replace(old, **values, updated_at=now, version=old.version + 1)
            picture = replaced(old.avatar_media_id, new.avatar_media_id, Use("AVATAR", user_id))
            await commit(self._store, [_row_change(old, new), *picture])
            return new

        return await settle(attempt, "The account")

    async def edit(
        self,
        user_id: str,
        change: Callable[[User], User],
        expected_version: int | None,
        now: Timestamp,
        audit: Put | None = None,
    ) -> User:
        """The account after `change`, written with all that follows from its roles and status.

        Args:
            change: the account as it shall be, from how it was read; called anew after a lost race.
            audit: is written too, or nothing is.

        Raises:
            DomainError: NOT_FOUND; CONFLICT; LAST_ADMIN when nobody would be left to administer; what
                `change` raises.
        """

        async def attempt() -> User:
            old = await self.get(user_id)
            if old is None:
                raise not_found("user")
            if expected_version not in (None, old.version):
                raise conflict(old.version)
            new = msgspec.structs.replace(change(old), updated_at=now, version=old.version + 1)
            await commit(self._store, _edit_writes(old, new, audit))
            return new

        try:
            return await settle(attempt, "The account")
        finally:
            self._cache.forget_account(user_id)

    async def page(self, wanted: UserFilter, position: Any, size: int) -> tuple[Sequence[User], Any]:
        """Accounts for staff; position None is the start, next position None the end.

        Order: by e-mail with a prefix, else by age; without prefix, role and status one status after the
        other. A user whose status changes during such a walk may be met under both or neither.
        """
        if wanted.email_prefix is not None:
            return await self._filled(self._by_email(wanted, wanted.email_prefix), position, size)
        if wanted.role is not None:
            return await self._filled(self._by_role(wanted, wanted.role), position, size)
        statuses = STATUSES if wanted.status is None else (wanted.status,)
        return await self._filled(self._by_status(statuses), position, size)

    def _by_email(self, wanted: UserFilter, prefix: str) -> Callable[[Any, int], Awaitable[Found]]:
        async def read(position: Any, size: int) -> Found:
            found = await self._store.query(
                USERS,
                prefix[:EMAIL_PREFIX_LETTERS],
                index="EmailIndex",
                sort=SortRange(prefix=prefix),
                limit=size,
                after=position,
                where=_matches(wanted),
            )
            return readable(found.items, user_of), found.last_key

        return read

    def _by_role(self, wanted: UserFilter, role: str) -> Callable[[Any, int], Awaitable[Found]]:
        async def read(position: Any, size: int) -> Found:
            rows = await self._store.query(USER_ITEMS, role_kind(role), index="KindIndex", limit=size, after=position)
            items = await get_each(self._store, USERS, [{"userId": row["userId"]} for row in rows.items])
            users = readable(items, user_of)
            holders = [user for user in users if role in user.roles]  # the index may lag behind the accounts
            return [user for user in holders if wanted.status in (None, user.status)], rows.last_key

        return read

    def _by_status(self, statuses: Sequence[str]) -> Callable[[Any, int], Awaitable[Found]]:
        async def read(position: Any, size: int) -> Found:
            number, after = position or (0, None)
            found = await self._store.query(USERS, statuses[number], index="StatusIndex", limit=size, after=after)
            users = readable(found.items, user_of)
            if found.last_key is not None:
                return users, (number, found.last_key)
            return users, (number + 1, None) if number + 1 < len(statuses) else None

        return read

    async def _filled(
        self, read: Callable[[Any, int], Awaitable[Found]], position: Any, size: int
    ) -> tuple[Sequence[User], Any]:
        users: list[User] = []
        for _ in range(_READS_A_PAGE):
            found, position = await read(position, size - len(users))
            users += found
            if position is None or len(users) == size:
                break
        return users, position

    async def _create(self, user: User) -> User:
        writes = [Put(USERS, item_of(user), not_exists("userId")), *role_writes(user, (), user.roles)]
        if user.is_acting_admin:
            writes.append(admin_joins())
        try:
            await self._store.transact(writes)
        except TransactionFailed as failed:  # another request of the user was faster
            reason = failed.at(0)
            if reason is None or reason.item is None:
                raise
            return user_of(reason.item)
        return user

    async def _add_email(self, user: User, email: str, now: Timestamp) -> User:
        updates = [*assign(**_email_attributes(email)), Set("updatedAt", now), Add("version", 1)]
        unknown = all_of(equals("version", user.version), not_exists("email"))
        try:
            return user_of(await self._store.update(USERS, {"userId": user.id}, updates, condition=unknown))
        except ConditionFailed as failed:  # the account was changed meanwhile; the e-mail waits for the next time
            return user if failed.item is None else user_of(failed.item)


def _edit_writes(old: User, new: User, audit: Put | None) -> list[Guarded]:
    writes = [_row_change(old, new)]
    writes += [(write, LostRace()) for write in role_writes(new, old.roles, new.roles)]
    if new.is_acting_admin and not old.is_acting_admin:
        writes.append((admin_joins(), LostRace()))
    if old.is_acting_admin and not new.is_acting_admin:
        writes.append((admin_leaves(), DomainError(Code.LAST_ADMIN, "The last admin has to stay one.")))
    if audit is not None:
        writes.append((audit, LostRace()))
    return writes


def _row_change(old: User, new: User) -> Guarded:
    updates = difference(to_item(old), to_item(new))
    return Change(USERS, {"userId": old.id}, updates, equals("version", old.version)), LostRace()


def user_of(item: Item) -> User:
    """A row of table Users. Of the erased only id, status and times are left."""
    erased_at = item.get("erasedAt")
    defaults = {"displayName": DELETED_USER, "roles": (), "createdAt": erased_at, "updatedAt": erased_at, "version": 1}
    return msgspec.convert({**defaults, **item, "id": item["userId"]}, User)


def summary_of(item: Item) -> UserSummary:
    """The public face in a row of table Users."""
    return msgspec.convert({"displayName": DELETED_USER, **item, "id": item["userId"]}, UserSummary)


def item_of(user: User) -> Item:
    """The row of a new account, with the attributes of its indexes."""
    item = to_item(user)
    item["userId"] = item.pop("id")
    return {**item, **({} if user.email is None else _email_attributes(user.email))}


def _email_attributes(email: str) -> dict[str, str]:
    lower = email.lower()
    return {"email": email, "emailLower": lower, "emailPk": lower[:EMAIL_PREFIX_LETTERS]}


def _matches(wanted: UserFilter) -> Condition | None:
    conditions: list[Condition] = []
    if wanted.role is not None:
        conditions.append(contains("roles", wanted.role))
    if wanted.status is not None:
        conditions.append(equals("status", wanted.status))
    return all_of(*conditions) if conditions else None
