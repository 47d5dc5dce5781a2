"""From a verified credential to an admitted caller: the rules of first sight and of every later one."""

import ipaddress
import re
import uuid

import msgspec

from domain.callers import Caller
from domain.errors import Code, DomainError
from domain.text import NAME, clean
from domain.times import Timestamp, later
from domain.users import User, UserSession, groups_of, roles_of

UNNAMED_USER = "New user"
REFUSAL = "You are not authorized to make this call."
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s.]+(?:\.[^@\s.]+)+")
_MAX_EMAIL_CHARACTERS = 254


class Standing(msgspec.Struct, frozen=True):
    """What of an account decides whether and as whom its credentials are admitted."""

    status: str
    groups: frozenset[str]
    roles_changed_at: Timestamp | None
    sessions_revoked_at: Timestamp | None


def standing_of(user: User) -> Standing:
    return Standing(user.status, groups_of(user.roles), user.roles_changed_at, user.sessions_revoked_at)


def new_user(caller: Caller, now: Timestamp) -> User:
    """The account of somebody who signs in for the first time."""
    return User(
        id=caller.id,
        display_name=_display_name(caller),
        roles=roles_of(caller.groups),
        status="ACTIVE",
        created_at=now,
        updated_at=now,
        version=1,
        email=known_email(caller),
    )


def new_session(caller: Caller, session_id: str, device: str | None, now: Timestamp) -> UserSession:
    """The session of a credential that is seen for the first time."""
    return UserSession(
        id=session_id,
        user_id=caller.id,
        created_at=_signed_in_at(caller, now),
        last_seen_at=now,
        device_name=device,
        ip_address=known_ip_address(caller),
    )


def admitted(caller: Caller, standing: Standing, session: UserSession | None) -> Caller:
    """The caller as the request goes on with.

    The newest word on groups holds: roles set when the credential existed already replace its groups.

    Raises:
        DomainError: UnauthorizedException when the account was erased or the session has ended.
    """
    if standing.status == "ERASED" or _has_ended(caller, standing, session):
        raise DomainError(Code.UNAUTHORIZED_REQUEST, REFUSAL)
    changed_at = standing.roles_changed_at
    outdated = changed_at is not None and (caller.issued_at is None or caller.issued_at <= changed_at)
    groups = standing.groups if outdated else caller.groups
    suspended = standing.status == "SUSPENDED"
    if groups == caller.groups and not suspended:
        return caller
    return msgspec.structs.replace(caller, groups=groups, suspended=suspended)


def ended_at(session: UserSession, sessions_revoked_at: Timestamp | None) -> Timestamp | None:
    """When the session ended, by itself or with all others of its user; None while it goes on."""
    if session.revoked_at is not None:
        return session.revoked_at
    if sessions_revoked_at is not None and session.created_at <= sessions_revoked_at:
        return sessions_revoked_at
    return None


def known_email(caller: Caller) -> str | None:
    email = caller.email
    if email is None or len(email) > _MAX_EMAIL_CHARACTERS or not _EMAIL.fullmatch(email):
        return None
    return email


def known_ip_address(caller: Caller) -> str | None:
    try:
        return None if caller.ip_address is None else str(ipaddress.ip_address(caller.ip_address))
    except ValueError:
        return None


def _has_ended(caller: Caller, standing: Standing, session: UserSession | None) -> bool:
    if session is not None:
        return ended_at(session, standing.sessions_revoked_at) is not None
    signed_in_at = caller.authenticated_at or caller.issued_at
    return (
        standing.sessions_revoked_at is not None
        and signed_in_at is not None
        and signed_in_at <= standing.sessions_revoked_at
    )


def _signed_in_at(caller: Caller, now: Timestamp) -> Timestamp:
    """The latest moment at which the sign-in can have been: credentials tell it in whole seconds.

    So signing in anew within the second in which all sessions were ended works.
    """
    signed_in_at = caller.authenticated_at or caller.issued_at
    return now if signed_in_at is None else min(now, later(signed_in_at, seconds=0.999))


def _display_name(caller: Caller) -> str:
    """The name or else the username, cut to fit; never an e-mail address and no bare UUID."""
    for claim in (caller.name, caller.username):
        if claim is None or "@" in claim or _is_uuid(claim):
            continue
        try:
            return clean(" ".join(claim.split())[:NAME], "name", longest=NAME)
        except DomainError:
            continue  # blank, or with control characters: no name to show
    return UNNAMED_USER


def _is_uuid(text: str) -> bool:
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True
