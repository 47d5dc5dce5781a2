"""Which bytes of a file a request wants, and whether it wants them at all (RFC 9110, sections 13 and 14)."""

import re
from collections.abc import Mapping
from email.utils import formatdate, parsedate_to_datetime

import msgspec

from app.http.headers import Header
from app.http.s3_errors import S3Error
from datasources.blobs import Blob
from domain.times import epoch_seconds

_RANGE = re.compile(rb"bytes=[ \t]*(\d{0,19})-(\d{0,19})[ \t]*", re.IGNORECASE)


class Selection(msgspec.Struct, frozen=True):
    """The bytes from `start` to before `end`; `partial` unless they are all, and nobody asked for a range."""

    start: int
    end: int
    partial: bool


class NotModified(Exception):
    """The client has the file already."""


def selected(blob: Blob, headers: Mapping[bytes, bytes]) -> Selection:
    """What the request's headers choose of a file.

    A request for several ranges, or one that is no range of bytes, gets the whole file, as from S3.

    Raises:
        NotModified.
        S3Error: 412 PreconditionFailed, 416 InvalidRange.
    """
    _check_conditions(blob, headers)
    asked = _RANGE.fullmatch(headers.get(b"range", b""))
    whole = Selection(0, blob.size, partial=False)
    if asked is None or asked.groups() == (b"", b"") or not _is_current(blob, headers.get(b"if-range")):
        return whole
    first, last = asked.groups()
    if not first:
        start, end = max(blob.size - int(last), 0), blob.size
    else:
        start, end = int(first), min(int(last) + 1, blob.size) if last else blob.size
        if last and int(last) < int(first):
            return whole
    if start >= blob.size or start >= end:
        unsatisfied = (b"content-range", b"bytes */%d" % blob.size)
        raise S3Error(416, "InvalidRange", "The file has no such bytes.", unsatisfied)
    return Selection(start, end, partial=True)


def validators(blob: Blob) -> list[Header]:
    """What tells this content from any other."""
    return [(b"etag", b'"%s"' % blob.etag.encode()), (b"last-modified", last_modified(blob))]


def last_modified(blob: Blob) -> bytes:
    return formatdate(epoch_seconds(blob.stored_at), usegmt=True).encode()


def _check_conditions(blob: Blob, headers: Mapping[bytes, bytes]) -> None:
    wanted, unwanted = headers.get(b"if-match"), headers.get(b"if-none-match")
    if wanted is not None:
        met = _names(wanted, blob, weak=False)
    else:
        met = not _is_older(headers.get(b"if-unmodified-since"), blob)
    if not met:
        raise S3Error(412, "PreconditionFailed", "The file is not the one that the request is for.")
    if unwanted is not None:
        if _names(unwanted, blob, weak=True):
            raise NotModified
    elif b"if-modified-since" in headers and _is_older(headers[b"if-modified-since"], blob) is False:
        raise NotModified


def _names(tags: bytes, blob: Blob, *, weak: bool) -> bool:
    """Whether a list of entity tags has the file's."""
    named = [tag.strip() for tag in tags.split(b",")]
    if weak:
        named = [tag.removeprefix(b"W/") for tag in named]
    return b"*" in named or b'"%s"' % blob.etag.encode() in named


def _is_older(date: bytes | None, blob: Blob) -> bool | None:
    """Whether a date lies before the file was stored; None when it is no date, which counts as absent."""
    try:
        asked = parsedate_to_datetime((date or b"").decode("latin-1")).timestamp()
    except (ValueError, OverflowError):
        return None
    return asked < epoch_seconds(blob.stored_at)


def _is_current(blob: Blob, if_range: bytes | None) -> bool:
    """Whether the part that the client has is of this content: only then a range continues it."""
    if if_range is None:
        return True
    return if_range.strip() in (b'"%s"' % blob.etag.encode(), last_modified(blob))
