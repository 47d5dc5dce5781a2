"""The states of a membership: every step from every state."""

from collections.abc import Callable

import msgspec
import pytest

from domain.errors import DomainError
from domain.room_members import RoomMember, founder, invite, join, leave, may_know, moderate, require_may_read
from domain.rooms import Room, archived_room, new_room
from domain.times import Timestamp

NOW = Timestamp("2036-09-01T08:00:00.000Z")
LATER = Timestamp("2036-09-02T08:00:00.000Z")
STATES = (None, "INVITED", "JOINED", "LEFT", "BANNED")


def room(kind: str) -> Room:
    made = new_room({"kind": "PRIVATE", "name": "Shore birds"}, room_id="room", now=NOW)
    return msgspec.structs.replace(made, kind=kind, last_sequence=7)


def member(status: str | None) -> RoomMember | None:
    if status is None:
        return None
    made = founder(room("PUBLIC"), "ben", "MEMBER")
    return msgspec.structs.replace(made, status=status, version=4, muted_until_at=LATER)


def outcome(step: Callable[[], RoomMember]) -> str:
    """The state that the step leads to, or the code of its refusal."""
    try:
        return step().status
    except DomainError as refusal:
        return refusal.code.value


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("PUBLIC", ("JOINED", "JOINED", "JOINED", "JOINED", "MEMBER_BANNED")),
        ("PRIVATE", ("NOT_FOUND", "JOINED", "JOINED", "NOT_FOUND", "MEMBER_BANNED")),
    ],
)
def test_joining(kind: str, expected: tuple[str, ...]) -> None:
    found = [outcome(lambda status=status: join(room(kind), "ben", member(status), NOW)) for status in STATES]
    assert tuple(found) == expected


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("PUBLIC", ("JOINED", "JOINED", "JOINED", "JOINED", "MEMBER_BANNED")),
        ("PRIVATE", ("INVITED", "INVITED", "JOINED", "INVITED", "MEMBER_BANNED")),
    ],
)
def test_inviting(kind: str, expected: tuple[str, ...]) -> None:
    found = [outcome(lambda status=status: invite(room(kind), "ben", member(status), "ada", NOW)) for status in STATES]
    assert tuple(found) == expected


def test_leaving() -> None:
    there = [each for each in map(member, STATES) if each is not None]
    found = [outcome(lambda each=each: leave(room("PRIVATE"), each)) for each in there]
    assert found == ["LEFT", "LEFT", "INVALID_STATE", "INVALID_STATE"]
    assert {outcome(lambda each=each: leave(room("DIRECT"), each)) for each in there} == {"INVALID_STATE"}


@pytest.mark.parametrize("wanted", ["LEFT", "BANNED"])
def test_sending_away(wanted: str) -> None:
    owner = founder(room("PUBLIC"), "ada", "OWNER")
    for before in map(member, STATES[1:]):
        assert before is not None
        after = moderate(room("PUBLIC"), owner, before, {"status": wanted}, NOW)
        assert (after.status, after.role) == (wanted, "MEMBER")
        assert after.version == before.version + (before.status != wanted)


def test_a_new_place_begins_at_the_end_of_what_was_said_and_keeps_a_mute() -> None:
    back = join(room("PUBLIC"), "ben", member("LEFT"), LATER)
    assert (back.last_read_sequence, back.version, back.joined_at) == (7, 5, LATER)
    assert (back.muted_until_at, back.role) == (LATER, "MEMBER")


def test_nothing_begins_in_an_archived_room() -> None:
    closed = archived_room(room("PUBLIC"))
    for step in (
        lambda: join(closed, "ben", None, NOW),
        lambda: invite(closed, "ben", None, "ada", NOW),
    ):
        assert outcome(step) == "ROOM_ARCHIVED"


@pytest.mark.parametrize("kind", ["PUBLIC", "PRIVATE", "DIRECT"])
@pytest.mark.parametrize("status", STATES)
def test_who_knows_and_reads_a_room(kind: str, status: str | None) -> None:
    knows = kind == "PUBLIC" or status == "JOINED"
    assert may_know(room(kind), member(status)) == knows
    if knows and status != "BANNED":
        require_may_read(room(kind), member(status))
        return
    with pytest.raises(DomainError) as refusal:
        require_may_read(room(kind), member(status))
    assert refusal.value.code == ("FORBIDDEN" if knows else "NOT_FOUND")
