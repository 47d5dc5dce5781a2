"""People: accounts, their public face, settings, sessions, consents."""

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any, Literal

import msgspec

from domain import text
from domain.callers import Caller, Group
from domain.errors import bad_request
from domain.fields import Rule, as_given, check_given
from domain.records import Record
from domain.times import Timestamp

Role = Literal["STUDENT", "MENTOR", "ADMIN", "MODERATOR"]
UserStatus = Literal["ACTIVE", "SUSPENDED", "ERASURE_PENDING", "ERASED"]

STATUSES: tuple[UserStatus, ...] = ("ACTIVE", "SUSPENDED", "ERASURE_PENDING", "ERASED")
CONSENT_PURPOSES = ("FACE_RECOGNITION", "MEETING_RECORDING", "ANALYTICS", "MARKETING")
GROUP_OF_ROLE = {
    "STUDENT": Group.STUDENTS,
    "MENTOR": Group.MENTORS,
    "ADMIN": Group.ADMINS,
    "MODERATOR": Group.MODERATORS,
}
DELETED_USER = "Deleted user"
"""The name of everybody who was erased."""


class User(Record, frozen=True):
    """An account; the row of table Users. `roles` are sorted and without repeats."""

    id: str
    display_name: str
    roles: tuple[str, ...]
    status: str
    created_at: Timestamp
    updated_at: Timestamp
    version: int
    email: str | None = None
    phone: str | None = None
    avatar_media_id: str | None = None
    avatar_key: str | None = None
    """Where the picture is in the store of files."""
    bio: str | None = None
    roles_changed_at: Timestamp | None = None
    """When setUserRoles last ran; tokens issued before it lose to the stored roles."""
    sessions_revoked_at: Timestamp | None = None
    """When revokeAllSessions last ran; every sign-in up to then has ended."""
    suspension_reason: str | None = None
    """Staff's words on why, while suspended; not in the audit log, which outlives the account."""

    @property
    def is_acting_admin(self) -> bool:
        """One of those of whom at least one must be left."""
        return "ADMIN" in self.roles and self.status == "ACTIVE"


class UserSummary(Record, frozen=True):
    """The public face of a user."""

    id: str
    display_name: str
    avatar_key: str | None = None
    """Where the picture is in the store of files."""
    bio: str | None = None


class UserSettings(Record, frozen=True):
    user_id: str
    locale: str
    time_zone: str
    captions_enabled: bool
    playback_speed: float
    read_receipts_enabled: bool
    presence_visible: bool
    updated_at: Timestamp
    version: int


class UserSession(Record, frozen=True):
    """A refresh-token family, seen in use. `created_at` is no earlier than the sign-in."""

    id: str
    user_id: str
    created_at: Timestamp
    last_seen_at: Timestamp
    device_name: str | None = None
    ip_address: str | None = None
    revoked_at: Timestamp | None = None


class Consent(Record, frozen=True):
    user_id: str
    purpose: str
    granted: bool
    policy_version: str
    recorded_at: Timestamp


_PROFILE: Mapping[str, Rule] = {
    "display_name": partial(text.clean, longest=text.NAME),
    "bio": partial(text.clean_or_none, longest=text.BIO),
    "phone": as_given,
    "avatar_media_id": text.identifier,
}
_CLEARED_PROFILE = {"bio": None, "phone": None, "avatar_media_id": None}


def checked_profile(given: Mapping[str, Any]) -> dict[str, Any]:
    """Profile changes as they are stored, None for what is cleared. Raises BAD_REQUEST."""
    return check_given(_PROFILE, _CLEARED_PROFILE, given)


def checked_roles(roles: Iterable[str]) -> tuple[str, ...]:
    """Sorted, without repeats. Raises BAD_REQUEST, rule COUNT, for none."""
    found = sorted_roles(roles)
    if not found:
        raise bad_request("roles", "COUNT", "A user has at least one role.")
    return found


def shown_to(caller: Caller, user: User) -> User:
    """The account as the caller may see it: e-mail and phone are for its owner and for staff."""
    if caller.user_id == user.id or caller.is_admin or caller.is_moderator:
        return user
    return msgspec.structs.replace(user, email=None, phone=None)


def sorted_roles(roles: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(roles)))


def roles_of(groups: Iterable[str]) -> tuple[str, ...]:
    """The roles that groups stand for; other groups mean nothing here."""
    held = set(groups)
    return sorted_roles(role for role, group in GROUP_OF_ROLE.items() if group in held)


def groups_of(roles: Iterable[str]) -> frozenset[str]:
    return frozenset(GROUP_OF_ROLE[role].value for role in roles)
