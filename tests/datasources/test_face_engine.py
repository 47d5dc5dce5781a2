"""What every face engine does, on the engine of one machine and on Rekognition as it is documented.

The machine's engine looks at the pictures; for Rekognition a fake is told what they show.
"""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from datasources.aws.rekognition import open_rekognition
from datasources.face_engine import FaceEngine, StoredFace, UnreadablePicture
from datasources.local.faces import open_faces
from datasources.local.sqlite import SQLiteStore
from domain.errors import Code, DomainError
from tests import faces
from tests.aws_json import played
from tests.datasources.aws.fake_rekognition import FakeRekognition, Shown


class Pictures:
    """The same pictures for all tests, and what they show."""

    def __init__(self) -> None:
        self.eva, self.eva_again = (faces.encoded(faces.portrait(name)) for name in ("eva", "eva again"))
        self.mia = faces.encoded(faces.portrait("mia"))
        self.group = faces.encoded(faces.group())
        self.nobody = faces.encoded(faces.landscape())
        self.blurred = faces.encoded(faces.blurred(faces.portrait("eva")))

    def explain_to(self, fake: FakeRekognition) -> None:
        fake.shows(self.eva, Shown("eva"))
        fake.shows(self.eva_again, Shown("eva"))
        fake.shows(self.mia, Shown("mia"))
        fake.shows(self.group, *(Shown(name) for name in ("zoe", "lin", "ann", "bea")))
        fake.shows(self.nobody)
        fake.shows(self.blurred, Shown("eva", "LOW_SHARPNESS"))


@pytest.fixture(scope="module")
def pictures() -> Pictures:
    return Pictures()


@pytest.fixture(params=["local", "rekognition"])
async def engine(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pictures: Pictures
) -> AsyncIterator[FaceEngine]:
    if request.param == "local":
        async with (
            SQLiteStore.open(tmp_path / "records.db") as store,
            open_faces(store, b"a secret of the tests") as local,
        ):
            yield local
    else:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.setenv(name, "emulated")
        fake = FakeRekognition()
        pictures.explain_to(fake)
        async with (
            played("rekognition", fake.answer) as url,
            open_rekognition("school", region="eu-central-1", endpoint_url=url) as rekognition,
        ):
            yield rekognition


async def stored(engine: FaceEngine) -> set[StoredFace]:
    found: set[StoredFace] = set()
    page = await engine.stored()
    found.update(page.faces)
    while page.last is not None:
        page = await engine.stored(after=page.last)
        found.update(page.faces)
    return found


async def test_a_user_is_known_in_another_picture_and_nobody_else_is(engine: FaceEngine, pictures: Pictures) -> None:
    eva = await engine.enroll("eva", pictures.eva)
    mia = await engine.enroll("mia", pictures.mia)

    assert await engine.compare("eva", eva, pictures.eva_again) >= 95
    assert await engine.compare("eva", eva, pictures.mia) == 0
    assert await engine.compare("mia", mia, pictures.eva_again) == 0


async def test_an_id_tells_nothing_and_is_of_one_face(engine: FaceEngine, pictures: Pictures) -> None:
    first, second = await engine.enroll("eva", pictures.eva), await engine.enroll("eva", pictures.eva_again)

    assert first != second
    assert "eva" not in first
    assert await stored(engine) == {StoredFace("eva", first), StoredFace("eva", second)}


@pytest.mark.parametrize(
    ("name", "code"),
    [("nobody", Code.FACE_NOT_FOUND), ("group", Code.MULTIPLE_FACES), ("blurred", Code.FACE_QUALITY_LOW)],
)
async def test_a_picture_without_one_clear_face_is_refused_and_nothing_is_kept(
    engine: FaceEngine, pictures: Pictures, name: str, code: Code
) -> None:
    eva = await engine.enroll("eva", pictures.eva)

    with pytest.raises(DomainError) as refused:
        await engine.enroll("eva", getattr(pictures, name))
    with pytest.raises(DomainError) as refused_again:
        await engine.compare("eva", eva, getattr(pictures, name))

    assert (refused.value.code, refused_again.value.code) == (code, code)
    if code is Code.FACE_QUALITY_LOW:
        assert refused.value.info["reason"] == "BLURRED"
    assert await stored(engine) == {StoredFace("eva", eva)}


async def test_what_is_no_picture_is_told_from_a_poor_one(engine: FaceEngine, pictures: Pictures) -> None:
    for junk in (b"", b"no picture", pictures.eva[:1] + bytes(5 * 1024**2)):
        with pytest.raises(UnreadablePicture):
            await engine.enroll("eva", junk)
    assert await stored(engine) == set()


async def test_a_deleted_face_is_known_no_more_and_there_is_a_receipt(engine: FaceEngine, pictures: Pictures) -> None:
    eva, mia = await engine.enroll("eva", pictures.eva), await engine.enroll("mia", pictures.mia)

    receipt = await engine.delete("eva", [eva, "00000000-0000-0000-0000-000000000000"])

    assert receipt
    assert eva not in receipt
    assert await stored(engine) == {StoredFace("mia", mia)}
    assert await engine.compare("eva", eva, pictures.eva) == 0
    assert await engine.delete("eva", [eva])  # once more is fine
