"""Files on their way in: what is declared of them."""

from typing import Literal

from domain.records import Record

ChecksumAlgorithm = Literal["SHA256", "CRC32C", "CRC32", "CRC64NVME"]
MediaKind = Literal["VIDEO", "AUDIO", "IMAGE", "DOCUMENT", "RECORDING"]
UploadPurpose = Literal["LESSON", "ATTACHMENT", "AVATAR", "FACE", "CAPTION", "DEVICE_AUDIO"]


class Checksum(Record, frozen=True):
    """`value` is in base 64, as S3 writes it."""

    algorithm: ChecksumAlgorithm
    value: str
