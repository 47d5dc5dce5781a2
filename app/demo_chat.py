"""The demo school's conversations as they are written down in demo_chat.toml."""

from pathlib import Path

import msgspec

from domain.rooms import RoomKind

_FILE = Path(__file__).with_name("demo_chat.toml")


class DemoLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    by: str
    says: str
    after: int = 1
    to: int | None = None
    liked: dict[str, tuple[str, ...]] = {}


class DemoRoom(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    kind: RoomKind
    owner: str
    days_ago: int
    lines: tuple[DemoLine, ...]
    id: str | None = None
    name: str | None = None
    topic: str | None = None
    course: str | None = None
    moderators: tuple[str, ...] = ()
    members: tuple[str, ...] = ()
    invited: tuple[str, ...] = ()


class _DemoChat(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    rooms: tuple[DemoRoom, ...]


def read() -> tuple[DemoRoom, ...]:
    import tomllib  # only the first start plants the school

    return msgspec.convert(tomllib.loads(_FILE.read_text(encoding="utf-8")), _DemoChat).rooms
