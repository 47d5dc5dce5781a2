"""First bytes: each type's own are taken, every other type's are not."""

import io
import zipfile

import av
import pytest
from PIL import Image

from domain.file_types import BY_KIND, HEAD_BYTES, fits

OFFICE = "application/vnd.openxmlformats-officedocument."
OPEN = "application/vnd.oasis.opendocument."


def picture(format: str) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (8, 8), "teal").save(file, format)
    return file.getvalue()


def sound(container: str, codec: str) -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        stream = output.add_stream(codec, rate=48_000)
        frame = av.AudioFrame(format="s16", layout="mono", samples=4800)
        frame.sample_rate = 48_000
        for plane in frame.planes:
            plane.update(bytes(plane.buffer_size))
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return file.getvalue()


def film(container: str, codec: str) -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        stream = output.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = 32, 32, "yuv420p"
        output.mux(stream.encode(av.VideoFrame(32, 32, "yuv420p")))
        output.mux(stream.encode(None))
    return file.getvalue()


def archive(*names: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as made:
        for name in names:
            kind, _, content = name.partition("=")
            made.writestr(kind, content or "<x/>")
    return file.getvalue()


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    """One of each type, made by what usually makes it."""
    return {
        "video/mp4": film("mp4", "mpeg4"),
        "video/quicktime": film("mov", "mpeg4"),
        "video/webm": film("webm", "libvpx"),
        "video/x-matroska": film("matroska", "mpeg4"),
        "audio/mpeg": sound("mp3", "libmp3lame"),
        "audio/mp4": sound("ipod", "aac"),
        "audio/aac": sound("adts", "aac"),
        "audio/wav": sound("wav", "pcm_s16le"),
        "audio/ogg": sound("ogg", "libopus"),
        "audio/flac": sound("flac", "flac"),
        "audio/webm": sound("webm", "libopus"),
        "image/jpeg": picture("JPEG"),
        "image/png": picture("PNG"),
        "image/gif": picture("GIF"),
        "image/webp": picture("WEBP"),
        "image/avif": picture("AVIF"),
        "image/heic": b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic" + bytes(100),
        "application/pdf": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj",
        f"{OFFICE}wordprocessingml.document": archive("[Content_Types].xml", "word/document.xml"),
        f"{OFFICE}spreadsheetml.sheet": archive("_rels/.rels", "xl/workbook.xml"),
        f"{OFFICE}presentationml.presentation": archive("docProps/app.xml", "ppt/presentation.xml"),
        f"{OPEN}text": archive(f"mimetype={OPEN}text"),
        f"{OPEN}spreadsheet": archive(f"mimetype={OPEN}spreadsheet"),
        f"{OPEN}presentation": archive(f"mimetype={OPEN}presentation"),
        "text/plain": "Wattwürmer\n".encode(),
        "text/markdown": b"# Waders\n",
        "text/csv": b"name,count\nknot,7\n",
        "text/vtt": b"\xef\xbb\xbfWEBVTT - Waders\n\n00:00.000 --> 00:01.000\nKnot\n",
    }


ALIKE = (
    {"text/plain", "text/markdown", "text/csv", "text/vtt"},  # all are texts
    {"video/mp4", "audio/mp4"},  # one container, whatever is in it
    {"video/webm", "audio/webm"},
    {name for name in BY_KIND["DOCUMENT"] if name.startswith(OFFICE)},
)


def test_each_type_takes_its_own_files_and_no_others(files: dict[str, bytes]) -> None:
    assert set(files) == {name for names in BY_KIND.values() for name in names}
    for told in files:
        for is_really, content in files.items():
            may_fit = told == is_really or any({told, is_really} <= group for group in ALIKE)
            if fits(told, content[:HEAD_BYTES]):
                assert may_fit, f"a file of {is_really} passes as {told}"
            else:
                assert told != is_really, f"a file of {told} is refused"


@pytest.mark.parametrize(
    ("told", "content"),
    [
        ("video/mp4", b"<!doctype html><script>"),
        ("image/png", b"MZ\x90\x00"),
        ("image/webp", b"RIFF\x00\x00\x00\x00WAVE"),
        ("image/jpeg", b""),
        ("audio/mpeg", b"\xff\xff\xff\xff"),
        ("text/plain", b"MZ\x90\x00\x03"),
        ("text/plain", b"caf\xe9"),
        ("text/plain", b"cut \xc3"),
        ("text/vtt", b"WEBVTTX\n"),
        ("text/vtt", b"1\n00:00:00,000 --> 00:00:01,000\n"),
        (f"{OFFICE}wordprocessingml.document", b"PK\x03\x04" + bytes(26) + b"setup.exe"),
        ("image/svg+xml", b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
        ("text/html", b"<p>"),
        ("", b"anything"),
    ],
)
def test_other_bytes_are_refused(told: str, content: bytes) -> None:
    assert not fits(told, content)


def test_a_text_may_be_cut_within_a_character() -> None:
    whole = ("a" + "ü" * HEAD_BYTES).encode()
    assert fits("text/plain", whole[:HEAD_BYTES])
    assert fits("text/plain", whole[: HEAD_BYTES - 1])
