"""Who a verified credential is to us: at first sight, later, and no more."""

import msgspec
import pytest

from domain.admission import Standing, admitted, known_ip_address, new_session, new_user
from domain.callers import Caller, Mode
from domain.devices import device_name
from domain.errors import Code, DomainError
from domain.times import Timestamp
from domain.users import UserSession

NOON = Timestamp("2026-09-01T12:00:00.000Z")
LATER = Timestamp("2026-09-01T12:00:05.300Z")
ACTIVE = Standing("ACTIVE", frozenset({"Students"}), None, None)


def caller(**claims: object) -> Caller:
    return Caller(**{"mode": Mode.COGNITO, "user_id": "ada", **claims})  # type: ignore[arg-type]


def session(created_at: Timestamp, revoked_at: Timestamp | None = None) -> UserSession:
    return UserSession("s1", "ada", created_at, created_at, revoked_at=revoked_at)


@pytest.mark.parametrize(
    ("claims", "name"),
    [
        ({"name": "Ada Lovelace", "username": "ada"}, "Ada Lovelace"),
        ({"name": "  Ada \n Lovelace "}, "Ada Lovelace"),
        ({"username": "ada"}, "ada"),
        ({"name": "ada@example.org", "username": "ada"}, "ada"),
        ({"username": "ada@example.org", "email": "ada@example.org"}, "New user"),
        ({"username": "0e1b2f64-7d0e-4a51-8a4e-7f3a5be7a4f1"}, "New user"),
        ({"name": "\x00evil\x1b[2J", "username": "ada"}, "ada"),
        ({"name": " "}, "New user"),
        ({"name": "a" * 320}, "a" * 200),
        ({}, "New user"),
    ],
)
def test_a_new_account_is_named_by_name_or_username_and_never_by_e_mail(claims: dict[str, str], name: str) -> None:
    assert new_user(caller(**claims), NOON).display_name == name


def test_a_new_account_has_the_roles_of_the_known_groups() -> None:
    user = new_user(caller(groups=frozenset({"Mentors", "Admins", "admins", "Beta testers"})), NOON)
    assert user.roles == ("ADMIN", "MENTOR")


@pytest.mark.parametrize(
    ("email", "kept"),
    [("Ada@Example.org", "Ada@Example.org"), ("ada", None), ("ada@host", None), ("a b@c.de", None), (None, None)],
)
def test_only_a_well_formed_e_mail_is_kept(email: str | None, kept: str | None) -> None:
    assert new_user(caller(email=email), NOON).email == kept


def test_the_groups_of_the_credential_hold_unless_roles_were_set_since() -> None:
    fresh = caller(groups=frozenset({"Admins"}), issued_at=LATER)
    old = caller(groups=frozenset({"Admins"}), issued_at=NOON)
    unsaid = caller(groups=frozenset({"Admins"}))
    changed = msgspec.structs.replace(ACTIVE, roles_changed_at=Timestamp("2026-09-01T12:00:03.000Z"))

    assert admitted(old, ACTIVE, None) is old
    assert admitted(fresh, changed, None).groups == {"Admins"}
    assert admitted(old, changed, None).groups == {"Students"}
    assert admitted(unsaid, changed, None).groups == {"Students"}


def test_a_suspended_user_is_admitted_and_marked() -> None:
    assert admitted(caller(), msgspec.structs.replace(ACTIVE, status="SUSPENDED"), None).suspended


@pytest.mark.parametrize(
    ("standing", "seen"),
    [
        (msgspec.structs.replace(ACTIVE, status="ERASED"), None),
        (ACTIVE, session(NOON, revoked_at=LATER)),
        (msgspec.structs.replace(ACTIVE, sessions_revoked_at=LATER), session(NOON)),
        (msgspec.structs.replace(ACTIVE, sessions_revoked_at=LATER), None),
    ],
)
def test_the_erased_and_those_whose_session_ended_are_refused(standing: Standing, seen: UserSession | None) -> None:
    with pytest.raises(DomainError, match=r"You are not authorized to make this call\.") as refusal:
        admitted(caller(issued_at=NOON), standing, seen)
    assert refusal.value.code is Code.UNAUTHORIZED_REQUEST


def test_a_sign_in_after_all_sessions_ended_is_admitted_even_within_the_same_second() -> None:
    ended = msgspec.structs.replace(ACTIVE, sessions_revoked_at=LATER)
    again = caller(authenticated_at=Timestamp("2026-09-01T12:00:05.000Z"), session_id="s2")
    seen = new_session(again, "s2", None, Timestamp("2026-09-01T12:00:05.400Z"))
    assert admitted(again, ended, seen) is again


def test_a_session_is_as_old_as_its_sign_in() -> None:
    signed_in = caller(authenticated_at=NOON)
    assert new_session(signed_in, "s1", None, Timestamp("2026-09-01T15:00:00.000Z")).created_at < LATER


@pytest.mark.parametrize(
    ("address", "kept"),
    [("203.0.113.7", "203.0.113.7"), ("2001:DB8::1", "2001:db8::1"), ("unix:", None), (None, None)],
)
def test_only_an_ip_address_is_kept_as_one(address: str | None, kept: str | None) -> None:
    assert known_ip_address(caller(ip_address=address)) == kept


@pytest.mark.parametrize(
    ("user_agent", "name"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0", "Firefox on Linux"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/129.0 Safari/537.36 Edg/129.0", "Edge on Windows"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Safari/604.1", "Safari on iPhone"),
        ("Mozilla/5.0 (Linux; Android 14) Chrome/129.0 Mobile Safari/537.36", "Chrome on Android"),
        ("<script>alert(1)</script>", None),
        ("x" * 100_000 + "Firefox/", None),
        ("", None),
        (None, None),
    ],
)
def test_a_device_is_named_in_known_words_only(user_agent: str | None, name: str | None) -> None:
    assert device_name(user_agent) == name
