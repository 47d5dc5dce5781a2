"""Checksums as S3 writes them: computed bit by bit, and joined from those of a file's parts."""

import base64
import hashlib
from collections.abc import Callable, Sequence
from functools import cache

from domain.uploads import DIGEST_BYTES, STORES_OWN, Checksum, ChecksumAlgorithm

DEFAULT = STORES_OWN
"""S3's own choice for a file that names none."""

_Step = Callable[[bytes | memoryview, int], int]
_Join = Callable[[int, int, int], int]


class RunningChecksum:
    """The checksum of bytes that come one after the other."""

    def __init__(self, algorithm: ChecksumAlgorithm) -> None:
        self._algorithm = algorithm
        self._hash = hashlib.sha256() if algorithm == "SHA256" else None
        self._state = 0

    def update(self, data: bytes | memoryview) -> None:
        if self._hash is not None:
            self._hash.update(data)
        else:
            self._state = _step(self._algorithm)(data, self._state)

    def digest(self) -> bytes:
        if self._hash is not None:
            return self._hash.digest()
        return self._state.to_bytes(DIGEST_BYTES[self._algorithm], "big")

    def result(self) -> Checksum:
        return _written(self._algorithm, self.digest())


def joins(algorithm: ChecksumAlgorithm) -> bool:
    """Whether a whole file's checksum follows from its parts'."""
    return algorithm != "SHA256"


def joined(algorithm: ChecksumAlgorithm, parts: Sequence[tuple[str, int]]) -> Checksum:
    """The whole file's checksum, from value and size in bytes of each part in order. Not for SHA256."""
    join, state = _join(algorithm), 0
    for value, size in parts:
        state = join(state, int.from_bytes(base64.b64decode(value), "big"), size)
    return _written(algorithm, state.to_bytes(DIGEST_BYTES[algorithm], "big"))


@cache
def _step(algorithm: ChecksumAlgorithm) -> _Step:
    # It loads AWS's whole runtime, which takes longer than any other import of a start: only once a file comes.
    from awscrt import checksums

    steps: dict[ChecksumAlgorithm, _Step] = {
        "CRC32C": checksums.crc32c,
        "CRC32": checksums.crc32,
        "CRC64NVME": checksums.crc64nvme,
    }
    return steps[algorithm]


@cache
def _join(algorithm: ChecksumAlgorithm) -> _Join:
    from awscrt import checksums  # see _step

    joins: dict[ChecksumAlgorithm, _Join] = {
        "CRC32C": checksums.combine_crc32c,
        "CRC32": checksums.combine_crc32,
        "CRC64NVME": checksums.combine_crc64nvme,
    }
    return joins[algorithm]


def _written(algorithm: ChecksumAlgorithm, raw: bytes) -> Checksum:
    return Checksum(algorithm, base64.b64encode(raw).decode())
