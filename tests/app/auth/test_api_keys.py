"""The API key mode: what is a live key, and how seldom the store is asked."""

import asyncio

import pytest

from app.auth.api_keys import CACHE_SECONDS, UNKNOWN_KEY_BURST, ApiKeyVerifier
from datasources.api_keys import ApiKey, key_hash
from domain.callers import Caller, Mode
from domain.errors import Code, DomainError, dependency_failed
from domain.times import Timestamp, from_epoch
from tests.app.auth.signing import NOW, Clock

FIXED = "da2-fixedfixedfixedfixedfixedf"
TEXT = "da2-abcdefghijklmnopqrstuvwxyz"


class Kept:
    """Keys of a store that counts how often it is read."""

    def __init__(self) -> None:
        self.keys: tuple[ApiKey, ...] = ()
        self.reads = 0
        self.down = False

    async def list(self, now: Timestamp) -> tuple[ApiKey, ...]:
        self.reads += 1
        await asyncio.sleep(0)
        if self.down:
            raise dependency_failed("The record store")
        return tuple(key for key in self.keys if key.expires_at > now)

    def add(self, text: str, *, seconds: float = 3600) -> None:
        self.keys += (ApiKey(key_hash(text), "", from_epoch(NOW), from_epoch(NOW + seconds)),)


@pytest.fixture
def kept() -> Kept:
    return Kept()


@pytest.fixture
def verifier(kept: Kept, clock: Clock) -> ApiKeyVerifier:
    return ApiKeyVerifier([FIXED], kept, clock)  # type: ignore[arg-type]


async def test_a_live_key_is_an_application(verifier: ApiKeyVerifier, kept: Kept) -> None:
    kept.add(TEXT)

    assert await verifier.verify(TEXT) == Caller(
        Mode.API_KEY, key_id=key_hash(TEXT)[:16], expires_at=from_epoch(NOW + 3600)
    )


async def test_a_key_of_the_settings_needs_no_store_and_does_not_expire(
    verifier: ApiKeyVerifier, kept: Kept, clock: Clock
) -> None:
    kept.down = True
    clock.time += 10 * 365 * 86_400

    assert await verifier.verify(FIXED) == Caller(Mode.API_KEY, key_id=key_hash(FIXED)[:16])
    assert await verifier.accepts(key_hash(FIXED)[:16])


@pytest.mark.parametrize("text", ["", "da2-", TEXT.upper(), TEXT + " ", TEXT[:-1], key_hash(TEXT), "é", "x" * 100_000])
async def test_any_other_text_is_no_key(verifier: ApiKeyVerifier, kept: Kept, text: str) -> None:
    kept.add(TEXT)

    assert await verifier.verify(text) is None


async def test_a_key_ends_at_its_second_though_it_is_remembered(
    verifier: ApiKeyVerifier, kept: Kept, clock: Clock
) -> None:
    kept.add(TEXT, seconds=5)
    assert await verifier.verify(TEXT) is not None
    clock.time += 5

    assert await verifier.verify(TEXT) is None


async def test_a_revoked_key_is_refused_within_thirty_seconds(
    verifier: ApiKeyVerifier, kept: Kept, clock: Clock
) -> None:
    kept.add(TEXT)
    assert await verifier.verify(TEXT) is not None
    kept.keys = ()
    clock.time += CACHE_SECONDS

    assert await verifier.verify(TEXT) is None


async def test_new_keys_work_at_once(verifier: ApiKeyVerifier, kept: Kept) -> None:
    for number in range(UNKNOWN_KEY_BURST):
        kept.add(f"da2-{number}")
        assert await verifier.verify(f"da2-{number}") is not None


async def test_after_a_flood_of_wrong_keys_a_new_one_works_within_a_second(
    verifier: ApiKeyVerifier, kept: Kept, clock: Clock
) -> None:
    for number in range(2 * UNKNOWN_KEY_BURST):
        assert await verifier.verify(f"da2-wrong-{number}") is None
    assert kept.reads == 1 + UNKNOWN_KEY_BURST
    kept.add(TEXT)
    clock.time += 1

    assert await verifier.verify(TEXT) is not None


async def test_a_known_key_is_read_every_thirty_seconds_only(
    verifier: ApiKeyVerifier, kept: Kept, clock: Clock
) -> None:
    kept.add(TEXT)
    for _ in range(60):
        await verifier.verify(TEXT)
        clock.time += 1

    assert kept.reads == 2


async def test_a_flood_of_wrong_keys_is_one_read_a_second(verifier: ApiKeyVerifier, kept: Kept, clock: Clock) -> None:
    for second in range(3):
        refused = await asyncio.gather(*(verifier.verify(f"da2-{second}-{n}") for n in range(500)))
        assert refused == [None] * 500
        clock.time += 1

    assert kept.reads == 3


async def test_without_the_store_an_old_answer_is_not_trusted(
    verifier: ApiKeyVerifier, kept: Kept, clock: Clock
) -> None:
    kept.add(TEXT)
    assert await verifier.verify(TEXT) is not None
    kept.down = True

    assert await verifier.verify(TEXT) is not None
    clock.time += CACHE_SECONDS
    with pytest.raises(DomainError) as caught:
        await verifier.verify(TEXT)
    assert caught.value.code is Code.DEPENDENCY_FAILED


async def test_forgetting_reads_anew(verifier: ApiKeyVerifier, kept: Kept) -> None:
    kept.add(TEXT)
    assert await verifier.verify(TEXT) is not None
    kept.keys = ()
    verifier.forget()

    assert await verifier.verify(TEXT) is None


async def test_a_key_that_was_good_is_accepted_until_three_seconds_after_its_end(
    verifier: ApiKeyVerifier, kept: Kept, clock: Clock
) -> None:
    """However often it is asked, so that whoever listens with it is sent away."""
    kept.add(TEXT, seconds=60)
    caller = await verifier.verify(TEXT)
    assert caller is not None
    assert caller.key_id is not None
    assert await verifier.accepts(caller.key_id)
    kept.keys = ()
    clock.time += 3

    assert not await verifier.accepts(caller.key_id)


async def test_a_key_that_left_the_settings_is_not_accepted(kept: Kept, clock: Clock) -> None:
    after = ApiKeyVerifier([], kept, clock)  # type: ignore[arg-type]

    assert not await after.accepts(key_hash(FIXED)[:16])
    assert await after.verify(FIXED) is None
