"""What both engines take of files: keys, sizes, numbers, and which parts make a file. A fault of ours is ValueError."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

from datasources.blobs import (
    MAX_READ_BYTES,
    MAX_SINGLE_BYTES,
    ChosenPart,
    Part,
    PartsRefused,
)
from domain.part_plan import MAX_OBJECT_BYTES, MAX_PART_BYTES, MAX_PARTS
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


def chosen_parts(stored: Mapping[int, Part], chosen: Sequence[ChosenPart], min_part_bytes: int) -> list[Part]:
    """The stored parts that a client names, in order. Raises PartsRefused, as S3 does."""
    numbers = [part.number for part in chosen]
    if not numbers or len(numbers) > MAX_PARTS:
        raise PartsRefused
    unordered = [after for before, after in pairwise(numbers) if after <= before]
    if unordered:
        raise PartsRefused(unordered)
    wrong = [part.number for part in chosen if not _is_stored(part, stored.get(part.number))]
    if wrong:
        raise PartsRefused(wrong)
    parts = [stored[number] for number in numbers]
    small = [part.number for part in parts[:-1] if part.size < min_part_bytes]
    if small or sum(part.size for part in parts) > MAX_OBJECT_BYTES:
        raise PartsRefused(small)
    return parts


def _is_stored(chosen: ChosenPart, stored: Part | None) -> bool:
    if stored is None or chosen.etag.strip('"') != stored.etag:
        return False
    return chosen.checksum is None or chosen.checksum == stored.checksum
