"""Media in the store: ownership, use, and what the owner is charged with."""

import msgspec
import pytest

from datasources.media import Media
from datasources.media_rows import new_media
from datasources.media_uses import Use, no_longer_uses, uses, uses_of
from datasources.ports import RecordStore
from datasources.tables import MEDIA, USERS
from datasources.transactions import commit
from domain import media as steps
from domain.errors import Code, DomainError
from domain.media import MediaAsset, Processed
from domain.times import later
from tests.domain.test_media import media
from tests.races import at_once, successes
from tests.school import Clock

LESSON = Use("LESSON", "c1.l1")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def kept(store: RecordStore, clock: Clock) -> Media:
    return Media(store, clock.now)


async def stored(store: RecordStore, made: MediaAsset) -> MediaAsset:
    await store.transact([new_media(made)])
    return made


async def test_media_is_found_by_id_and_what_is_deleted_by_nobody_but_its_publisher(
    store: RecordStore, kept: Media
) -> None:
    await store.put(USERS, {"userId": "ada", "storageUsedBytes": 5_497_558_138_880})
    first = await stored(store, media())
    second = await stored(store, media(id="m2"))
    assert await kept.many(["m2", "unknown", "m1", "m2"]) == [second, None, first, second]

    await kept.step("m1", steps.deleted)

    assert await kept.many(["m1", "m2"]) == [None, second]
    left = await kept.get("m1")
    assert left is not None
    assert left.status == "DELETED"
    assert (await kept.list_owner("ada", None, None, 10))[0] == [second]
    with pytest.raises(DomainError, match="No such media"):
        await kept.usable(["m1"], owner_id="ada", kinds=["VIDEO"], purposes=["LESSON"], field="input.mediaId")


async def test_an_owners_media_are_listed_newest_first_by_kind(store: RecordStore, kept: Media, clock: Clock) -> None:
    for number, kind in enumerate(("VIDEO", "IMAGE", "VIDEO", "VIDEO")):
        await stored(store, media(id=f"m{number}", kind=kind, created_at=later(clock.now(), seconds=number)))
    await stored(store, media(id="other", owner_id="eve"))
    found, position = await kept.list_owner("ada", "VIDEO", None, 2)
    assert [each.id for each in found] == ["m3", "m2"]
    found, position = await kept.list_owner("ada", "VIDEO", position, 2)
    assert ([each.id for each in found], position) == (["m0"], None)


async def test_only_what_is_ready_begins_to_be_used(store: RecordStore, kept: Media) -> None:
    await stored(store, media("PROCESSING"))
    with pytest.raises(DomainError) as refusal:
        await commit(store, uses("m1", LESSON))
    assert refusal.value.code is Code.MEDIA_NOT_READY
    assert await uses_of(store, "m1", "LESSON") == []

    job = (await kept.start_processing("m1")).job_started_at
    assert job is not None
    await kept.ready("m1", job, Processed(duration_seconds=7))
    await commit(store, uses("m1", LESSON))
    assert await uses_of(store, "m1", "LESSON") == [LESSON]
    await commit(store, [no_longer_uses("m1", LESSON)])
    assert await uses_of(store, "m1", "LESSON") == []


async def test_a_use_leaves_the_version_to_its_editors(store: RecordStore, kept: Media) -> None:
    before = await stored(store, media())
    await commit(store, uses("m1", LESSON))
    assert await kept.get("m1") == msgspec.structs.replace(before, use_number=1)


async def test_the_owner_gets_the_bytes_back_once(store: RecordStore, kept: Media) -> None:
    await store.put(USERS, {"userId": "ada", "storageUsedBytes": 1000})
    await stored(store, media(size_bytes=400))

    results = await at_once([lambda: kept.step("m1", steps.deleted)] * 5)

    assert len(successes(results)) == 1
    assert {refusal.code for refusal in results if isinstance(refusal, DomainError)} == {Code.NOT_FOUND}
    assert (await store.get(USERS, {"userId": "ada"}) or {})["storageUsedBytes"] == 600


async def test_what_was_quarantined_is_not_given_back_again(store: RecordStore, kept: Media) -> None:
    await store.put(USERS, {"userId": "ada", "storageUsedBytes": 1000})
    await stored(store, media(size_bytes=400))
    await kept.quarantined("m1", "Malware.")
    await kept.step("m1", steps.deleted)
    assert (await store.get(USERS, {"userId": "ada"}) or {})["storageUsedBytes"] == 600


async def test_a_step_names_the_version_that_it_meets(store: RecordStore, kept: Media) -> None:
    await stored(store, media())
    with pytest.raises(DomainError) as refusal:
        await kept.step("m1", lambda it: steps.renamed(it, "x"), expected_version=2)
    assert (refusal.value.code, refusal.value.info["currentVersion"]) == (Code.CONFLICT, 3)
    with pytest.raises(DomainError, match="No such media"):
        await kept.step("unknown", steps.deleted)


async def test_work_waits_in_the_index_as_long_as_there_is_some(store: RecordStore, kept: Media, clock: Clock) -> None:
    await stored(store, media("SCANNING"))
    item = await store.get(MEDIA, {"mediaId": "m1"}) or {}
    assert item["workShard"].startswith("INTAKE#")
    await kept.step("m1", lambda it: steps.passed(it, "SCAN", is_processed=True))
    clock.advance(seconds=60)
    await kept.step("m1", lambda it: steps.passed(it, "CHECK", is_processed=True))
    item = await store.get(MEDIA, {"mediaId": "m1"}) or {}
    assert (item["workShard"].partition("#")[0], item["workAt"]) == ("PLAY", clock.now())
    await kept.failed("m1", None, "It broke.")
    item = await store.get(MEDIA, {"mediaId": "m1"}) or {}
    assert item.keys().isdisjoint({"workShard", "workAt"})
