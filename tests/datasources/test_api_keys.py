"""API keys as they are kept: never in the clear, for a bounded time, and never too many."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from datasources.api_keys import MAX_KEYS, ApiKeys, key_hash
from datasources.local.sqlite import SQLiteStore
from datasources.ports import RecordStore
from datasources.tables import API_KEYS
from domain.errors import Code, DomainError
from domain.times import Timestamp, later

NOW = Timestamp("2026-11-21T10:00:00.000Z")


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[RecordStore]:
    async with SQLiteStore.open(tmp_path / "records.db", [API_KEYS]) as store:
        yield store


@pytest.fixture
def keys(store: RecordStore) -> ApiKeys:
    return ApiKeys(store)


async def test_a_key_is_shown_once_and_kept_as_its_hash(keys: ApiKeys, store: RecordStore) -> None:
    key, text = await keys.create(NOW, description="Catalog of the web site")

    assert re.fullmatch(r"da2-[a-z0-9]{26}", text)
    assert key.hash == key_hash(text)
    assert await keys.list(NOW) == (key,)
    assert text not in repr(await store.get(API_KEYS, {"name": "KEYS"}))


async def test_a_key_lives_for_a_week_or_as_long_as_was_said(keys: ApiKeys) -> None:
    week, _ = await keys.create(NOW)
    year, _ = await keys.create(NOW, days=365)

    assert week.expires_at == "2026-11-28T10:00:00.000Z"
    assert await keys.list(later(NOW, days=7, seconds=-1)) == (week, year)
    assert await keys.list(later(NOW, days=7)) == (year,)
    assert await keys.list(later(NOW, days=365)) == ()


@pytest.mark.parametrize("days", [0, -1, 366])
async def test_a_key_lives_for_a_day_to_a_year(keys: ApiKeys, days: int) -> None:
    with pytest.raises(DomainError) as caught:
        await keys.create(NOW, days=days)

    assert caught.value.code is Code.BAD_REQUEST
    assert await keys.list(NOW) == ()


async def test_a_description_is_short(keys: ApiKeys) -> None:
    with pytest.raises(DomainError) as caught:
        await keys.create(NOW, description="x" * 201)

    assert caught.value.info["field"] == "description"


async def test_a_revoked_key_is_gone_and_the_others_stay(keys: ApiKeys) -> None:
    (first, _), (second, _) = await keys.create(NOW), await keys.create(NOW)
    await keys.revoke(first.id, NOW)

    assert await keys.list(NOW) == (second,)
    with pytest.raises(DomainError) as caught:
        await keys.revoke(first.id, NOW)
    assert caught.value.code is Code.NOT_FOUND


async def test_fifty_live_keys_are_the_most_and_dead_ones_make_room(keys: ApiKeys) -> None:
    for _ in range(MAX_KEYS):
        await keys.create(NOW, days=1)

    with pytest.raises(DomainError) as caught:
        await keys.create(NOW)
    assert (caught.value.code, caught.value.info["limit"]) == (Code.LIMIT_EXCEEDED, 50)
    assert await keys.create(later(NOW, days=1))


async def test_of_many_made_at_once_none_is_lost_and_none_too_many(keys: ApiKeys) -> None:
    for _ in range(MAX_KEYS - 3):
        await keys.create(NOW)
    barrier = asyncio.Barrier(8)

    async def create() -> str:
        await barrier.wait()
        key, _ = await keys.create(NOW)
        return key.id

    results = await asyncio.gather(*(create() for _ in range(8)), return_exceptions=True)
    made = {result for result in results if isinstance(result, str)}
    assert [error.code for error in results if isinstance(error, DomainError)] == [Code.LIMIT_EXCEEDED] * 5
    assert made == {key.id for key in (await keys.list(NOW))[-3:]}
