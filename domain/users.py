"""People: accounts, their public face, settings, sessions, consents."""

from typing import Literal

from domain.records import Record
from domain.times import Timestamp

Role = Literal["STUDENT", "MENTOR", "ADMIN", "MODERATOR"]
UserStatus = Literal["ACTIVE", "SUSPENDED", "ERASURE_PENDING", "ERASED"]


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
    avatar_url: str | None = None
    bio: str | None = None
    roles_changed_at: Timestamp | None = None
    """When setUserRoles last ran; tokens issued before it lose to the stored roles."""


class UserSummary(Record, frozen=True):
    """The public face of a user."""

    id: str
    display_name: str
    avatar_url: str | None = None
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
    """A refresh-token family, seen in use."""

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
