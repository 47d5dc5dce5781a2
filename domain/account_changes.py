"""What staff may change about an account, as pure functions from how it is to how it shall be."""

from collections.abc import Iterable

import msgspec

from domain.callers import Caller
from domain.errors import forbidden, invalid_state
from domain.times import Timestamp
from domain.users import User, sorted_roles


def with_roles(user: User, roles: Iterable[str], now: Timestamp) -> User:
    """Raises INVALID_STATE for the erased."""
    _refuse_erased(user)
    return msgspec.structs.replace(user, roles=sorted_roles(roles), roles_changed_at=now)


def suspended(user: User, actor: Caller, reason: str) -> User:
    """Raises FORBIDDEN for a moderator on an admin, INVALID_STATE unless active."""
    _refuse_moderator_on_admin(user, actor)
    if user.status != "ACTIVE":
        raise invalid_state(user.status, "Only an active account can be suspended.")
    return msgspec.structs.replace(user, status="SUSPENDED", suspension_reason=reason)


def reinstated(user: User, actor: Caller) -> User:
    """Raises FORBIDDEN for a moderator on an admin, INVALID_STATE unless suspended."""
    _refuse_moderator_on_admin(user, actor)
    if user.status != "SUSPENDED":
        raise invalid_state(user.status, "Only a suspended account can be reinstated.")
    return msgspec.structs.replace(user, status="ACTIVE", suspension_reason=None)


def signed_out(user: User, now: Timestamp) -> User:
    """Every session until now has ended. Raises INVALID_STATE for the erased."""
    _refuse_erased(user)
    return msgspec.structs.replace(user, sessions_revoked_at=now)


def _refuse_erased(user: User) -> None:
    if user.status == "ERASED":
        raise invalid_state(user.status, "The account was erased.")


def _refuse_moderator_on_admin(user: User, actor: Caller) -> None:
    if "ADMIN" in user.roles and not actor.is_admin:
        raise forbidden("Only an admin decides on an admin's account.")
