"""Links to adaptive playlists. A playlist names many files, each of which needs a signature of its own.

So clients get a link to our server, good for one media's folder until a time. The playlist is read from the blob
store, and its segments are named there by signed URLs; playlists that it names go through the same link.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Callable
from posixpath import dirname

import msgspec

from datasources.blobs import MAX_READ_BYTES, BlobStore

PATH = "/playback/"
CONTENT_TYPE = "application/vnd.apple.mpegurl"
MOST_TOKEN_CHARACTERS = 1_000
SEGMENTS_SECONDS = 6 * 3600
_LEAST_SECONDS = 60
"""A segment's URL is good for so long at least, even in the link's last second."""
_NAME = re.compile(r"(?:[A-Za-z0-9_-]{1,64}/){0,4}[A-Za-z0-9_-]{1,64}\.m3u8")
_MAC_BYTES = 32


class NoSuchLink(Exception):
    """The link was not made here, has expired, or leads to nothing."""


class _Leave(msgspec.Struct, frozen=True, array_like=True):
    """What a link lets read. `expires`: epoch seconds."""

    folder: str
    expires: int


class Playback:
    """
    Args:
        secret: known to all processes of a deployment, and to nobody else.
        base_url: where clients reach the server, without a slash at the end.
        now: epoch seconds.
    """

    def __init__(self, blobs: BlobStore, secret: bytes, base_url: str, now: Callable[[], float]) -> None:
        self._blobs = blobs
        self._secret = hashlib.sha256(b"educonnect playback\0" + secret).digest()
        self._base_url = base_url
        self._now = now

    def url(self, folder: str, playlist: str, *, seconds: int) -> str:
        """Where a player begins.

        Args:
            folder: what the keys of all the media's files begin with, a slash at the end.
            playlist: its name within the folder.
        """
        leave = msgspec.msgpack.encode(_Leave(folder, int(self._now()) + seconds))
        token = base64.urlsafe_b64encode(self._mac(leave) + leave).decode().rstrip("=")
        return f"{self._base_url}{PATH}{token}/{playlist}"

    async def playlist(self, token: str, name: str) -> bytes:
        """The playlist with signed segments, UTF-8. Raises NoSuchLink; DomainError as the blob store does."""
        leave = self._leave(token)
        if not _NAME.fullmatch(name):
            raise NoSuchLink
        key = leave.folder + name
        text = await self._blobs.read(key, length=MAX_READ_BYTES)
        if not text.startswith(b"#EXTM3U"):
            raise NoSuchLink
        seconds = min(SEGMENTS_SECONDS, max(_LEAST_SECONDS, leave.expires - int(self._now())))
        lines = text.decode().splitlines()
        segments = [line for line in lines if _is_segment(line)]
        links = await self._blobs.sign_gets([f"{dirname(key)}/{segment}" for segment in segments], seconds=seconds)
        of_segment = dict(zip(segments, links, strict=True))
        return ("\n".join(of_segment.get(line, line) for line in lines) + "\n").encode()

    def _leave(self, token: str) -> _Leave:
        if len(token) > MOST_TOKEN_CHARACTERS:
            raise NoSuchLink
        try:
            signed = base64.urlsafe_b64decode(token.encode() + b"=" * (-len(token) % 4))
        except (binascii.Error, ValueError):
            raise NoSuchLink from None
        mac, leave = signed[:_MAC_BYTES], signed[_MAC_BYTES:]
        if not hmac.compare_digest(mac, self._mac(leave)):
            raise NoSuchLink
        given = msgspec.msgpack.decode(leave, type=_Leave)
        if given.expires <= self._now():
            raise NoSuchLink
        return given

    def _mac(self, leave: bytes) -> bytes:
        return hmac.digest(self._secret, leave, "sha256")


def _is_segment(line: str) -> bool:
    """Comments, tags and playlists stay as they are; the latter are found beside this one's URL."""
    return bool(line) and not line.startswith("#") and not line.endswith(".m3u8")
