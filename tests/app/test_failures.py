"""What operators see of failures, and how they have one tried again."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest

from app.cli.main import main
from app.engines import DATABASE_FILE
from datasources.deliveries import Deliveries
from datasources.local.sqlite import SQLiteStore
from datasources.ports import FeedEvent
from datasources.set_aside import SetAsides, set_aside
from datasources.tables import COURSES
from domain.deliveries import MOST_TRIES
from domain.errors import dependency_failed
from tests.notifying import House, draft

T = TypeVar("T")
COURSE = {"courseId": "c1", "sk": "META"}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    return tmp_path


def in_store(folder: Path, work: Callable[[SQLiteStore], Awaitable[T]]) -> T:
    async def run() -> T:
        async with SQLiteStore.open(folder / DATABASE_FILE) as store:
            return await work(store)

    return asyncio.run(run())


async def fail_to_send(store: SQLiteStore) -> House:
    """A mail to ben that was given up."""
    house = House(store)
    await house.add_user()
    await house.use_channels("EMAIL")
    house.way.faults = [dependency_failed("The mail server")] * MOST_TRIES
    await house.notifier.tell([draft()])
    for _ in range(MOST_TRIES):
        await house.sending.run()
        house.clock.advance(seconds=3_600)
    return house


async def fail_to_handle(store: SQLiteStore) -> None:
    event = FeedEvent("17", COURSES.name, "MODIFY", COURSE, COURSE, {**COURSE, "title": "Birds"})
    await store.transact([set_aside("course-search", event, ValueError("a secret"), House(store).clock.now())])


def ids(printed: str) -> list[str]:
    return [line.split()[-1] for line in printed.splitlines()]


def test_nothing_failed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["notifications", "failed"]) == 0
    assert capsys.readouterr().out == ""


def test_failures_are_listed_without_addresses_and_contents(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    in_store(folder, fail_to_send)
    in_store(folder, fail_to_handle)

    assert main(["notifications", "failed"]) == 1

    [mail, change] = capsys.readouterr().out.splitlines()
    assert "EMAIL TRIES_EXHAUSTED after 10 tries" in mail
    assert 'course-search ValueError on Courses {"courseId":"c1","sk":"META"}' in change
    assert not any(word in mail + change for word in ("example.org", "Room change", "Birds", "secret"))


def test_what_is_retried_leaves_the_list_and_waits_for_the_workers(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    house = in_store(folder, fail_to_send)
    in_store(folder, fail_to_handle)
    main(["notifications", "failed"])

    assert main(["notifications", "retry", *ids(capsys.readouterr().out)]) == 0

    assert main(["notifications", "failed"]) == 0

    async def due(store: SQLiteStore) -> tuple[list[int], list[str]]:
        waiting = await Deliveries(store).due(later(house), most=100)
        return [delivery.tries for delivery in waiting], [row.id for row in await SetAsides(store).due(most=9)]

    assert in_store(folder, due) == ([0], ["course-search#17"])


def later(house: House) -> str:
    house.clock.advance(days=10_000)
    return house.clock.now()


@pytest.mark.parametrize("id", ["nothing", "ben/nothing", "ben/", "/x", "course-search#17"])
def test_what_never_failed_is_not_retried(folder: Path, capsys: pytest.CaptureFixture[str], id: str) -> None:
    assert main(["notifications", "retry", id]) == 2
    assert id in capsys.readouterr().err


def test_a_change_that_was_not_kept_cannot_be_retried(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async def fail(store: SQLiteStore) -> None:
        large = FeedEvent("18", COURSES.name, "INSERT", COURSE, None, {**COURSE, "text": "x" * 390_000})
        await store.transact([set_aside("course-search", large, ValueError(), House(store).clock.now())])

    in_store(folder, fail)

    assert main(["notifications", "failed"]) == 1
    assert "too large to be kept" in capsys.readouterr().out
    assert main(["notifications", "retry", "course-search#18"]) == 2


def test_a_limit_that_is_none_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["notifications", "failed", "--limit", "0"]) == 2
    assert "1 to 1000" in capsys.readouterr().err
