"""What both stores of files do with whole files: the contract of `BlobStore`, over real HTTP."""

import asyncio
import base64
import hashlib
from pathlib import Path

import pytest

from datasources.blobs import MAX_READ_BYTES, BlobStore
from datasources.checksums import RunningChecksum
from domain.uploads import Checksum, ChecksumAlgorithm
from tests.blob_stores import Site

BODY = b"A lesson about tides. " * 500
SHA256 = Checksum("SHA256", base64.b64encode(hashlib.sha256(BODY).digest()).decode())


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture
def blob_site(shared_blob_site: Site) -> Site:
    return shared_blob_site


def checksum_of(body: bytes, algorithm: ChecksumAlgorithm) -> Checksum:
    running = RunningChecksum(algorithm)
    running.update(body)
    return running.result()


async def put(site: Site, key: str, body: bytes = BODY, content_type: str = "video/mp4", **more: Checksum) -> str:
    """Sends a file; its ETag."""
    request = await site.store.sign_put(key, size=len(body), content_type=content_type, seconds=60, **more)
    answer = await site.send(request, body)
    assert answer.status == 200, answer
    return answer.etag


class TestStoring:
    async def test_a_file_that_was_sent_is_there_with_its_size_type_and_etag(self, blob_site: Site, blobs: BlobStore):
        etag = await put(blob_site, "incoming/ada/1")
        blob = await blobs.head("incoming/ada/1")
        assert blob is not None
        assert (blob.key, blob.size, blob.content_type, blob.etag) == ("incoming/ada/1", len(BODY), "video/mp4", etag)
        assert await blobs.read("incoming/ada/1", length=MAX_READ_BYTES) == BODY

    async def test_an_etag_tells_other_bytes_and_not_another_sending(self, blob_site: Site):
        first, again, other = [await put(blob_site, "a", body) for body in (BODY, BODY, BODY[::-1])]
        assert first == again != other

    async def test_an_empty_file_can_be_stored(self, blob_site: Site, blobs: BlobStore):
        await put(blob_site, "incoming/ada/empty", b"")
        blob = await blobs.head("incoming/ada/empty")
        assert blob is not None
        assert blob.size == 0
        assert await blobs.read("incoming/ada/empty", length=10) == b""

    async def test_sending_again_replaces_the_file(self, blob_site: Site, blobs: BlobStore):
        await put(blob_site, "a/b", b"first")
        await put(blob_site, "a/b", b"second")
        assert await blobs.read("a/b", length=100) == b"second"

    @pytest.mark.parametrize("algorithm", ["SHA256", "CRC32C", "CRC32", "CRC64NVME"])
    async def test_a_checksum_travels_in_a_header_that_the_signature_fixes(
        self, blob_site: Site, blobs: BlobStore, algorithm: ChecksumAlgorithm
    ):
        checksum = checksum_of(BODY, algorithm)
        request = await blobs.sign_put("a", size=len(BODY), content_type="a/b", checksum=checksum, seconds=60)
        assert request.headers[f"x-amz-checksum-{algorithm.lower()}"] == checksum.value
        assert (await blob_site.send(request, BODY)).status == 200
        other = {f"x_amz_checksum_{algorithm.lower()}": checksum_of(b"other", algorithm).value}
        refused = await blob_site.send(request, BODY, **other)
        assert (refused.status, refused.code) == (403, "SignatureDoesNotMatch")
        stored = await blobs.head("a")
        assert stored is not None
        assert stored.checksum == checksum

    async def test_what_we_make_ourselves_is_stored_from_bytes_and_from_files(self, blobs: BlobStore, tmp_path: Path):
        blob = await blobs.store("media/x/poster", b"picture", content_type="image/png")
        assert blob == await blobs.head("media/x/poster")
        source = tmp_path / "source"
        source.write_bytes(BODY)
        blob = await blobs.store("media/x/poster", source, content_type="image/jpeg")
        assert (blob.size, blob.content_type) == (len(BODY), "image/jpeg")
        assert await blobs.read("media/x/poster", length=MAX_READ_BYTES) == BODY


class TestSignatures:
    async def test_another_length_is_refused_and_nothing_is_stored(self, blob_site: Site, blobs: BlobStore):
        request = await blobs.sign_put("a", size=len(BODY), content_type="video/mp4", seconds=60)
        for body in (BODY + b"!", BODY[:-1], b""):
            answer = await blob_site.send(request, body)
            assert (answer.status, answer.code) == (403, "SignatureDoesNotMatch")
        assert await blobs.head("a") is None

    async def test_another_type_is_refused_and_nothing_is_stored(self, blob_site: Site, blobs: BlobStore):
        request = await blobs.sign_put("a", size=len(BODY), content_type="video/mp4", seconds=60)
        answer = await blob_site.send(request, BODY, content_type="text/html")
        assert (answer.status, answer.code) == (403, "SignatureDoesNotMatch")
        answer = await blob_site.request("PUT", request.url, BODY)
        assert answer.status == 403
        assert await blobs.head("a") is None

    async def test_a_checksum_that_was_not_signed_is_refused(self, blob_site: Site, blobs: BlobStore):
        request = await blobs.sign_put("a", size=len(BODY), content_type="video/mp4", seconds=60)
        answer = await blob_site.send(request, BODY, x_amz_checksum_sha256=SHA256.value)
        assert (answer.status, answer.code) == (403, "AccessDenied")
        assert await blobs.head("a") is None

    async def test_it_holds_for_one_key_and_one_method_only(self, blob_site: Site, blobs: BlobStore):
        await put(blob_site, "a/other", b"kept")
        request = await blobs.sign_put("a/mine", size=4, content_type="video/mp4", seconds=60)
        for answer in (
            await blob_site.request(
                "PUT", request.url.replace("mine", "other"), b"lost", **{"content_type": "video/mp4"}
            ),
            await blob_site.request("GET", request.url.replace("mine", "other")),
            await blob_site.request("GET", request.url),
            await blob_site.request("PUT", await blobs.sign_get("a/other", seconds=60), b"lost"),
            await blob_site.request("DELETE", await blobs.sign_get("a/other", seconds=60)),
        ):
            assert answer.status in (403, 405)
        assert await blobs.read("a/other", length=10) == b"kept"

    async def test_every_part_of_the_query_is_covered(self, blob_site: Site, blobs: BlobStore):
        request = await blobs.sign_put("a", size=4, content_type="video/mp4", seconds=60)
        address, _, query = request.url.partition("?")
        pairs = query.split("&")
        for number, pair in enumerate(pairs):
            name, _, value = pair.partition("=")
            changed = [*pairs[:number], f"{name}={_other(value)}", *pairs[number + 1 :]]
            for tampered in (changed, pairs[:number] + pairs[number + 1 :]):
                answer = await blob_site.request(
                    "PUT", f"{address}?{'&'.join(tampered)}", b"lost", **{"content_type": "video/mp4"}
                )
                assert answer.status in (400, 403), pair
        assert await blobs.head("a") is None

    async def test_nothing_is_open_without_one(self, blob_site: Site, blobs: BlobStore):
        await put(blob_site, "a/b", b"secret")
        bare = (await blobs.sign_get("a/b", seconds=60)).partition("?")[0]
        assert (await blob_site.request("GET", bare)).status == 403
        assert (await blob_site.request("PUT", bare, b"x")).status == 403

    async def test_it_ends_when_it_says(self, blob_site: Site, blobs: BlobStore):
        request = await blobs.sign_put("a", size=4, content_type="video/mp4", seconds=60)
        await put(blob_site, "b", b"kept")
        link = await blobs.sign_get("b", seconds=60)
        blob_site.pass_time(120)
        for answer in (await blob_site.send(request, b"late"), await blob_site.request("GET", link)):
            assert (answer.status, answer.code) == (403, "AccessDenied")
        assert await blobs.head("a") is None


def _other(value: str) -> str:
    return ("0" if value[:1] != "0" else "1") + value[1:]


class TestReading:
    async def test_a_file_is_read_whole_and_in_ranges(self, blob_site: Site):
        await put(blob_site, "a", BODY)
        whole = await blob_site.get("a")
        assert (whole.status, whole.body, whole.headers["Content-Type"]) == (200, BODY, "video/mp4")
        for asked, start, end in [("0-9", 0, 10), ("10-", 10, len(BODY)), ("-5", len(BODY) - 5, len(BODY))]:
            answer = await blob_site.get("a", range=f"bytes={asked}")
            assert (answer.status, answer.body) == (206, BODY[start:end])
            assert answer.headers["Content-Range"] == f"bytes {start}-{end - 1}/{len(BODY)}"

    async def test_bytes_that_are_not_there_cannot_be_read(self, blob_site: Site, blobs: BlobStore):
        await put(blob_site, "a", b"12345")
        assert (await blob_site.get("a", range="bytes=5-9")).status == 416
        assert await blobs.read("a", start=3, length=10) == b"45"
        assert await blobs.read("a", start=5, length=10) == b""
        assert await blobs.read("a", start=2, length=0) == b""
        assert await blobs.read("none", length=10) == b""

    async def test_a_file_that_does_not_exist_is_not_found(self, blob_site: Site, blobs: BlobStore):
        answer = await blob_site.get("none")
        assert (answer.status, answer.code) == (404, "NoSuchKey")
        assert await blobs.head("none") is None

    async def test_a_link_tells_under_which_name_to_save_and_as_which_type(self, blob_site: Site, blobs: BlobStore):
        await put(blob_site, "a", BODY)
        name = 'Ebbe "und" Flüt, 1. Teil/2.mp4'
        url = await blobs.sign_get("a", seconds=60, download_name=name, content_type="video/webm")
        answer = await blob_site.request("GET", url)
        assert answer.status == 200
        assert answer.headers["Content-Type"] == "video/webm"
        assert answer.headers["Content-Disposition"] == (
            'attachment; filename="Ebbe _und_ Fl_t, 1. Teil_2.mp4"; '
            "filename*=UTF-8''Ebbe%20%22und%22%20Fl%C3%BCt%2C%201.%20Teil_2.mp4"
        )

    async def test_many_links_lead_each_to_its_own_file(self, blob_site: Site, blobs: BlobStore):
        keys = [f"m/hls/{number}-a~b c+d.ts" for number in range(450)]
        for number in (0, 1, 449):
            await put(blob_site, keys[number], b"%d" % number)

        links = await blobs.sign_gets(keys, seconds=60)

        assert len(set(links)) == 450
        for number in (0, 1, 449):
            answer = await blob_site.request("GET", links[number])
            assert (answer.status, answer.body) == (200, b"%d" % number)
        swapped = links[1].replace("1-a", "449-a")
        assert (await blob_site.request("GET", swapped)).status == 403
        blob_site.pass_time(120)
        assert (await blob_site.request("GET", links[449])).status == 403
        assert await blobs.sign_gets([], seconds=60) == []

    async def test_a_file_is_fetched_to_a_path(self, blob_site: Site, blobs: BlobStore, tmp_path: Path):
        await put(blob_site, "a", BODY)
        await blobs.fetch("a", tmp_path / "copy")
        assert (tmp_path / "copy").read_bytes() == BODY
        with pytest.raises(FileNotFoundError):
            await blobs.fetch("none", tmp_path / "copy")


class TestKeys:
    async def test_files_are_listed_by_prefix_in_order_of_their_keys(self, blob_site: Site, blobs: BlobStore):
        for key in ("a/2", "a/1", "a-3", "b/1", "a/10", "a/é"):
            await put(blob_site, key, key.encode())
        assert [blob.key for blob in await blobs.list_keys("a/")] == ["a/1", "a/10", "a/2", "a/é"]
        assert [blob.key for blob in await blobs.list_keys("a")] == ["a-3", "a/1", "a/10", "a/2", "a/é"]
        assert [(blob.key, blob.size) for blob in await blobs.list_keys("", limit=2)] == [("a-3", 3), ("a/1", 3)]
        assert [blob.key for blob in await blobs.list_keys("a/", after="a/10", limit=1)] == ["a/2"]
        assert await blobs.list_keys("a/", after="a/é") == []

    async def test_a_file_is_given_another_key(self, blob_site: Site, blobs: BlobStore):
        etag = await put(blob_site, "incoming/x")
        moved = await blobs.move("incoming/x", "media/x")
        assert moved is not None
        assert (moved.key, moved.etag, moved.size, moved.content_type) == ("media/x", etag, len(BODY), "video/mp4")
        assert await blobs.head("incoming/x") is None
        assert await blobs.read("media/x", length=MAX_READ_BYTES) == BODY

    async def test_moving_again_finds_what_was_moved(self, blob_site: Site, blobs: BlobStore):
        await put(blob_site, "incoming/x")
        first = await blobs.move("incoming/x", "media/x")
        assert await blobs.move("incoming/x", "media/x") == first
        assert await blobs.move("none", "nowhere") is None
        assert await blobs.move("media/x", "media/x") == first

    async def test_moving_replaces_what_is_there(self, blob_site: Site, blobs: BlobStore):
        await put(blob_site, "new", b"new")
        await put(blob_site, "old", b"old")
        await blobs.move("new", "old")
        assert await blobs.read("old", length=10) == b"new"

    async def test_of_several_who_move_at_once_all_find_it(self, blob_site: Site, blobs: BlobStore):
        await put(blob_site, "incoming/x")
        found = await asyncio.gather(*(blobs.move("incoming/x", "media/x") for _ in range(5)))
        assert {blob.key for blob in found if blob} == {"media/x"}
        assert None not in found
        assert await blobs.read("media/x", length=MAX_READ_BYTES) == BODY

    async def test_files_are_removed_and_absent_ones_do_not_matter(self, blob_site: Site, blobs: BlobStore):
        for key in ("a", "b", "c"):
            await put(blob_site, key, b"x")
        await blobs.delete(["a", "c", "none"])
        assert [blob.key for blob in await blobs.list_keys("")] == ["b"]
        await blobs.delete([])

    @pytest.mark.parametrize(
        "key",
        ["", "/etc/passwd", "../x", "a/../b", "a/..", "a//b", "a/", "./a", "a\0b", "a\\..\\b", "a\nb", "x" * 1025],
        ids=repr,
    )
    async def test_no_key_leads_anywhere_else(self, blobs: BlobStore, key: str, tmp_path: Path):
        for call in (
            blobs.head(key),
            blobs.read(key, length=1),
            blobs.fetch(key, tmp_path / "x"),
            blobs.store(key, b"x", content_type="text/plain"),
            blobs.sign_get(key, seconds=60),
            blobs.sign_gets([key], seconds=60),
            blobs.sign_gets(["a", key], seconds=60),
            blobs.sign_put(key, size=1, content_type="text/plain", seconds=60),
            blobs.start_multipart(key, content_type="text/plain"),
            blobs.move(key, "a"),
            blobs.move("a", key),
            blobs.delete([key]),
        ):
            with pytest.raises(ValueError):  # noqa: PT011 - a fault of ours, whatever its words
                await call


async def test_it_is_ready(blobs: BlobStore):
    await blobs.ready()
