"""The account gate: what it stores at first sight, what it remembers, and what it costs."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest

from datasources.accounts import Accounts
from datasources.admission_cache import AdmissionCache
from datasources.audit import audit_write
from datasources.ports import RecordStore, TransactionFailed
from datasources.sessions import Sessions
from datasources.tables import AUDIT_EVENTS, COUNTERS, USER_ITEMS, USERS
from datasources.users import Users
from domain.account_changes import signed_out, suspended, with_roles
from domain.callers import Caller, Mode
from domain.errors import Code, DomainError
from domain.times import Timestamp, later, timestamp
from tests.races import at_once, successes

WRITES = {"put", "update", "delete", "batch_write", "transact"}


class Watched:
    """A store that notes the names of the calls made of it."""

    def __init__(self, store: RecordStore) -> None:
        self._store = store
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> Callable[..., Any]:
        self.calls.append(name)
        call: Callable[..., Any] = getattr(self._store, name)
        return call

    def taken(self) -> list[str]:
        """The calls since the last time of asking."""
        calls, self.calls = self.calls, []
        return calls


class Gate:
    """One server process before a store that others may share."""

    def __init__(self, store: RecordStore) -> None:
        self.store = Watched(store)
        self.time = timestamp(datetime.now(UTC))
        cache = AdmissionCache()
        self.users = Users(self.store, cache)
        self.sessions = Sessions(self.store, cache)
        self.accounts = Accounts(self.users, self.sessions, cache, lambda: self.time)

    def wait(self, seconds: float) -> None:
        self.time = later(self.time, seconds=seconds)

    def caller(self, user_id: str = "ada", **claims: Any) -> Caller:
        told = {"session_id": "s1", "issued_at": self.time, "authenticated_at": self.time, **claims}
        return Caller(Mode.COGNITO, user_id=user_id, **told)

    async def refuses(self, caller: Caller) -> bool:
        try:
            await self.accounts.admit(caller)
        except DomainError as refusal:
            return refusal.code is Code.UNAUTHORIZED_REQUEST
        return False


@pytest.fixture
def gate(store: RecordStore) -> Gate:
    return Gate(store)


async def admins(store: RecordStore) -> int:
    item = await store.get(COUNTERS, {"name": "ADMINS"})
    return 0 if item is None else item["value"]


async def test_the_first_request_of_a_user_makes_the_account_with_roles_and_session(gate: Gate) -> None:
    groups = frozenset({"Admins", "Mentors"})
    await gate.accounts.admit(gate.caller(name="Ada", email="Ada@x.org", groups=groups, ip_address="203.0.113.7"))

    user = await gate.users.get("ada")
    assert user is not None
    assert (user.display_name, user.email, user.roles, user.version) == ("Ada", "Ada@x.org", ("ADMIN", "MENTOR"), 1)
    roles = await gate.store.query(USER_ITEMS, "ROLE#ADMIN", index="KindIndex")
    assert [item["userId"] for item in roles.items] == ["ada"]
    assert await admins(gate.store) == 1
    [session], _ = await gate.sessions.page("ada", None, 10)
    assert (session.id, session.ip_address, session.last_seen_at) == ("s1", "203.0.113.7", gate.time)


async def test_many_first_requests_at_once_make_one_account(store: RecordStore) -> None:
    processes = [Gate(store) for _ in range(10)]
    calls = [
        partial(gate.accounts.admit, gate.caller(groups=frozenset({"Admins"}), session_id=f"s{number % 2}"))
        for number, gate in enumerate(processes)
    ]
    admitted = successes(await at_once(calls))

    assert [caller.groups for caller in admitted] == [{"Admins"}] * 10
    assert await admins(store) == 1
    found = await store.query(USER_ITEMS, "ada")
    assert [item["sk"] for item in found.items] == ["ROLE#ADMIN", "SESSION#s0", "SESSION#s1"]


async def test_who_is_no_person_passes_without_an_account(gate: Gate) -> None:
    for caller in (Caller(Mode.API_KEY), Caller(Mode.IAM)):
        assert await gate.accounts.admit(caller) is caller
    assert gate.store.taken() == []


async def test_a_user_seen_a_moment_ago_costs_no_read(gate: Gate) -> None:
    await gate.accounts.admit(gate.caller())
    gate.store.taken()
    for _ in range(100):
        gate.wait(0.2)
        await gate.accounts.admit(gate.caller())
    assert gate.store.taken() == []


async def test_an_hour_of_requests_writes_every_five_minutes_at_most(gate: Gate) -> None:
    await gate.accounts.admit(gate.caller())
    gate.store.taken()
    for _ in range(720):
        gate.wait(5)
        await gate.accounts.admit(gate.caller())
    calls = gate.store.taken()
    assert 1 <= len([call for call in calls if call in WRITES]) <= 12
    [session], _ = await gate.sessions.page("ada", None, 10)
    assert session.last_seen_at >= later(gate.time, seconds=-360)


async def test_a_credential_without_session_leaves_no_session(gate: Gate) -> None:
    await gate.accounts.admit(gate.caller(session_id=None))
    assert await gate.sessions.page("ada", None, 10) == ([], None)


async def test_the_session_names_the_device_of_its_last_use(gate: Gate) -> None:
    await gate.accounts.admit(gate.caller(user_agent="curl", ip_address="nowhere"))
    gate.wait(301)
    await gate.accounts.admit(gate.caller(user_agent="(X11; Linux) Firefox/130.0", ip_address="203.0.113.9"))
    [session], _ = await gate.sessions.page("ada", None, 10)
    assert (session.device_name, session.ip_address) == ("Firefox on Linux", "203.0.113.9")


async def test_a_long_unused_session_ends_by_itself(gate: Gate) -> None:
    await gate.accounts.admit(gate.caller())
    item = await gate.store.get(USER_ITEMS, {"userId": "ada", "sk": "SESSION#s1"})
    age = datetime.fromtimestamp(item["ttl"], UTC) - datetime.fromisoformat(gate.time)
    assert 89 <= age.days <= 90


async def test_a_verified_e_mail_is_taken_over_when_it_first_comes(gate: Gate) -> None:
    await gate.accounts.admit(gate.caller())
    gate.wait(31)
    await gate.accounts.admit(gate.caller(email="ada@x.org"))
    gate.wait(31)
    await gate.accounts.admit(gate.caller(email="other@x.org"))
    user = await gate.users.get("ada")
    assert user is not None
    assert (user.email, user.version) == ("ada@x.org", 2)
    found = await gate.store.query(USERS, "ad", index="EmailIndex")
    assert [item["userId"] for item in found.items] == ["ada"]


async def test_a_revoked_session_is_refused_at_once_here_and_soon_elsewhere(store: RecordStore) -> None:
    here, elsewhere = Gate(store), Gate(store)
    tablet = here.caller(session_id="tablet")
    for gate in (here, elsewhere):
        await gate.accounts.admit(gate.caller())
        await gate.accounts.admit(tablet)

    await here.sessions.revoke("ada", "tablet", here.time)

    assert await here.refuses(tablet)
    elsewhere.wait(30)
    assert await elsewhere.refuses(tablet)
    assert not await here.refuses(here.caller())
    assert not await elsewhere.refuses(elsewhere.caller())


async def test_a_refused_session_is_neither_touched_nor_opened_anew(gate: Gate) -> None:
    caller = gate.caller()
    await gate.accounts.admit(caller)
    revoked = await gate.sessions.revoke("ada", "s1", gate.time)
    gate.wait(3600)
    gate.store.taken()
    assert await gate.refuses(caller)
    assert WRITES.isdisjoint(gate.store.taken())
    assert (await gate.sessions.page("ada", None, 10))[0] == [revoked]


async def test_revoking_during_the_read_of_a_session_is_not_forgotten(gate: Gate) -> None:
    caller = gate.caller()
    await gate.accounts.admit(caller)
    gate.wait(31)
    seen = gate.sessions.seen

    async def revoked_meanwhile(*args: Any) -> Any:
        session = await seen(*args)
        await gate.sessions.revoke("ada", "s1", gate.time)
        return session

    gate.sessions.seen = revoked_meanwhile
    await gate.accounts.admit(caller)  # was under way before the revocation was acknowledged
    gate.sessions.seen = seen
    assert await gate.refuses(caller)


async def test_ending_all_sessions_refuses_every_earlier_sign_in(gate: Gate) -> None:
    phone, tablet, unseen = (gate.caller(session_id=name) for name in ("phone", "tablet", "unseen"))
    without_session = gate.caller(session_id=None)
    for caller in (phone, tablet):
        await gate.accounts.admit(caller)
    gate.wait(5)
    await gate.users.edit("ada", lambda user: signed_out(user, gate.time), None, gate.time)
    gate.wait(5)

    for caller in (phone, tablet, unseen, without_session):
        assert await gate.refuses(caller)
    assert not await gate.refuses(gate.caller(session_id="new"))
    sessions, _ = await gate.sessions.page("ada", None, 10)
    assert {session.id: session.revoked_at is None for session in sessions} == {
        "phone": False,
        "tablet": False,
        "unseen": False,
        "new": True,
    }


async def test_suspension_marks_the_caller_at_once_here_and_soon_elsewhere(store: RecordStore) -> None:
    here, elsewhere = Gate(store), Gate(store)
    for gate in (here, elsewhere):
        assert not (await gate.accounts.admit(gate.caller())).suspended
    moderator = Caller(Mode.COGNITO, user_id="mo", groups=frozenset({"Moderators"}))

    await here.users.edit("ada", lambda user: suspended(user, moderator, "Spam."), None, here.time)

    assert (await here.accounts.admit(here.caller())).suspended
    elsewhere.wait(30)
    assert (await elsewhere.accounts.admit(elsewhere.caller())).suspended


async def test_roles_set_later_replace_the_groups_of_the_credential(gate: Gate) -> None:
    old = gate.caller(groups=frozenset({"Mentors"}))
    await gate.accounts.admit(old)
    gate.wait(5)
    await gate.users.edit("ada", lambda user: with_roles(user, ["STUDENT"], gate.time), None, gate.time)
    assert (await gate.accounts.admit(old)).groups == {"Students"}
    gate.wait(1)
    assert (await gate.accounts.admit(gate.caller(groups=frozenset({"Admins"})))).groups == {"Admins"}


async def test_the_erased_are_refused_and_nothing_is_stored_about_them(gate: Gate) -> None:
    erased = {"userId": "ada", "status": "ERASED", "createdAt": gate.time, "erasedAt": gate.time}
    await gate.store.put(USERS, erased)
    assert await gate.refuses(gate.caller(name="Ada", email="ada@x.org", ip_address="203.0.113.7"))
    assert await gate.store.get(USERS, {"userId": "ada"}) == erased
    assert (await gate.store.query(USER_ITEMS, "ada")).items == []
    [summary] = await gate.users.summaries(["ada"])
    assert summary is not None
    assert summary.display_name == "Deleted user"


async def test_two_hundred_summaries_are_two_reads(gate: Gate) -> None:
    for number in range(3):
        await gate.accounts.admit(gate.caller(f"user{number}", name=f"User {number}"))
    gate.store.taken()
    asked = [f"user{number % 110}" for number in range(220)]
    found = await gate.users.summaries(asked)
    assert gate.store.taken() == ["batch_get", "batch_get"]
    assert [summary and summary.display_name for summary in found[:4]] == ["User 0", "User 1", "User 2", None]
    assert len(found) == 220
    assert found[110] == found[0]


async def test_an_audit_event_is_found_by_day_actor_and_target_and_never_replaced(store: RecordStore) -> None:
    now = Timestamp("2026-09-01T12:00:00.000Z")
    actor = Caller(Mode.COGNITO, user_id="root", ip_address="203.0.113.7")
    put = audit_write(actor, "setUserRoles", "ada", now, "01ID", {"roles": ["STUDENT"]})
    await store.transact([put])
    for index, value in (("ActorIndex", "root"), ("TargetIndex", "ada")):
        [item] = (await store.query(AUDIT_EVENTS, value, index=index)).items
        assert item["action"] == "setUserRoles"
        assert item["details"] == {"roles": ["STUDENT"]}
    with pytest.raises(TransactionFailed):
        await store.transact([put])


async def test_a_failing_touch_refuses_nobody(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    await gate.accounts.admit(gate.caller())
    gate.wait(600)

    async def busy(*args: Any, **kwargs: Any) -> Any:
        raise DomainError(Code.THROTTLED, "The store is busy.")

    monkeypatch.setattr(gate.store, "update", busy, raising=False)
    assert not await gate.refuses(gate.caller())
