"""Files on their way in: what is declared of them."""

from typing import Literal

from domain.records import Record

ChecksumAlgorithm = Literal["SHA256", "CRC32C", "CRC32", "CRC64NVME"]


class Checksum(Record, frozen=True):
    """`value` is in base 64, as S3 writes it."""

    algorithm: ChecksumAlgorithm
    value: str
