"""The embedded store over HTTP: what browsers and uploaders see besides the contract of both stores."""

import asyncio
import base64
import hashlib
import os
from contextlib import suppress
from email.utils import formatdate
from pathlib import Path

import pytest

from datasources.blobs import SignedRequest
from datasources.local.file_digests import Digests
from domain.uploads import Checksum
from tests.blob_stores import FilesSite, served_files
from tests.waiting import PATIENCE_SECONDS, until

BODY = b"A lesson about tides. " * 500


def etag_of(body: bytes) -> str:
    digests = Digests("CRC64NVME", md5=False)
    digests.update(body)
    return f'"{digests.etag()}"'


ETAG = etag_of(BODY)


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture
def files_site(shared_files_site: FilesSite) -> FilesSite:
    return shared_files_site


async def stored(site: FilesSite, content_type: str = "video/mp4", body: bytes = BODY) -> None:
    await site.files.store("a", body, content_type=content_type)


async def signed(site: FilesSite, size: int = len(BODY), key: str = "a") -> SignedRequest:
    return await site.files.sign_put(key, size=size, content_type="video/mp4", seconds=3_600)


def head_of(request: SignedRequest, *more: str, length: int | None = None) -> bytes:
    """A request's line and headers, for bare sockets."""
    target = "/" + request.url.split("/", 3)[3]
    lines = [f"PUT {target} HTTP/1.1", "host: x", *(f"{name}: {value}" for name, value in request.headers.items())]
    if length is not None:
        lines.append(f"content-length: {length}")
    return "\r\n".join([*lines, *more, "", ""]).encode()


def port_of(site: FilesSite) -> int:
    return int(site.origin.rpartition(":")[2])


async def talk(site: FilesSite, *chunks: bytes) -> bytes:
    """Everything the server says to these bytes until it closes the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port_of(site))
    try:
        for chunk in chunks:
            writer.write(chunk)
            await writer.drain()
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await reader.read()
    finally:
        writer.close()


class TestConditions:
    @pytest.mark.parametrize(
        ("headers", "status"),
        [
            ({"if_none_match": ETAG}, 304),
            ({"if_none_match": f'"x", W/{ETAG}'}, 304),
            ({"if_none_match": "*"}, 304),
            ({"if_none_match": '"x"'}, 200),
            ({"if_match": ETAG}, 200),
            ({"if_match": "*"}, 200),
            ({"if_match": '"x"'}, 412),
            ({"if_match": f"W/{ETAG}"}, 412),
            ({"if_modified_since": formatdate(1_800_000_000, usegmt=True)}, 304),
            ({"if_modified_since": formatdate(1_799_999_999, usegmt=True)}, 200),
            ({"if_modified_since": "yesterday"}, 200),
            ({"if_unmodified_since": formatdate(1_799_999_999, usegmt=True)}, 412),
            ({"if_unmodified_since": formatdate(1_800_000_000, usegmt=True)}, 200),
            ({"if_unmodified_since": "yesterday"}, 200),
            ({"if_none_match": '"x"', "if_modified_since": formatdate(1_800_000_000, usegmt=True)}, 200),
            ({"if_match": ETAG, "if_unmodified_since": formatdate(1_799_999_999, usegmt=True)}, 200),
        ],
        ids=str,
    )
    async def test_decide_whether_a_file_is_sent(self, files_site: FilesSite, headers: dict[str, str], status: int):
        await stored(files_site)
        answer = await files_site.get("a", **headers)
        assert answer.status == status
        assert answer.body == (BODY if status == 200 else b"" if status == 304 else answer.body)
        if status != 412:
            assert answer.headers["ETag"] == ETAG

    @pytest.mark.parametrize(
        ("condition", "status"),
        [
            (ETAG, 206),
            ('"x"', 200),
            (f"W/{ETAG}", 200),
            (formatdate(1_800_000_000, usegmt=True), 206),
            (formatdate(1_799_999_999, usegmt=True), 200),
        ],
        ids=str,
    )
    async def test_a_range_continues_only_the_content_that_the_client_has(
        self, files_site: FilesSite, condition: str, status: int
    ):
        await stored(files_site)
        answer = await files_site.get("a", range="bytes=5-", if_range=condition)
        assert (answer.status, answer.body) == (status, BODY[5:] if status == 206 else BODY)


class TestRanges:
    @pytest.mark.parametrize(
        ("asked", "status", "expected"),
        [
            ("bytes=0-0", 206, BODY[:1]),
            ("bytes=10999-", 206, BODY[-1:]),
            ("bytes=10990-99999", 206, BODY[10_990:]),
            ("bytes=-99999", 206, BODY),
            ("BYTES=0-1", 206, BODY[:2]),
            ("bytes=11000-", 416, None),
            ("bytes=-0", 416, None),
            ("bytes=5-2", 200, BODY),
            ("bytes=0-1,5-6", 200, BODY),
            ("bytes=-", 200, BODY),
            ("bytes=a-b", 200, BODY),
            ("lines=0-1", 200, BODY),
            (f"bytes={'9' * 30}-", 200, BODY),
        ],
        ids=str,
    )
    async def test_are_as_in_rfc_9110(self, files_site: FilesSite, asked: str, status: int, expected: bytes | None):
        await stored(files_site)
        answer = await files_site.get("a", range=asked)
        assert answer.status == status
        if expected is None:
            assert (answer.code, answer.headers["Content-Range"]) == ("InvalidRange", f"bytes */{len(BODY)}")
        else:
            assert answer.body == expected

    async def test_of_an_empty_file_there_are_none(self, files_site: FilesSite):
        await stored(files_site, body=b"")
        assert (await files_site.get("a", range="bytes=0-")).status == 416
        assert (await files_site.get("a")).body == b""

    async def test_head_tells_the_same_without_the_bytes(self, files_site: FilesSite):
        await stored(files_site)
        url = await files_site.files.sign_get("a", seconds=60)
        for headers in ({}, {"range": "bytes=5-9"}):
            told, sent = [await files_site.request(method, url, **headers) for method in ("HEAD", "GET")]
            assert (told.status, told.body) == (sent.status, b"")
            for name in ("ETag", "Content-Length", "Content-Type", "Accept-Ranges", "Last-Modified"):
                assert told.headers[name] == sent.headers[name]
        missing = await files_site.request("HEAD", await files_site.files.sign_get("none", seconds=60))
        assert (missing.status, missing.body) == (404, b"")


class TestShowing:
    @pytest.mark.parametrize(
        ("content_type", "disposition"),
        [
            ("video/mp4", "inline"),
            ("audio/mpeg", "inline"),
            ("image/png", "inline"),
            ("image/jpeg; x=y", "inline"),
            ("text/plain; charset=utf-8", "inline"),
            ("application/pdf", "inline"),
            ("application/vnd.apple.mpegurl", "inline"),
            ("text/html", "attachment"),
            ("TEXT/HTML", "attachment"),
            ("image/svg+xml", "attachment"),
            ("application/xhtml+xml", "attachment"),
            ("text/xml", "attachment"),
            ("text/javascript", "attachment"),
            ("application/octet-stream", "attachment"),
            ("nonsense", "attachment"),
        ],
    )
    async def test_only_what_can_run_nothing_is_shown_in_place(
        self, files_site: FilesSite, content_type: str, disposition: str
    ):
        await stored(files_site, content_type)
        answer = await files_site.get("a")
        assert answer.headers["Content-Disposition"] == disposition
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        policy = answer.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'")
        assert policy.endswith("; sandbox") == (content_type != "application/pdf")

    async def test_a_link_cannot_make_a_page_of_a_file(self, files_site: FilesSite):
        await stored(files_site, "video/mp4", b"<script>alert(1)</script>")
        url = await files_site.files.sign_get("a", seconds=60, content_type="text/html")
        assert (await files_site.request("GET", url)).headers["Content-Disposition"] == "attachment"

    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            ("plan.pdf", "attachment; filename=\"plan.pdf\"; filename*=UTF-8''plan.pdf"),
            ('a"b\\c.txt', "attachment; filename=\"a_b_c.txt\"; filename*=UTF-8''a%22b_c.txt"),
            (
                "x\r\nset-cookie: a=b",
                "attachment; filename=\"x__set-cookie: a=b\"; filename*=UTF-8''x__set-cookie%3A%20a%3Db",
            ),
            ("../../etc/passwd", "attachment; filename=\".._.._etc_passwd\"; filename*=UTF-8''.._.._etc_passwd"),
            ("gpj\u202eexe.", "attachment; filename=\"gpj_exe.\"; filename*=UTF-8''gpj_exe."),
            ("", "attachment; filename=\"file\"; filename*=UTF-8''file"),
        ],
        ids=repr,
    )
    async def test_names_to_save_as_are_told_safely(self, files_site: FilesSite, name: str, expected: str):
        await stored(files_site)
        url = await files_site.files.sign_get("a", seconds=60, download_name=name)
        assert (await files_site.request("GET", url)).headers["Content-Disposition"] == expected


class TestBrowsers:
    async def test_pages_of_allowed_origins_may_send_and_read_the_etag(self, tmp_path: Path):
        async with served_files(tmp_path / "files", cors_origins="https://school.example") as site:
            request = await signed(site)
            asked = {
                "origin": "https://school.example",
                "access_control_request_method": "PUT",
                "access_control_request_headers": "content-type,x-amz-checksum-crc32c",
            }
            preflight = await site.request("OPTIONS", request.url, **asked)
            assert preflight.status == 200
            assert preflight.headers["Access-Control-Allow-Origin"] == "https://school.example"
            assert "PUT" in preflight.headers["Access-Control-Allow-Methods"]
            assert {"content-type", "x-amz-checksum-crc32c"} <= set(
                preflight.headers["Access-Control-Allow-Headers"].split(",")
            )
            answer = await site.send(request, BODY, origin="https://school.example")
            assert answer.status == 200
            assert answer.headers["Access-Control-Allow-Origin"] == "https://school.example"
            assert "ETag" in answer.headers["Access-Control-Expose-Headers"].split(",")

    async def test_other_origins_may_not(self, tmp_path: Path):
        async with served_files(tmp_path / "files", cors_origins="https://school.example") as site:
            preflight = await site.request("OPTIONS", (await signed(site)).url, origin="https://evil.example")
            assert "Access-Control-Allow-Origin" not in preflight.headers

    async def test_they_may_read_refusals_too(self, files_site: FilesSite):
        answer = await files_site.request("PUT", (await signed(files_site)).url, b"other", origin="https://x.example")
        assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (403, "*")
        assert answer.headers["Content-Type"] == "application/xml"


class TestBodies:
    async def test_another_checksum_than_the_signed_one_is_refused_and_nothing_is_kept(self, files_site: FilesSite):
        checksum = Checksum("SHA256", base64.b64encode(hashlib.sha256(BODY).digest()).decode())
        request = await files_site.files.sign_put(
            "a", size=len(BODY), content_type="video/mp4", checksum=checksum, seconds=60
        )
        answer = await files_site.send(request, BODY[::-1])
        assert (answer.status, answer.code) == (400, "BadDigest")
        assert files_site.on_disk() == []

    async def test_a_content_md5_is_checked(self, files_site: FilesSite):
        request = await signed(files_site)
        wrong, right = (
            base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode() for body in (b"x", BODY)
        )
        answer = await files_site.send(request, BODY, content_md5=wrong)
        assert (answer.status, answer.code) == (400, "BadDigest")
        assert files_site.on_disk() == []
        assert (await files_site.send(request, BODY, content_md5="")).code == "BadDigest"
        assert (await files_site.send(request, BODY, content_md5=right)).status == 200

    async def test_no_client_takes_the_etag_for_an_md5(self, files_site: FilesSite):
        answer = await files_site.send(await signed(files_site), BODY)
        assert answer.headers["ETag"] == ETAG
        assert len(answer.etag) != 32
        assert "-" not in answer.etag  # which S3 puts into the ETags of files in parts

    async def test_a_part_without_its_uploads_checksum_is_refused(self, files_site: FilesSite):
        upload = await files_site.files.start_multipart("a", content_type="video/mp4", algorithm="SHA256")
        request = await files_site.files.sign_part("a", upload, 1, size=3, seconds=60)
        answer = await files_site.send(request, b"abc")
        assert (answer.status, answer.code) == (400, "InvalidRequest")

    async def test_a_body_without_its_length_is_refused(self, files_site: FilesSite):
        request = await signed(files_site)
        said = await talk(
            files_site, head_of(request, "transfer-encoding: chunked", "connection: close") + b"3\r\nabc\r\n0\r\n\r\n"
        )
        assert said.startswith(b"HTTP/1.1 411 ")
        assert b"MissingContentLength" in said

    async def test_a_client_that_asks_first_is_told_to_go_on_only_if_it_may(self, files_site: FilesSite):
        request = await signed(files_site)
        expecting = ("expect: 100-continue", "connection: close")
        said = await talk(files_site, head_of(request, *expecting, length=5))
        assert said.startswith(b"HTTP/1.1 403 ")
        said = await talk(files_site, head_of(request, *expecting, length=len(BODY)), BODY)
        assert said.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 ")

    async def test_one_connection_carries_many(self, files_site: FilesSite):
        requests = [await signed(files_site, key=key) for key in ("a", "b")]
        piped = (
            head_of(requests[0], length=len(BODY)) + BODY + head_of(requests[1], "connection: close", length=len(BODY))
        )
        said = await talk(files_site, piped, BODY)
        assert said.count(b"HTTP/1.1 200 ") == 2
        assert [blob.key for blob in await files_site.files.list_keys("")] == ["a", "b"]

    async def test_what_a_client_breaks_off_leaves_nothing(self, files_site: FilesSite):
        request = await signed(files_site, size=10 * 1024**2)
        _, writer = await asyncio.open_connection("127.0.0.1", port_of(files_site))
        writer.write(head_of(request, length=10 * 1024**2) + b"x" * 1024**2)
        await writer.drain()
        await until(lambda: len(files_site.on_disk()) == 1, "the file being received")
        writer.transport.abort()
        await until(lambda: files_site.on_disk() == [], "its end")
        assert await files_site.files.head("a") is None

    @pytest.mark.parametrize("sent", [b"", b"x" * 1000], ids=["nothing", "a little"])
    async def test_a_client_that_stops_sending_is_told_and_cut_off(self, tmp_path: Path, sent: bytes):
        async with served_files(tmp_path / "files", transfer_seconds=0.3, body_seconds=60) as site:
            said = await talk(site, head_of(await signed(site), length=len(BODY)) + sent)
            assert said.startswith(b"HTTP/1.1 400 ")
            assert b"<Code>RequestTimeout</Code>" in said
            assert site.on_disk() == []

    async def test_a_client_that_goes_on_sending_may_take_its_time(self, tmp_path: Path):
        """Longer than any other body may take, as long as enough of it arrives in each span."""
        async with served_files(tmp_path / "files", transfer_seconds=60, body_seconds=0.2) as site:
            size = 4 * 1024
            reader, writer = await asyncio.open_connection("127.0.0.1", port_of(site))
            writer.write(head_of(await signed(site, size), "connection: close", length=size))
            for _ in range(4):
                writer.write(b"x" * 1024)
                await asyncio.sleep(0.2)
            async with asyncio.timeout(PATIENCE_SECONDS):
                said = await reader.read()
            writer.close()
            assert said.startswith(b"HTTP/1.1 200 ")


class TestLimits:
    async def test_beyond_a_number_of_transfers_clients_are_told_to_slow_down(self, tmp_path: Path):
        async with served_files(tmp_path / "files", max_transfers=1) as site:
            _, writer = await asyncio.open_connection("127.0.0.1", port_of(site))
            writer.write(head_of(await signed(site, key="slow"), length=len(BODY)) + b"x")
            await until(lambda: len(site.on_disk()) == 1, "the first one")
            answer = await site.send(await signed(site), BODY)
            assert (answer.status, answer.code) == (503, "SlowDown")
            assert answer.headers["Retry-After"] == "1"
            writer.transport.abort()
            await until(lambda: site.on_disk() == [], "its end")

            async def stored_now() -> bool:
                return (await site.send(await signed(site), BODY)).status == 200

            await until(stored_now)

    async def test_a_full_disk_is_told_before_the_bytes_are_sent(self, tmp_path: Path):
        room = os.statvfs(tmp_path)
        async with served_files(tmp_path / "files", reserve_bytes=room.f_bavail * room.f_frsize) as site:
            answer = await site.send(await signed(site), BODY)
            assert (answer.status, answer.code) == (507, "InsufficientStorage")
            assert site.on_disk() == []

    async def test_other_methods_are_refused(self, files_site: FilesSite):
        url = (await signed(files_site)).url
        for method in ("POST", "DELETE", "PATCH"):
            answer = await files_site.request(method, url)
            assert (answer.status, answer.code) == (405, "MethodNotAllowed")
            assert answer.headers["Allow"] == "GET, HEAD, PUT, OPTIONS"


class TestAddresses:
    @pytest.mark.parametrize(
        "path",
        [
            "/files/",
            "/files/../../etc/passwd",
            "/files/%2e%2e/%2e%2e/etc/passwd",
            "/files/a%00b",
            "/files/%2Fetc%2Fpasswd",
            "/files/..%5c..%5cx",
            "/files/a?expires=9999999999&signature=",
            "/files/a?signature=x",
            "/files/a?&signature=" + "0" * 64,
            "/files/" + "a/" * 5_000,
            "/files/%ff%fe",
        ],
    )
    async def test_nobody_gets_anywhere_without_a_signature(self, files_site: FilesSite, path: str):
        await stored(files_site)
        for method in ("GET", "PUT", "HEAD"):
            length = "content-length: 1\r\n" if method == "PUT" else ""
            said = await talk(
                files_site, f"{method} {path} HTTP/1.1\r\nhost: x\r\n{length}connection: close\r\n\r\nx".encode()
            )
            assert said.startswith((b"HTTP/1.1 403 ", b"HTTP/1.1 400 "))
        assert [blob.key for blob in await files_site.files.list_keys("")] == ["a"]

    async def test_keys_with_any_letters_keep_them(self, files_site: FilesSite):
        for key in ("ü/ñ 1+2&3=4?#%41", "auth0|x@y.z/🎈", "a/.hidden/b..c"):
            request = await signed(files_site, key=key)
            assert (await files_site.send(request, BODY)).status == 200
            assert (await files_site.get(key)).body == BODY

    async def test_other_servers_secrets_sign_nothing_here(self, files_site: FilesSite, tmp_path: Path):
        async with served_files(tmp_path / "other", secret=b"other" * 8) as other:
            request = await signed(other)
        answer = await files_site.request(
            "PUT", request.url.replace(other.origin, files_site.origin), BODY, content_type="video/mp4"
        )
        assert (answer.status, answer.code) == (403, "SignatureDoesNotMatch")


async def test_a_download_that_nobody_reads_is_ended(tmp_path: Path):
    async with served_files(tmp_path / "files", body_seconds=0.3) as site:
        await site.files.store("a", bytes(30 * 1024**2), content_type="video/mp4")
        target = "/" + (await site.files.sign_get("a", seconds=60)).split("/", 3)[3]
        reader, writer = await asyncio.open_connection("127.0.0.1", port_of(site), limit=1024)
        writer.write(f"GET {target} HTTP/1.1\r\nhost: x\r\n\r\n".encode())
        said = bytearray(await reader.read(100))
        assert said.startswith(b"HTTP/1.1 200 ")
        await until(lambda: '"status":499' in site.log.getvalue(), "its end")
        with suppress(ConnectionError):
            async with asyncio.timeout(PATIENCE_SECONDS):
                while part := await reader.read(1024**2):
                    said += part
        assert len(said) < 30 * 1024**2
        writer.close()


async def test_the_log_tells_neither_key_nor_signature(files_site: FilesSite):
    await stored(files_site)
    await files_site.get("a")
    await until(lambda: '"path":"/files/"' in files_site.log.getvalue(), "the line")
    assert "signature" not in files_site.log.getvalue()
