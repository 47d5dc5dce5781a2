"""What is Rekognition's own: throttling, deletions to be repeated, liveness, and a collection made at need."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager

import pytest

from datasources.aws.rekognition import Rekognition, open_rekognition
from domain.errors import Code, DomainError
from tests.aws_json import played
from tests.datasources.aws.fake_rekognition import FakeRekognition, Shown
from tests.waiting import PATIENCE_SECONDS

EVA = b"a picture of Eva"
COLLECTION = "school"


@pytest.fixture
def fake() -> FakeRekognition:
    fake = FakeRekognition()
    fake.shows(EVA, Shown("eva"))
    return fake


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "emulated")


@pytest.fixture
async def url(fake: FakeRekognition) -> AsyncIterator[str]:
    async with played("rekognition", fake.answer) as url:
        yield url


@pytest.fixture
async def engine(url: str) -> AsyncIterator[Rekognition]:
    async with opened(url, PATIENCE_SECONDS) as engine:
        yield engine


@pytest.fixture
async def impatient(url: str) -> AsyncIterator[Rekognition]:
    """Gives up soon, for what never comes."""
    async with opened(url, 1.0) as engine:
        yield engine


def opened(url: str, seconds: float) -> AbstractAsyncContextManager[Rekognition]:
    return open_rekognition(COLLECTION, region="eu-central-1", endpoint_url=url, seconds=seconds)


async def test_the_collection_is_made_with_the_first_face(engine: Rekognition, fake: FakeRekognition) -> None:
    assert (await engine.stored()).faces == []
    await engine.enroll("u1", EVA)
    await engine.enroll("auth|u2", EVA)

    assert fake.calls.count("CreateCollection") == 1
    assert [face.user_id for face in (await engine.stored()).faces] == ["u1", "auth|u2"]


async def test_short_throttling_is_waited_for(engine: Rekognition, fake: FakeRekognition) -> None:
    eva = await engine.enroll("u1", EVA)
    fake.busy = 2
    assert await engine.compare("u1", eva, EVA) == pytest.approx(fake.similarity)


async def test_long_throttling_is_told_as_retryable(
    fake: FakeRekognition, engine: Rekognition, impatient: Rekognition
) -> None:
    eva = await engine.enroll("u1", EVA)
    fake.busy = 10**6
    with pytest.raises(DomainError) as refused:
        await impatient.compare("u1", eva, EVA)
    assert refused.value.code is Code.FACE_SERVICE_BUSY
    assert refused.value.info["retryable"] is True


async def test_deleting_goes_on_until_rekognition_says_that_nothing_is_left(
    engine: Rekognition, fake: FakeRekognition
) -> None:
    eva = await engine.enroll("u1", EVA)
    fake.stuck = 2

    await engine.delete("u1", [eva])

    assert fake.calls.count("DeleteFaces") == 3
    assert fake.collections[COLLECTION].faces == {}
    assert fake.collections[COLLECTION].users == set()


async def test_a_deletion_that_never_succeeds_gives_no_receipt(engine: Rekognition, fake: FakeRekognition) -> None:
    eva = await engine.enroll("u1", EVA)
    fake.stuck = 10**6
    with pytest.raises(DomainError) as refused:
        await engine.delete("u1", [eva])
    assert refused.value.code is Code.FACE_SERVICE_BUSY


async def test_a_new_face_is_there_when_enrolling_returns(engine: Rekognition, fake: FakeRekognition) -> None:
    fake.slow = 3
    eva = await engine.enroll("u1", EVA)
    assert await engine.compare("u1", eva, EVA) > 0


async def test_a_face_that_cannot_be_named_is_not_kept(
    engine: Rekognition, impatient: Rekognition, fake: FakeRekognition
) -> None:
    await engine.delete("u1", [await engine.enroll("u1", EVA)])  # so that the collection is there
    fake.slow = 10**6
    with pytest.raises(DomainError):
        await impatient.enroll("u1", EVA)
    assert fake.collections[COLLECTION].faces == {}


async def test_of_two_people_who_look_alike_each_is_compared_with_their_own_face(
    engine: Rekognition, fake: FakeRekognition
) -> None:
    one, other = await engine.enroll("u1", EVA), await engine.enroll("u2", EVA)
    assert await engine.compare("u2", other, EVA) == pytest.approx(fake.similarity)
    await engine.delete("u2", [other])
    assert await engine.compare("u2", other, EVA) == 0
    assert await engine.compare("u1", one, EVA) == pytest.approx(fake.similarity)


async def test_liveness_is_what_rekognition_found(engine: Rekognition, fake: FakeRekognition) -> None:
    assert engine.liveness is not None
    assert engine.liveness.region == "eu-central-1"
    session = await engine.liveness.start()
    assert not (await engine.liveness.result(session)).passed

    fake.checks[session] = {"Status": "SUCCEEDED", "Confidence": 97.5, "ReferenceImage": {"Bytes": EVA}}
    assert (await engine.liveness.result(session)).reference == EVA

    for failed in ({"Status": "SUCCEEDED", "Confidence": 40.0, "ReferenceImage": {"Bytes": EVA}}, {"Status": "FAILED"}):
        fake.checks[session] = failed
        assert not (await engine.liveness.result(session)).passed
    assert not (await engine.liveness.result("00000000-0000-0000-0000-000000000000")).passed


async def test_a_fault_of_the_network_is_no_refusal_of_the_picture() -> None:
    async with open_rekognition(COLLECTION, region="eu-central-1", endpoint_url="http://127.0.0.1:9") as engine:
        with pytest.raises(DomainError) as refused:
            await engine.compare("u1", "f1", EVA)
    assert refused.value.code is Code.DEPENDENCY_FAILED
