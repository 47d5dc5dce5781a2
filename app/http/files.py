"""The embedded store's files over HTTP: signed PUT, GET and HEAD, as clients of S3 send them.

No GraphQL request passes here, and none of its limits holds: bodies may have gigabytes. They are counted and hashed as
they come, written by other threads, and held back when the disk is slower than the network.
"""

import asyncio
import logging
from collections.abc import Mapping
from contextlib import aclosing
from typing import Any

import msgspec
from starlette.types import Receive, Scope, Send

from app.http.cors import Cors
from app.http.headers import Header
from app.http.ranges import NotModified, Selection, selected, validators
from app.http.replies import EXCHANGE, REQUEST_ID, ClientGone
from app.http.s3_errors import (
    S3Error,
    access_denied,
    bad_signature,
    internal_error,
    no_such_key,
    request_timeout,
    slow_down,
)
from app.http.streamed_body import StreamedBody
from datasources.blobs import Blob, ChecksumRefused, NoSuchMultipart
from datasources.dispositions import disposition, is_shown
from datasources.local.file_disk import DiskFull
from datasources.local.file_transfers import WrongAlgorithm, WrongSize
from datasources.local.file_urls import PATH, BadSignature, Expired, Grant
from datasources.local.files import FileStore
from domain.errors import Code, DomainError

log = logging.getLogger(__name__)

BUFFERED_BYTES = 32 * 1024**2
"""Of all bodies together, on their way to the disk."""
LEAST_PIECE_BYTES = 64 * 1024
MOST_PIECE_BYTES = 2 * 1024**2
"""Handed to the disk at once, of one body."""

FILE_METHODS = b"GET, HEAD, PUT, OPTIONS"
FILE_HEADERS = ("content-type", "range", "if-range", "if-none-match", "if-modified-since")
EXPOSED_FILE_HEADERS = (
    b"ETag,Content-Length,Content-Range,Accept-Ranges,Content-Disposition,Last-Modified,Retry-After,x-amzn-RequestId,"
    b"x-amz-checksum-sha256,x-amz-checksum-crc32c,x-amz-checksum-crc32,x-amz-checksum-crc64nvme"
)
"""What pages may send and read; uploaders need the ETag of each part."""

Headers = Mapping[bytes, bytes]


class TransferBounds(msgspec.Struct, frozen=True):
    """What transfers may take.

    Attributes:
        most: that receive, and as many that send, at once.
        seconds: for the next 64 KiB of a body to arrive, or its end.
    """

    most: int = 200
    seconds: float = 30


class Files:
    """An ASGI application for all paths below `PATH`."""

    def __init__(self, store: FileStore, cors: Cors, bounds: TransferBounds) -> None:
        self._store = store
        self._cors = cors
        self._bounds = bounds
        self._receiving = 0
        self._sending = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] == "OPTIONS":
            return await self._cors.preflight(scope["headers"]).send(scope, send)
        headers: dict[bytes, bytes] = dict(scope["headers"])
        request_id = scope["state"][REQUEST_ID]
        try:
            await self._answer(scope, headers, receive, send)
        except S3Error as error:
            await error.send(send, request_id, bare=scope["method"] == "HEAD")
        except DomainError as error:
            await _told(error).send(send, request_id, bare=scope["method"] == "HEAD")
        return None

    async def _answer(self, scope: Scope, headers: Headers, receive: Receive, send: Send) -> None:
        if scope["method"] not in ("GET", "HEAD", "PUT"):
            message = "Files are read with GET and stored with PUT."
            raise S3Error(405, "MethodNotAllowed", message, (b"allow", FILE_METHODS))
        grant = self._granted(scope)
        if scope["method"] == "PUT":
            await self._put(grant, scope, headers, send)
        else:
            await self._get(grant, scope["method"], headers, receive, send)

    def _granted(self, scope: Scope) -> Grant:
        path = scope["raw_path"].removeprefix(PATH.encode())
        try:
            return self._store.urls.read(scope["method"], path, scope["query_string"])
        except BadSignature:
            raise bad_signature() from None
        except Expired:
            raise access_denied("Request has expired") from None

    # Storing

    async def _put(self, grant: Grant, scope: Scope, headers: Headers, send: Send) -> None:
        _check_head(grant, headers)
        if self._receiving >= self._bounds.most:
            raise slow_down()
        self._receiving += 1
        try:
            stored = await self._take_in(grant, scope, headers)
        except NoSuchMultipart:
            raise S3Error(404, "NoSuchUpload", "The upload is completed, was given up, or never began.") from None
        except WrongAlgorithm as wrong:
            message = f"Parts of this upload carry a {wrong.wanted} checksum."
            raise S3Error(400, "InvalidRequest", message) from None
        except ChecksumRefused:
            raise S3Error(400, "BadDigest", "The body has another checksum than the one given.") from None
        except WrongSize:
            raise S3Error(400, "IncompleteBody", "The body has another length than the one given.") from None
        except DiskFull:
            raise S3Error(507, "InsufficientStorage", "There is no room for this file.") from None
        except OSError:
            log.exception("a file could not be stored")
            raise internal_error() from None
        finally:
            self._receiving -= 1
        await send({"type": "http.response.start", "status": 200, "headers": [*stored, (b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    async def _take_in(self, grant: Grant, scope: Scope, headers: Headers) -> list[Header]:
        told = headers.get(b"content-md5")
        md5 = None if told is None else told.decode("latin-1").strip()
        async with self._store.transfers.receiving(grant, md5) as incoming:
            body: StreamedBody = scope["state"][EXCHANGE].stream()
            body.expect(self._bounds.seconds)
            try:
                while piece := await body.read(self._piece_bytes()):
                    await incoming.write(piece)
            except TimeoutError:
                raise request_timeout() from None
            finally:
                body.close()
            written, _ = await incoming.finish()
        name = f"x-amz-checksum-{written.checksum.algorithm.lower()}"
        return [(b"etag", b'"%s"' % written.etag.encode()), (name.encode(), written.checksum.value.encode())]

    def _piece_bytes(self) -> int:
        """Half of a body's share of the memory: one piece is written while the next arrives."""
        return max(LEAST_PIECE_BYTES, min(MOST_PIECE_BYTES, BUFFERED_BYTES // (2 * self._receiving)))

    # Reading

    async def _get(self, grant: Grant, method: str, headers: Headers, receive: Receive, send: Send) -> None:
        blob = await self._store.head(grant.key)
        if blob is None:
            raise no_such_key()
        common = [*validators(blob), (b"accept-ranges", b"bytes")]
        try:
            chosen = selected(blob, headers)
        except NotModified:
            await send({"type": "http.response.start", "status": 304, "headers": common})
            await send({"type": "http.response.body", "body": b""})
            return
        answered = [*common, *_told_of(blob, grant), (b"content-length", b"%d" % (chosen.end - chosen.start))]
        if chosen.partial:
            answered.append((b"content-range", b"bytes %d-%d/%d" % (chosen.start, chosen.end - 1, blob.size)))
        start = {"type": "http.response.start", "status": 206 if chosen.partial else 200, "headers": answered}
        if method == "HEAD":
            await send(start)
            await send({"type": "http.response.body", "body": b""})
            return
        if self._sending >= self._bounds.most:
            raise slow_down()
        self._sending += 1
        try:
            await self._send_out(blob, chosen, start, receive, send)
        finally:
            self._sending -= 1

    async def _send_out(
        self, blob: Blob, chosen: Selection, head: dict[str, Any], receive: Receive, send: Send
    ) -> None:
        try:
            outgoing = await self._store.transfers.outgoing(blob, chosen.start, chosen.end)
        except FileNotFoundError:  # replaced or removed since
            raise no_such_key() from None
        await send(head)
        gone = asyncio.create_task(_disconnected(receive))
        try:
            async with aclosing(outgoing):
                async for chunk in outgoing:
                    if gone.done():  # what is sent then goes nowhere
                        raise ClientGone
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
        finally:
            gone.cancel()
        await send({"type": "http.response.body", "body": b""})


def _check_head(grant: Grant, headers: Headers) -> None:
    """What is known before the body: it has to be the request that was signed."""
    length = headers.get(b"content-length")
    if length is None or b"transfer-encoding" in headers:
        raise S3Error(411, "MissingContentLength", "A file is sent with its Content-Length.")
    if length != b"%d" % grant.size:
        raise bad_signature()
    if grant.type is not None and headers.get(b"content-type") != grant.type.encode():
        raise bad_signature()
    expected = grant.expected
    signed = {} if expected is None else {f"x-amz-checksum-{expected.algorithm.lower()}": expected.value}
    sent = {
        name.decode("latin-1"): value.decode("latin-1")
        for name, value in headers.items()
        if name.startswith(b"x-amz-checksum-")
    }
    if sent.keys() - signed.keys():
        raise access_denied("There were headers present in the request which were not signed")
    if sent != signed:
        raise bad_signature()


async def _disconnected(receive: Receive) -> None:
    """Returns when the client hangs up."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _told_of(blob: Blob, grant: Grant) -> list[Header]:
    """Type and treatment of a file. Nothing that somebody uploaded may run as a page of ours."""
    content_type = grant.type or blob.content_type
    policy = "default-src 'none'; img-src 'self'; media-src 'self'; style-src 'unsafe-inline'"
    if not (is_shown(content_type) and content_type.startswith("application/pdf")):
        policy += "; sandbox"  # browsers show no PDF in a sandbox, and run nothing of it outside of its viewer
    headers = {
        "content-type": content_type,
        "content-disposition": disposition(content_type, grant.name),
        "content-security-policy": policy,
        "referrer-policy": "no-referrer",
    }
    if blob.checksum is not None:
        headers[f"x-amz-checksum-{blob.checksum.algorithm.lower()}"] = blob.checksum.value
    return [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]


def _told(error: DomainError) -> S3Error:
    if error.code is Code.THROTTLED:
        return slow_down()
    if error.code is Code.DEPENDENCY_FAILED:
        return S3Error(503, "ServiceUnavailable", "The file store does not answer.", (b"retry-after", b"2"))
    return internal_error()
