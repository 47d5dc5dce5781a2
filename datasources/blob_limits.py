"""What both engines take of files: keys, sizes, numbers. Anything else is a fault of ours: ValueError."""

from collections.abc import Sequence

from datasources.blobs import MAX_READ_BYTES, MAX_SINGLE_BYTES
from domain.part_plan import MAX_PART_BYTES, MAX_PARTS
from domain.uploads import Checksum

MAX_KEY_BYTES = 1_024
MAX_SIGNED_SECONDS = 7 * 24 * 3600
MAX_KEYS = 1_000


def checked_key(key: str) -> str:
    """A relative path of plain names. Raises ValueError."""
    if not 0 < len(key.encode("utf-8", "replace")) <= MAX_KEY_BYTES or not key.isprintable() or "\\" in key:
        raise ValueError("a key has 1 to 1,024 bytes of printable text")
    if any(name in ("", ".", "..") for name in key.split("/")):
        raise ValueError("a key is a relative path without empty and dotted names")
    return key


def check_put(size: int, content_type: str, checksum: Checksum | None, seconds: int) -> None:
    if not 0 <= size <= MAX_SINGLE_BYTES:
        raise ValueError(f"a single file has at most {MAX_SINGLE_BYTES} bytes")
    check_type(content_type)
    check_checksum(checksum)
    check_seconds(seconds)


def check_part(number: int, size: int, checksum: Checksum | None, seconds: int) -> None:
    if not 1 <= number <= MAX_PARTS:
        raise ValueError(f"parts are numbered 1 to {MAX_PARTS}")
    if not 0 < size <= MAX_PART_BYTES:
        raise ValueError(f"a part has 1 to {MAX_PART_BYTES} bytes")
    check_checksum(checksum)
    check_seconds(seconds)


def check_type(content_type: str) -> None:
    if not content_type.isascii() or not content_type.isprintable() or not 0 < len(content_type) <= 255:
        raise ValueError("a content type is a short line of ASCII")


def check_checksum(checksum: Checksum | None) -> None:
    if checksum is not None and not checksum.is_well_formed:
        raise ValueError(f"this is no {checksum.algorithm} in base 64")


def check_seconds(seconds: int) -> None:
    if not 0 < seconds <= MAX_SIGNED_SECONDS:
        raise ValueError("a signature holds for at most seven days")


def check_page(limit: int) -> None:
    if not 1 <= limit <= MAX_KEYS:
        raise ValueError(f"a page has 1 to {MAX_KEYS} entries")


def check_keys(keys: Sequence[str]) -> None:
    if len(keys) > MAX_KEYS:
        raise ValueError(f"at most {MAX_KEYS} keys at once")
    for key in keys:
        checked_key(key)


def check_read(start: int, length: int) -> None:
    if start < 0 or not 0 <= length <= MAX_READ_BYTES:
        raise ValueError(f"a read has at most {MAX_READ_BYTES} bytes")
