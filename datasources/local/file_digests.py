"""What is computed of a file's bytes as they come: as little as its clients need, for it takes longer than writing."""

import base64
import hashlib
from collections.abc import Sequence

from datasources.checksums import DEFAULT, RunningChecksum
from domain.uploads import Checksum, ChecksumAlgorithm


class Digests:
    """Of bytes that come one after the other.

    Args:
        algorithm: of the checksum that is kept with the file.
        md5: whether a client has sent an MD5 to hold against.

    Attributes:
        size: bytes so far.
    """

    def __init__(self, algorithm: ChecksumAlgorithm, *, md5: bool) -> None:
        self.size = 0
        self._content = RunningChecksum(DEFAULT)
        self._checksum = self._content if algorithm == DEFAULT else RunningChecksum(algorithm)
        self._md5 = hashlib.md5(usedforsecurity=False) if md5 else None

    def update(self, data: bytes | memoryview) -> None:
        self.size += len(data)
        self._content.update(data)
        if self._checksum is not self._content:
            self._checksum.update(data)
        if self._md5 is not None:
            self._md5.update(data)

    def checksum(self) -> Checksum:
        return self._checksum.result()

    def etag(self) -> str:
        """The same for the same bytes, so that a part that is sent twice keeps its ETag; no MD5, nor like one."""
        return f"{self._content.digest().hex()}.{self.size}"

    def md5(self) -> str | None:
        """As in Content-MD5; None unless it was asked for."""
        return None if self._md5 is None else base64.b64encode(self._md5.digest()).decode()


def joined_etag(etags: Sequence[str]) -> str:
    """Of a file in parts, in S3's form: from the parts' ETags, and their number."""
    return f"{hashlib.sha256(' '.join(etags).encode()).hexdigest()[:32]}-{len(etags)}"
