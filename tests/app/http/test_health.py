"""What load balancers hear."""

import asyncio

import pytest

from app.http.health import Health
from domain.errors import dependency_failed
from tests.app.http.conftest import Serve
from tests.waiting import PATIENCE_SECONDS, ManualClock


class Store:
    """Answers as often as it is asked, unless it is down."""

    down = False
    asked = 0

    async def ready(self) -> None:
        self.asked += 1
        if self.down:
            raise dependency_failed("The record store at 10.0.0.1")


async def test_a_look_counts_for_two_seconds():
    clock, store = ManualClock(), Store()
    health = Health(store.ready, clock)
    assert [await health.ready() for _ in range(5)] == [True] * 5
    assert store.asked == 1
    store.down = True
    assert await health.ready()
    clock.now += 2
    assert not await health.ready()
    store.down = False
    clock.now += 2
    assert await health.ready()


async def test_many_who_ask_at_once_are_one_look():
    store = Store()
    health = Health(store.ready)
    assert all(await asyncio.gather(*(health.ready() for _ in range(50))))
    assert store.asked == 1


async def test_a_store_that_hangs_is_not_ready(monkeypatch):
    monkeypatch.setattr("app.http.health.CHECK_SECONDS", 0.05)
    async with asyncio.timeout(PATIENCE_SECONDS):
        assert not await Health(asyncio.Event().wait).ready()


@pytest.mark.parametrize("fault", [dependency_failed("x"), OSError("x"), RuntimeError("x")])
async def test_whatever_goes_wrong_is_not_ready(fault):
    async def check() -> None:
        raise fault

    assert not await Health(check).ready()


async def test_paths_and_words(serve: Serve):
    store = Store()
    async with serve(check=store.ready) as site:

        async def get(path: str) -> tuple[int, str]:
            response = await site.client.get(path)
            return response.status, await response.text()

        assert await get("/ping") == (200, "healthy")
        assert await get("/livez") == (200, "alive")
        assert await get("/readyz") == (200, "ready")


async def test_a_broken_store_is_no_reason_to_restart_and_its_details_stay_here(serve: Serve):
    store = Store()
    store.down = True
    async with serve(check=store.ready) as site:
        response = await site.client.get("/readyz")
        assert (response.status, await response.text()) == (503, "not ready")
        assert (await site.client.get("/livez")).status == 200
        assert (await site.client.get("/ping")).status == 200
