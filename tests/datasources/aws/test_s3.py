"""Files in S3 beyond the contract of both stores: what is signed, what is sent, and what S3's faults become."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from inspect import isawaitable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aioboto3
import pytest
from aiohttp import web

from datasources.aws import s3_copies, s3_transfers
from datasources.aws.buckets import Buckets
from datasources.aws.s3 import S3Store, open_s3
from datasources.blobs import MAX_READ_BYTES, ChosenPart
from domain.errors import Code, DomainError
from domain.uploads import Checksum
from tests.s3_emulator import BUCKET, PREFIX, S3Emulator, S3Site, s3_site

CHECKSUM = Checksum("CRC32C", "AAAAAA==")
Answer = Callable[[int, web.Request], web.StreamResponse | Awaitable[web.StreamResponse]]
SESSION = aioboto3.Session("made-up", "secret", region_name="eu-central-1")


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between botocore's attempts."""
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0)


@pytest.fixture
async def site(s3_emulator: S3Emulator) -> AsyncIterator[S3Site]:
    async with s3_site(s3_emulator) as opened:
        yield opened


def at_aws(**chosen: Any):
    """A store that only signs: nothing listens where its URLs lead."""
    return open_s3(Buckets("school"), region="eu-central-1", session=SESSION, **chosen)


def signed_headers(url: str) -> set[str]:
    return set(parse_qs(urlsplit(url).query)["X-Amz-SignedHeaders"][0].split(";"))


class TestSignedRequests:
    async def test_fix_length_type_and_checksum(self):
        async with at_aws() as store:
            request = await store.sign_put("a/b", size=5, content_type="video/mp4", checksum=CHECKSUM, seconds=600)
        assert request.method == "PUT"
        assert signed_headers(request.url) == {"host", "content-length", "content-type", "x-amz-checksum-crc32c"}
        assert request.headers == {"content-type": "video/mp4", "x-amz-checksum-crc32c": "AAAAAA=="}
        target = urlsplit(request.url)
        assert (target.scheme, target.netloc, target.path) == (
            "https",
            "school.s3.eu-central-1.amazonaws.com",
            "/a/b",
        )
        assert parse_qs(target.query)["X-Amz-Expires"] == ["600"]

    async def test_of_parts_fix_length_number_and_upload(self):
        async with at_aws() as store:
            plain = await store.sign_part("a/b", "upload", 7, size=5, seconds=600)
            checked = await store.sign_part("a/b", "upload", 7, size=5, checksum=CHECKSUM, seconds=600)
        assert signed_headers(plain.url) == {"host", "content-length"}
        assert plain.headers == {}
        assert signed_headers(checked.url) == {"host", "content-length", "x-amz-checksum-crc32c"}
        query = parse_qs(urlsplit(plain.url).query)
        assert (query["partNumber"], query["uploadId"]) == (["7"], ["upload"])

    async def test_name_the_key_that_encrypts(self):
        async with at_aws(kms_key="arn:aws:kms:eu-central-1:1:key/k") as store:
            request = await store.sign_put("a", size=5, content_type="video/mp4", seconds=600)
        encryption = {
            "x-amz-server-side-encryption": "aws:kms",
            "x-amz-server-side-encryption-aws-kms-key-id": "arn:aws:kms:eu-central-1:1:key/k",
        }
        assert encryption.items() <= request.headers.items()
        assert encryption.keys() <= signed_headers(request.url)

    async def test_lead_to_the_nearest_edge_where_that_is_chosen(self):
        async with at_aws(acceleration=True) as store:
            urls = [
                (await store.sign_put("a", size=5, content_type="video/mp4", seconds=600)).url,
                (await store.sign_part("a", "upload", 1, size=5, seconds=600)).url,
                await store.sign_get("a", seconds=600),
            ]
        assert {urlsplit(url).netloc for url in urls} == {"school.s3-accelerate.amazonaws.com"}

    async def test_end_when_they_say(self):
        async with at_aws() as store:
            request = await store.sign_put("a", size=5, content_type="video/mp4", seconds=600)
        signed_at = parse_qs(urlsplit(request.url).query)["X-Amz-Date"][0]
        assert request.expires_at > f"{signed_at[:4]}-{signed_at[4:6]}-{signed_at[6:8]}T"

    async def test_a_prefix_comes_before_every_key(self, site: S3Site):
        assert urlsplit(await site.s3.sign_get("a/b", seconds=60)).path == f"/{BUCKET}/{PREFIX}a/b"
        await site.s3.store("a/b", b"x", content_type="text/plain")
        assert [blob.key for blob in await site.s3.list_keys("")] == ["a/b"]


class TestLargeFiles:
    async def test_of_our_own_are_stored_and_fetched_in_pieces(
        self, site: S3Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr(s3_transfers, "PIECE_BYTES", 10_000)
        source = tmp_path / "source"
        source.write_bytes(bytes(range(256)) * 200)
        blob = await site.s3.store("a", source, content_type="video/mp4")
        assert (blob.size, blob.content_type, blob.etag[-2:]) == (51_200, "video/mp4", "-6")
        await site.s3.fetch("a", tmp_path / "copy")
        assert (tmp_path / "copy").read_bytes() == source.read_bytes()
        assert sum("GET" in request and "?" not in request for request in site.emulator.requests) == 6

    async def test_are_moved_by_s3_in_parts(self, site: S3Site, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(s3_copies, "MAX_SINGLE_COPY_BYTES", 20_000)
        monkeypatch.setattr(s3_copies, "PIECE_BYTES", 10_000)
        body = bytes(range(256)) * 200
        await site.s3.store("incoming/a", body, content_type="video/mp4")
        site.emulator.requests.clear()
        moved = await site.s3.move("incoming/a", "media/a")
        assert moved is not None
        assert (moved.size, moved.content_type) == (len(body), "video/mp4")
        assert await site.s3.read("media/a", length=MAX_READ_BYTES) == body
        assert await site.s3.head("incoming/a") is None
        assert await site.s3.open_multiparts() == []
        assert sum("partNumber" in request for request in site.emulator.requests) == 6

    async def test_whose_move_fails_stay_where_they_are(self, site: S3Site, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(s3_copies, "MAX_SINGLE_COPY_BYTES", 20_000)
        monkeypatch.setattr(s3_copies, "PIECE_BYTES", 10_000)
        await site.s3.store("incoming/a", bytes(51_200), content_type="video/mp4")
        site.emulator.faults = ["partNumber=3"] * 10
        with pytest.raises(DomainError):
            await site.s3.move("incoming/a", "media/a")
        site.emulator.faults = []
        assert await site.s3.head("media/a") is None
        assert await site.s3.open_multiparts() == []
        assert (await site.s3.move("incoming/a", "media/a")) is not None


class TestSeveralBuckets:
    """Files whose keys begin with `media/` are in one bucket here, all others in another."""

    @pytest.fixture
    async def site(self, s3_emulator: S3Emulator) -> AsyncIterator[S3Site]:
        async with s3_site(s3_emulator, others={"media/": "films"}) as opened:
            yield opened

    async def test_a_file_is_moved_from_one_to_the_other(self, site: S3Site):
        await site.s3.store("incoming/a", b"film", content_type="video/mp4")
        moved = await site.s3.move("incoming/a", "media/a")
        assert moved is not None
        assert await site.s3.read("media/a", length=MAX_READ_BYTES) == b"film"
        assert await site.s3.head("incoming/a") is None
        assert any(request.startswith("PUT /films/school/media/a") for request in site.emulator.requests)

    async def test_links_lead_to_the_bucket_of_the_file(self, site: S3Site):
        assert "/films/school/media/a?" in await site.s3.sign_get("media/a", seconds=60)
        assert "/files/school/incoming/a?" in await site.s3.sign_get("incoming/a", seconds=60)

    async def test_files_are_listed_and_removed_wherever_they_are(self, site: S3Site):
        for key in ("incoming/a", "media/a", "media/b"):
            await site.s3.store(key, b"x", content_type="text/plain")
        assert [blob.key for blob in await site.s3.list_keys("media/")] == ["media/a", "media/b"]
        await site.s3.delete(["incoming/a", "media/a"])
        assert [blob.key for blob in await site.s3.list_keys("media/")] == ["media/b"]
        assert await site.s3.list_keys("incoming/") == []

    async def test_no_list_goes_over_several(self, site: S3Site):
        with pytest.raises(ValueError, match="several buckets"):
            await site.s3.list_keys("")

    async def test_uploads_left_open_are_found_in_all_page_by_page(self, site: S3Site):
        keys = ["incoming/a", "incoming/b", "media/a", "media/b"]
        for key in keys:
            await site.s3.start_multipart(key, content_type="video/mp4")
        found = await site.s3.open_multiparts(limit=3)
        assert [each.key for each in found] == keys[:3]
        rest = await site.s3.open_multiparts(after=found[-1], limit=3)
        assert [each.key for each in rest] == keys[3:]


class TestMalware:
    async def test_the_scans_verdict_is_read_from_the_files_tags(self, site: S3Site):
        await site.s3.store("a", b"x", content_type="text/plain")
        assert await site.s3.malware_status("a") is None
        assert await site.s3.malware_status("none") is None
        await site.s3._client.put_object_tagging(
            Bucket=BUCKET,
            Key=f"{PREFIX}a",
            Tagging={"TagSet": [{"Key": "GuardDutyMalwareScanStatus", "Value": "THREATS_FOUND"}]},
        )
        assert await site.s3.malware_status("a") == "THREATS_FOUND"


@asynccontextmanager
async def answering(
    answer: Callable[[int, web.Request], web.StreamResponse],
) -> AsyncIterator[tuple[S3Store, list[str]]]:
    """A store over a server that answers every request as told, by its number; and the requests."""
    requests: list[str] = []

    async def handle(request: web.Request) -> web.StreamResponse:
        requests.append(f"{request.method} {request.path_qs}")
        answered = answer(len(requests), request)
        return await answered if isawaitable(answered) else answered

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", handle)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        async with open_s3(Buckets("b"), region="eu-central-1", endpoint_url=url, session=SESSION) as store:
            yield store, requests
    finally:
        await runner.cleanup()


def refused(status: int, code: str) -> web.Response:
    return web.Response(status=status, text=f"<Error><Code>{code}</Code></Error>", content_type="application/xml")


class TestFaults:
    @pytest.mark.parametrize(
        ("status", "code", "expected", "attempts"),
        [
            (503, "SlowDown", Code.THROTTLED, 4),
            (503, "ServiceUnavailable", Code.THROTTLED, 4),
            (500, "InternalError", Code.DEPENDENCY_FAILED, 4),
            (403, "AccessDenied", Code.DEPENDENCY_FAILED, 1),
            (400, "InvalidArgument", Code.DEPENDENCY_FAILED, 1),
        ],
    )
    async def test_are_tried_again_a_few_times_and_then_told(
        self, status: int, code: str, expected: Code, attempts: int
    ):
        async with answering(lambda *_: refused(status, code)) as (store, requests):
            with pytest.raises(DomainError) as told:
                await store.list_keys("")
        assert told.value.code is expected
        assert len(requests) == attempts
        assert "school" not in told.value.message

    async def test_that_pass_are_not_noticed(self):
        empty = "<ListBucketResult></ListBucketResult>"

        def answer(number: int, _: web.Request) -> web.Response:
            return refused(503, "SlowDown") if number < 3 else web.Response(text=empty, content_type="application/xml")

        async with answering(answer) as (store, requests):
            assert await store.list_keys("") == []
        assert len(requests) == 3

    async def test_an_answer_that_breaks_off_is_asked_for_again(self):
        async def answer(number: int, request: web.Request) -> web.StreamResponse:
            answered = web.StreamResponse(headers={"content-length": "5"})
            await answered.prepare(request)
            await answered.write(b"whole" if number > 2 else b"who")
            if number <= 2:
                assert request.transport is not None
                request.transport.abort()
            return answered

        async with answering(answer) as (store, requests):
            assert await store.read("a", length=5) == b"whole"
        assert len(requests) == 3

    async def test_an_error_within_a_completion_that_began_well_is_one(self):
        """S3 answers 200 before it knows how a long completion ends."""
        stored = "<ETag>x</ETag><Size>5</Size><LastModified>2026-11-21T12:00:00Z</LastModified>"
        parts = f"<ListPartsResult><Part><PartNumber>1</PartNumber>{stored}</Part></ListPartsResult>"

        def answer(_: int, request: web.Request) -> web.Response:
            if request.method == "GET":
                return web.Response(text=parts, content_type="application/xml")
            return web.Response(text="<Error><Code>InternalError</Code></Error>", content_type="application/xml")

        async with answering(answer) as (store, _):
            with pytest.raises(DomainError) as told:
                await store.complete_multipart("a", "upload", [ChosenPart(1, "x")])
        assert told.value.code is Code.DEPENDENCY_FAILED

    async def test_a_bucket_that_cannot_be_reached_is_not_ready(self):
        async with open_s3(
            Buckets("b"), region="eu-central-1", endpoint_url="http://127.0.0.1:9", session=SESSION
        ) as store:
            with pytest.raises(DomainError) as told:
                await store.ready()
        assert told.value.code is Code.DEPENDENCY_FAILED

    async def test_one_file_of_many_that_cannot_be_removed_is_told(self):
        text = "<DeleteResult><Error><Key>a</Key><Code>AccessDenied</Code></Error></DeleteResult>"
        async with answering(lambda *_: web.Response(text=text, content_type="application/xml")) as (store, _):
            with pytest.raises(DomainError):
                await store.delete(["a", "b"])


async def test_many_signatures_are_made_without_holding_up_others():
    async with at_aws() as store:
        turns = 0

        async def others() -> None:
            nonlocal turns
            while True:
                await asyncio.sleep(0)
                turns += 1

        counting = asyncio.create_task(others())
        for number in range(1, 101):
            await store.sign_part("a", "upload", number, size=5, seconds=60)
        counting.cancel()
    assert turns >= 90
