"""Which stored parts make a file, and what follows from them for the whole."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

from datasources.blobs import ChosenPart, Part, PartsRefused
from datasources.checksums import joined, joins
from domain.part_plan import MAX_OBJECT_BYTES, MAX_PARTS
from domain.uploads import Checksum, ChecksumAlgorithm


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


def whole_checksum(algorithm: ChecksumAlgorithm, parts: Sequence[Part]) -> Checksum | None:
    """Of the file that the parts make; None when it does not follow from theirs."""
    checksums = [part.checksum for part in parts if part.checksum and part.checksum.algorithm == algorithm]
    if not joins(algorithm) or len(checksums) < len(parts):
        return None
    return joined(algorithm, [(each.value, part.size) for each, part in zip(checksums, parts, strict=True)])
