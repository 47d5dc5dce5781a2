"""The demo school as it is written down in demo_school.toml."""

from pathlib import Path
from typing import Any, Literal

import msgspec

_FILE = Path(__file__).with_name("demo_school.toml")

Fate = Literal["dropped", "revoked", "expired", "completed", "active", "granted", "pending", "waiting"]
"""What became of a learner."""


class Person(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    username: str
    name: str
    bio: str | None = None


class DemoLesson(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    title: str
    kind: str
    minutes: int
    body: str
    preview: bool = False
    link: str | None = None


class DemoModule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    title: str
    lessons: tuple[DemoLesson, ...]


class DemoCourse(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    slug: str
    title: str
    summary: str
    level: str
    language: str
    category: str
    tags: tuple[str, ...]
    access_model: str
    owner: str
    state: str
    days_ago: int
    learners: dict[Fate, int]
    modules: tuple[DemoModule, ...]
    also: dict[str, Fate] = {}
    mentors: tuple[str, ...] = ()
    description: str | None = None
    price: dict[str, Any] | None = None
    capacity: int | None = None
    access_days: int | None = None
    completion_percent: float = 100.0


class DemoSchool(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    mentors: tuple[Person, ...]
    admins: tuple[Person, ...]
    moderators: tuple[Person, ...]
    students: tuple[Person, ...]
    courses: tuple[DemoCourse, ...]


def read() -> DemoSchool:
    import tomllib  # only the first start plants the school

    return msgspec.convert(tomllib.loads(_FILE.read_text(encoding="utf-8")), DemoSchool)
