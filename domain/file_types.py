"""Whether a file's first bytes are what its MIME type says: the types that we take, each with its test.

The names of files prove nothing. A type without a test here cannot be uploaded.
"""

from collections.abc import Callable, Mapping, Sequence

HEAD_BYTES = 4096
"""How much of a file the tests want to see."""

Test = Callable[[bytes], bool]

_ZIP = b"PK\x03\x04"
_OFFICE_ENTRIES = (b"[Content_Types].xml", b"_rels/", b"docProps/", b"word/", b"xl/", b"ppt/", b"customXml/")
_MP4_BRANDS = (b"isom", b"iso2", b"iso3", b"iso4", b"iso5", b"iso6", b"iso7", b"iso8", b"iso9", b"mp41", b"mp42")
_MORE_MP4_BRANDS = (b"avc1", b"dash", b"MSNV", b"M4V ", b"M4VP", b"f4v ", b"mmp4", b"hvc1", b"cmfc", b"msdh", b"NDSC")
_HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis")
_TEXT_CONTROLS = bytes(set(range(32)) - set(b"\t\n\f\r"))


def fits(content_type: str, head: bytes) -> bool:
    """Whether a file that begins with `head` may be of this type; False for a type that is not known here.

    Args:
        head: the first `HEAD_BYTES` of the file, all of a shorter one.
    """
    test = _TESTS.get(content_type)
    return test is not None and test(head)


def _begins(*starts: bytes) -> Test:
    return lambda head: head.startswith(starts)


def _riff(form: bytes) -> Test:
    return lambda head: head[:4] == b"RIFF" and head[8:12] == form


def _base_media(*brands: bytes) -> Test:
    """ISO base media: the first box is `ftyp`, and its major or a compatible brand is one of these."""

    def test(head: bytes) -> bool:
        if head[4:8] != b"ftyp":
            return False
        end = min(int.from_bytes(head[:4]), len(head), 256)
        found = [head[8:12], *(head[at : at + 4] for at in range(16, end - 3, 4))]
        return any(brand in brands for brand in found)

    return test


def _quicktime(head: bytes) -> bool:
    """With a brand of its own, or from before there were brands."""
    if head[4:8] in (b"moov", b"mdat", b"wide", b"free", b"skip"):
        return True
    return _base_media(b"qt  ")(head)


def _matroska(doc_type: bytes) -> Test:
    """EBML, whose header names the document type in its first bytes."""
    return lambda head: head.startswith(b"\x1aE\xdf\xa3") and doc_type in head[:64]


def _mpeg_audio(head: bytes) -> bool:
    """An ID3 tag, or a frame: eleven set bits, then a version, layer III and a bit rate that exist."""
    if head.startswith(b"ID3"):
        return True
    return (
        len(head) > 2
        and head[0] == 0xFF
        and head[1] & 0xE6 == 0xE2
        and head[1] & 0x18 != 0x08
        and head[2] & 0xF0 != 0xF0
    )


def _aac(head: bytes) -> bool:
    """An ADTS frame: twelve set bits and layer 0."""
    return len(head) > 1 and head[0] == 0xFF and head[1] & 0xF6 == 0xF0


def _office_open_xml(head: bytes) -> bool:
    """A zip whose first entry is one that every Office document begins with."""
    return head.startswith(_ZIP) and head[30:].startswith(_OFFICE_ENTRIES)


def _open_document(kind: bytes) -> Test:
    """A zip whose first entry, not compressed, is the MIME type itself."""
    told = b"mimetypeapplication/vnd.oasis.opendocument." + kind
    return lambda head: head.startswith(_ZIP) and head[30:].startswith(told)


def _text(head: bytes) -> bool:
    """UTF-8 without control characters; the last character may be cut."""
    if head.translate(None, _TEXT_CONTROLS) != head:
        return False
    try:
        head.decode()
    except UnicodeDecodeError as error:
        return len(head) == HEAD_BYTES and error.start >= len(head) - 3 and error.reason == "unexpected end of data"
    return True


def _web_vtt(head: bytes) -> bool:
    body = head.removeprefix(b"\xef\xbb\xbf")
    return body.startswith(b"WEBVTT") and body[6:7] in (b"", b" ", b"\t", b"\n", b"\r") and _text(head)


def _pdf(head: bytes) -> bool:
    """Readers take a header within the first kilobyte."""
    return b"%PDF-" in head[:1024]


_OFFICE = "application/vnd.openxmlformats-officedocument."
_OPEN_DOCUMENT = "application/vnd.oasis.opendocument."

_TESTS: Mapping[str, Test] = {
    "video/mp4": _base_media(*_MP4_BRANDS, *_MORE_MP4_BRANDS),
    "video/quicktime": _quicktime,
    "video/webm": _matroska(b"webm"),
    "video/x-matroska": _matroska(b"matroska"),
    "audio/mpeg": _mpeg_audio,
    "audio/mp4": _base_media(b"M4A ", b"M4B ", *_MP4_BRANDS, *_MORE_MP4_BRANDS),
    "audio/aac": _aac,
    "audio/wav": _riff(b"WAVE"),
    "audio/ogg": _begins(b"OggS"),
    "audio/flac": _begins(b"fLaC"),
    "audio/webm": _matroska(b"webm"),
    "image/jpeg": _begins(b"\xff\xd8\xff"),
    "image/png": _begins(b"\x89PNG\r\n\x1a\n"),
    "image/gif": _begins(b"GIF87a", b"GIF89a"),
    "image/webp": _riff(b"WEBP"),
    "image/avif": _base_media(b"avif", b"avis"),
    "image/heic": _base_media(*_HEIC_BRANDS),
    "application/pdf": _pdf,
    f"{_OFFICE}wordprocessingml.document": _office_open_xml,
    f"{_OFFICE}spreadsheetml.sheet": _office_open_xml,
    f"{_OFFICE}presentationml.presentation": _office_open_xml,
    f"{_OPEN_DOCUMENT}text": _open_document(b"text"),
    f"{_OPEN_DOCUMENT}spreadsheet": _open_document(b"spreadsheet"),
    f"{_OPEN_DOCUMENT}presentation": _open_document(b"presentation"),
    "text/plain": _text,
    "text/markdown": _text,
    "text/csv": _text,
    "text/vtt": _web_vtt,
}

_DOCUMENTS = tuple(name for name in _TESTS if name.startswith(("application/", "text/")))

BY_KIND: Mapping[str, Sequence[str]] = {
    "VIDEO": tuple(name for name in _TESTS if name.startswith("video/")),
    "AUDIO": tuple(name for name in _TESTS if name.startswith("audio/")),
    "IMAGE": tuple(name for name in _TESTS if name.startswith("image/")),
    "DOCUMENT": _DOCUMENTS,
    "RECORDING": tuple(name for name in _TESTS if name.startswith(("video/", "audio/"))),
}
"""The MIME types of each MediaKind."""
