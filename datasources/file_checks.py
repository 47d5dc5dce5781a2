"""Whether a stored file is what was declared of it: size, type, checksum, first bytes."""

from typing import Protocol

from datasources.blobs import Blob, BlobStore
from domain.errors import Code, DomainError
from domain.file_types import HEAD_BYTES, fits
from domain.uploads import Checksum


class Declared(Protocol):
    """What was said of a file."""

    @property
    def size_bytes(self) -> int: ...

    @property
    def content_type(self) -> str: ...

    @property
    def checksum(self) -> Checksum | None: ...


async def require_as_declared(blobs: BlobStore, blob: Blob, declared: Declared) -> None:
    """
    Raises:
        DomainError: CHECKSUM_MISMATCH for another size or checksum, UPLOAD_TYPE_NOT_ALLOWED for another type or
            first bytes.
    """
    if blob.size != declared.size_bytes:
        raise DomainError(Code.CHECKSUM_MISMATCH, f"The file has {blob.size} bytes, declared {declared.size_bytes}.")
    told, found = declared.checksum, blob.checksum
    # A store that keeps a checksum of another algorithm has held the file against the declared one when it came.
    if told is not None and found is not None and told.algorithm == found.algorithm and told.value != found.value:
        raise DomainError(Code.CHECKSUM_MISMATCH, "The file has another checksum than declared.")
    if blob.content_type != declared.content_type:
        raise DomainError(Code.UPLOAD_TYPE_NOT_ALLOWED, "The file was sent as another type than declared.")
    head = await blobs.read(blob.key, length=HEAD_BYTES)
    if not fits(declared.content_type, head):
        raise DomainError(Code.UPLOAD_TYPE_NOT_ALLOWED, "The file's first bytes are not of the declared type.")
