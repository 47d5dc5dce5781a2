"""Uploads a file of any size, several parts at once, and goes on where an earlier try ended, here or elsewhere.

    python examples/upload.py lecture.mp4 --kind VIDEO --token "$TOKEN"

The API never carries the bytes: it plans the parts, signs a request for each, and checks the whole at the end. The file
and each part are declared with their CRC32, so what is damaged on the way is refused, and what is there is not
sent again. Needs aiohttp.
"""

import argparse
import asyncio
import base64
import mimetypes
import sys
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import aiohttp

UPLOAD = "id status isMultipart partSizeBytes request { url headers { name value } } media { id status }"
START = f"mutation Start($input: InitiateUploadInput!) {{ initiateUpload(input: $input) {{ {UPLOAD} }} }}"
GET = f"query Get($id: ID!) {{ getUpload(id: $id) {{ {UPLOAD} }} }}"
BEGUN = f"""query Begun($status: UploadStatus, $next: String) {{
  listMyUploads(status: $status, nextToken: $next) {{ nextToken
    items {{ fileName sizeBytes contentType checksum {{ value }} {UPLOAD} }} }} }}"""
STORED = """query Stored($id: ID!, $next: String) {
  listUploadParts(uploadId: $id, limit: 100, nextToken: $next) { nextToken
    items { partNumber etag checksum { value } } } }"""
SIGN = """mutation Sign($input: SignUploadPartsInput!) {
  signUploadParts(input: $input) { partNumber request { url headers { name value } } } }"""
COMPLETE = f"mutation Complete($input: CompleteUploadInput!) {{ completeUpload(input: $input) {{ {UPLOAD} }} }}"

SIGNED_AT_ONCE = 100
READ_BYTES = 256 * 1024
TRIES = 8
LONGEST_PAUSE_SECONDS = 20.0
TIMES = aiohttp.ClientTimeout(total=None, connect=20, sock_read=60)
MAY_WORK_LATER = {408, 425, 429, 500, 502, 503, 504}
EXPIRED = 403

Json = dict[str, Any]
OnProgress = Callable[[int, int], None]
"""Takes how many bytes are there, and of how many."""


class Refused(Exception):
    """It is not taken; trying again does not help."""


class Lost(Exception):
    """A connection or an answer was lost; trying again helps."""


class Piece(NamedTuple):
    """Some bytes of the file. `crc32` in base 64."""

    start: int
    length: int
    crc32: str


async def upload(
    http: aiohttp.ClientSession,
    endpoint: str,
    token: str,
    path: Path,
    *,
    kind: str,
    purpose: str = "LESSON",
    content_type: str,
    part_bytes: int | None = None,
    at_once: int = 4,
    on_progress: OnProgress = lambda done, size: None,
) -> Json:
    """The completed upload with its media. Raises Refused, Lost."""
    return await _Upload(http, endpoint, token, path, at_once, on_progress).run(kind, purpose, content_type, part_bytes)


class _Upload:
    def __init__(
        self, http: aiohttp.ClientSession, endpoint: str, token: str, path: Path, at_once: int, on_progress: OnProgress
    ) -> None:
        self._http = http
        self._endpoint = endpoint
        self._token = token
        self._path = path
        self._size = path.stat().st_size
        self._turn = asyncio.Semaphore(at_once)
        self._on_progress = on_progress
        self._done = 0

    async def run(self, kind: str, purpose: str, content_type: str, part_bytes: int | None) -> Json:
        whole = await asyncio.to_thread(self._piece, 0, self._size)
        found = await self._begun(whole, content_type)
        if found is None:
            given = {"kind": kind, "purpose": purpose, "fileName": self._path.name, "contentType": content_type}
            given |= {"sizeBytes": self._size, "checksum": _checksum(whole), "clientToken": uuid4().hex}
            if part_bytes is not None:
                given |= {"multipart": True, "partSizeBytes": part_bytes}
            found = await self._ask(START, input=given)
        upload_id: str = found["id"]
        if found["isMultipart"]:
            parts = await self._send_parts(upload_id, int(found["partSizeBytes"]))
        else:
            await self._send_whole(found, whole)
            parts = []
        completed: Json = await self._ask(COMPLETE, input={"uploadId": upload_id, "parts": parts})
        return completed

    async def _begun(self, whole: Piece, content_type: str) -> Json | None:
        """An upload of this very file in parts that was not finished, by this device or another."""
        wanted = (self._size, content_type, whole.crc32)
        async for item in self._pages(BEGUN, status="UPLOADING"):
            if (item["sizeBytes"], item["contentType"], (item["checksum"] or {}).get("value")) == wanted:
                return item if item["isMultipart"] else None
        return None

    async def _send_whole(self, found: Json, whole: Piece) -> None:
        request = found["request"]

        async def sign() -> Json:
            again: Json = (await self._ask(GET, id=found["id"]))["request"]
            return again

        await self._send(whole, request, sign)

    async def _send_parts(self, upload_id: str, part_bytes: int) -> list[Json]:
        """What is missing; all parts as completeUpload takes them."""
        stored = {part["partNumber"]: part async for part in self._pages(STORED, id=upload_id)}
        starts = range(0, self._size, part_bytes)
        done: list[Json] = []
        for first in range(0, len(starts), SIGNED_AT_ONCE):
            numbers = range(first + 1, min(first + SIGNED_AT_ONCE, len(starts)) + 1)
            pieces = {n: await asyncio.to_thread(self._piece, starts[n - 1], part_bytes) for n in numbers}
            etags = {n: stored[n]["etag"] for n, piece in pieces.items() if _is_stored(piece, stored.get(n))}
            self._count(sum(pieces[n].length for n in etags))
            missing = {n: piece for n, piece in pieces.items() if n not in etags}
            requests = await self._signed(upload_id, missing) if missing else {}
            try:
                async with asyncio.TaskGroup() as tasks:
                    sent = {
                        n: tasks.create_task(self._send_part(upload_id, n, piece, requests[n]))
                        for n, piece in missing.items()
                    }
            except ExceptionGroup as faults:
                raise faults.exceptions[0] from None
            etags |= {n: task.result() for n, task in sent.items()}
            done += [{"partNumber": n, "etag": etags[n], "checksum": _checksum(pieces[n])} for n in numbers]
        return done

    async def _signed(self, upload_id: str, pieces: dict[int, Piece]) -> dict[int, Json]:
        parts = [{"partNumber": n, "checksum": _checksum(piece)} for n, piece in pieces.items()]
        signed = await self._ask(SIGN, input={"uploadId": upload_id, "parts": parts})
        return {each["partNumber"]: each["request"] for each in signed}

    async def _send_part(self, upload_id: str, number: int, piece: Piece, request: Json) -> str:
        async def sign() -> Json:
            return (await self._signed(upload_id, {number: piece}))[number]

        return await self._send(piece, request, sign)

    async def _send(self, piece: Piece, request: Json, sign: Callable[[], Awaitable[Json]]) -> str:
        """The ETag of what is stored. A request that has expired is signed anew."""
        current = request

        async def put() -> str:
            nonlocal current
            headers = {header["name"]: header["value"] for header in current["headers"]}
            headers["Content-Length"] = str(piece.length)
            async with (
                self._turn,
                self._http.put(current["url"], data=self._bytes(piece), headers=headers, timeout=TIMES) as answer,
            ):
                if answer.status == EXPIRED:
                    current = await sign()
                    raise Lost("the signed request has expired")
                await _require_taken(answer)
                return answer.headers["ETag"]

        etag: str = await _tried(put)
        self._count(piece.length)
        return etag

    async def _ask(self, query: str, **variables: Any) -> Any:
        """The one root field of an operation."""

        async def ask() -> Any:
            body = {"query": query, "variables": variables}
            async with self._http.post(
                self._endpoint, json=body, headers={"Authorization": self._token}, timeout=TIMES
            ) as answer:
                if answer.status in MAY_WORK_LATER:
                    raise Lost(f"HTTP {answer.status}")
                payload = await answer.json(content_type=None)
            if errors := payload.get("errors"):
                fault = Lost if (errors[0].get("errorInfo") or {}).get("retryable") else Refused
                raise fault(f"{errors[0].get('errorType')}: {errors[0]['message']}")
            [value] = payload["data"].values()
            return value

        return await _tried(ask)

    async def _pages(self, query: str, **variables: Any) -> AsyncIterator[Json]:
        position = None
        while True:
            page = await self._ask(query, **variables, next=position)
            for item in page["items"]:
                yield item
            position = page["nextToken"]
            if position is None:
                return

    def _piece(self, start: int, most: int) -> Piece:
        length = min(most, self._size - start)
        crc = 0
        with self._path.open("rb") as file:
            file.seek(start)
            for left in range(length, 0, -READ_BYTES):
                crc = zlib.crc32(file.read(min(left, READ_BYTES)), crc)
        return Piece(start, length, base64.b64encode(crc.to_bytes(4)).decode())

    async def _bytes(self, piece: Piece) -> AsyncIterator[bytes]:
        with self._path.open("rb") as file:
            file.seek(piece.start)
            for left in range(piece.length, 0, -READ_BYTES):
                yield await asyncio.to_thread(file.read, min(left, READ_BYTES))

    def _count(self, more: int) -> None:
        if more or not self._size:
            self._done += more
            self._on_progress(self._done, self._size)


def _is_stored(piece: Piece, part: Json | None) -> bool:
    return part is not None and (part["checksum"] or {}).get("value") == piece.crc32


def _checksum(piece: Piece) -> Json:
    return {"algorithm": "CRC32", "value": piece.crc32}


async def _require_taken(answer: aiohttp.ClientResponse) -> None:
    if answer.status in MAY_WORK_LATER:
        raise Lost(f"HTTP {answer.status}")
    if answer.status >= 400:
        raise Refused(f"HTTP {answer.status}: {(await answer.text())[:300]}")


async def _tried(action: Callable[[], Awaitable[Any]]) -> Any:
    """Repeats what was lost, after growing pauses. Raises the last Lost."""
    for number in range(TRIES):
        try:
            return await action()
        except (Lost, aiohttp.ClientError, TimeoutError) as error:
            if number == TRIES - 1:
                raise Lost(str(error) or type(error).__name__) from error
        await asyncio.sleep(min(LONGEST_PAUSE_SECONDS, 0.2 * 2**number))
    return None


def _bar(done: int, size: int) -> None:
    width = 40
    filled = width * done // max(size, 1)
    end = "\n" if done == size else ""
    sys.stderr.write(f"\r[{'#' * filled}{'.' * (width - filled)}] {done / 1e6:,.1f} of {size / 1e6:,.1f} MB{end}")
    sys.stderr.flush()


async def _main() -> None:
    words = argparse.ArgumentParser(description="Uploads a file; run it again to go on after a break.")
    words.add_argument("file", type=Path)
    words.add_argument("--endpoint", default="http://127.0.0.1:8000/graphql")
    words.add_argument("--token", required=True)
    words.add_argument("--kind", required=True, choices=["VIDEO", "AUDIO", "IMAGE", "DOCUMENT", "RECORDING"])
    words.add_argument("--purpose", default="LESSON")
    words.add_argument("--content-type", help="guessed by the name when absent")
    words.add_argument("--part-mib", type=int, help="send in parts of so many MiB; the server's choice when absent")
    words.add_argument("--at-once", type=int, default=4, help="parts on their way")
    given = words.parse_args()
    guessed = mimetypes.guess_type(given.file.name)[0] or "application/octet-stream"
    async with aiohttp.ClientSession() as http:
        completed = await upload(
            http,
            given.endpoint,
            given.token,
            given.file,
            kind=given.kind,
            purpose=given.purpose,
            content_type=given.content_type or guessed,
            part_bytes=given.part_mib and given.part_mib * 1024**2,
            at_once=given.at_once,
            on_progress=_bar,
        )
    sys.stdout.write(f"media {completed['media']['id']}\n")


if __name__ == "__main__":
    try:
        asyncio.run(_main())
    except (Refused, Lost) as fault:
        sys.exit(str(fault))
