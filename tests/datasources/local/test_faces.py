"""What is the local engine's own: its scale, what it stores, and what it makes of hostile pictures."""

import io
import zlib
from collections.abc import AsyncIterator, Callable

import pytest
from PIL import Image

from datasources.face_engine import UnreadablePicture
from datasources.local import face_model, face_picture
from datasources.local.face_frames import Refused, Task
from datasources.local.face_workers import FaceWorkers
from datasources.local.faces import LocalFaces, open_faces, similarity
from datasources.local.sqlite import SQLiteStore
from datasources.shards import SHARDS
from datasources.tables import FACE_DESCRIPTIONS
from domain.errors import Code, DomainError
from tests import faces
from tests.waiting import PATIENCE_SECONDS

SECRET = b"a secret of the tests"


@pytest.fixture
async def engine(sqlite_store: SQLiteStore) -> AsyncIterator[LocalFaces]:
    async with open_faces(sqlite_store, SECRET) as opened:
        yield opened


@pytest.fixture
async def workers() -> AsyncIterator[FaceWorkers]:
    opened = FaceWorkers(seconds=PATIENCE_SECONDS)
    yield opened
    await opened.close()


def upright(eva: Image.Image) -> bytes:
    return faces.encoded(eva)


def turned(eva: Image.Image) -> bytes:
    """As a phone that was held sideways writes it: lying, with a word on how to turn it."""
    exif = Image.Exif()
    exif[0x0112] = 6
    return faces.encoded(eva.transpose(Image.Transpose.ROTATE_90), exif=exif)


@pytest.mark.parametrize(
    ("distance", "percent"), [(0, 100), (0.2, 99.5), (0.4, 99), (0.5, 97), (0.55, 95), (0.6, 80), (0.61, 0), (1.5, 0)]
)
def test_the_scale_falls_with_the_distance(distance: float, percent: float) -> None:
    assert similarity(distance) == pytest.approx(percent)


async def test_a_picture_is_turned_as_it_says(engine: LocalFaces) -> None:
    eva = await engine.enroll("eva", upright(faces.portrait("eva")))
    assert await engine.compare("eva", eva, turned(faces.portrait("eva"))) > 98


async def test_a_face_that_touches_the_edge_is_found(engine: LocalFaces) -> None:
    eva = faces.portrait("eva")
    width, height = eva.size
    known = await engine.enroll("eva", faces.encoded(eva))
    cut = eva.crop((width // 5, height // 5, width - width // 5, height - height // 5))
    assert await engine.compare("eva", known, faces.encoded(cut)) > 95


@pytest.mark.parametrize(
    ("change", "reason"),
    [(lambda image: image.point(lambda value: value // 8), "TOO_DARK"), (faces.blurred, "BLURRED")],
)
async def test_a_poor_face_is_refused_with_its_flaw(
    engine: LocalFaces, change: Callable[[Image.Image], Image.Image], reason: str
) -> None:
    with pytest.raises(DomainError) as refused:
        await engine.enroll("eva", faces.encoded(change(faces.portrait("eva"))))
    assert (refused.value.code, refused.value.info["reason"]) == (Code.FACE_QUALITY_LOW, reason)


async def test_what_is_stored_is_sealed_for_one_face_of_one_user(engine: LocalFaces, sqlite_store: SQLiteStore) -> None:
    picture = faces.encoded(faces.portrait("eva"))
    eva, mia = await engine.enroll("eva", picture), await engine.enroll("mia", picture)
    items = {}
    for shard in range(SHARDS):
        for item in (await sqlite_store.query(FACE_DESCRIPTIONS, str(shard))).items:
            items[item["userFace"]] = item
    known = face_model.FaceModel().describe(face_picture.pixels(picture))
    assert all(set(item) == {"shard", "userFace", "sealed"} for item in items.values())
    assert not any(known[:16] in item["sealed"] for item in items.values())

    stolen = {**items[f"mia#{mia}"], "sealed": items[f"eva#{eva}"]["sealed"]}
    await sqlite_store.put(FACE_DESCRIPTIONS, stolen)
    with pytest.raises(DomainError) as refused:
        await engine.compare("mia", mia, picture)
    assert refused.value.code is Code.DEPENDENCY_FAILED


def bomb() -> bytes:
    """A small file that says it is a large picture."""
    written = io.BytesIO()
    Image.new("L", (1, 1)).save(written, "PNG")
    png = bytearray(written.getvalue())
    png[16:24] = (50_000).to_bytes(4, "big") * 2
    png[29:33] = zlib.crc32(png[12:29]).to_bytes(4, "big")
    return bytes(png)


def moving() -> bytes:
    frames = [Image.new("RGB", (300, 300), (shade, 0, 0)) for shade in (0, 200)]
    return faces.encoded(frames[0], "WEBP", save_all=True, append_images=frames[1:])


HOSTILE = {
    "a bomb": bomb,
    "cut off": lambda: faces.encoded(faces.landscape())[:-200],
    "moving": moving,
    "another format": lambda: faces.encoded(faces.landscape(), "BMP"),
    "a page": lambda: b"<html><script>alert(1)</script></html>",
    "a header alone": lambda: b"\x89PNG\r\n\x1a\n" + bytes(64),
    "nothing": lambda: b"",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_pictures_are_not_read(name: str) -> None:
    with pytest.raises(UnreadablePicture):
        face_picture.pixels(HOSTILE[name]())


def test_a_picture_of_many_pixels_is_read_in_bounded_size() -> None:
    large = faces.encoded(Image.new("RGB", (6_000, 6_000), (90, 90, 90)), "PNG")
    assert max(face_picture.pixels(large).shape) == face_picture.LONGEST_SIDE


async def test_a_picture_of_the_largest_size_fits_into_a_worker(workers: FaceWorkers) -> None:
    large = faces.encoded(Image.new("RGBA", (6_300, 6_300), (90, 90, 90, 255)), "PNG")
    found = await workers.find(Task(large))
    assert found == Refused(Code.FACE_NOT_FOUND)


def test_models_that_we_do_not_know_are_not_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not any("68" in name for name in face_model.MODELS)
    monkeypatch.setitem(face_model.MODELS, "shape_predictor_5_face_landmarks.dat", "0" * 64)
    with pytest.raises(face_model.ModelFault, match="another one than expected"):
        face_model.FaceModel()
