"""What both stores of files do with files in parts: the contract of `BlobStore`, over real HTTP."""

import asyncio
from collections.abc import Sequence

import pytest

from datasources.blobs import (
    MAX_READ_BYTES,
    Blob,
    BlobStore,
    ChecksumRefused,
    ChosenPart,
    NoSuchMultipart,
    OpenMultipart,
    PartsRefused,
)
from datasources.checksums import RunningChecksum
from domain.uploads import Checksum, ChecksumAlgorithm
from tests.blob_stores import MIN_PART_BYTES, Site

KEY = "incoming/ada/1"
PARTS = [bytes([number]) * (MIN_PART_BYTES + number) for number in (1, 2, 3)] + [b"end"]
WHOLE = b"".join(PARTS)


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture
def blob_site(shared_blob_site: Site) -> Site:
    return shared_blob_site


def checksum_of(body: bytes, algorithm: ChecksumAlgorithm) -> Checksum:
    running = RunningChecksum(algorithm)
    running.update(body)
    return running.result()


async def begin(
    site: Site, bodies: Sequence[bytes] = PARTS, **start: ChecksumAlgorithm
) -> tuple[str, list[ChosenPart]]:
    """Sends the parts of a new file; its upload and the parts as a client names them."""
    upload = await site.store.start_multipart(KEY, content_type="video/mp4", **start)
    return upload, [await send_part(site, upload, number, body, **start) for number, body in enumerate(bodies, 1)]


async def send_part(
    site: Site, upload: str, number: int, body: bytes, algorithm: ChecksumAlgorithm | None = None
) -> ChosenPart:
    checksum = checksum_of(body, algorithm) if algorithm else None
    request = await site.store.sign_part(KEY, upload, number, size=len(body), checksum=checksum, seconds=60)
    answer = await site.send(request, body)
    assert answer.status == 200, answer
    return ChosenPart(number, answer.etag, checksum)


class TestJoining:
    async def test_parts_become_one_file(self, blob_site: Site, blobs: BlobStore):
        upload, parts = await begin(blob_site)
        blob = await blobs.complete_multipart(KEY, upload, parts)
        assert (blob.key, blob.size, blob.content_type) == (KEY, len(WHOLE), "video/mp4")
        assert await blobs.head(KEY) == blob
        assert await blobs.read(KEY, length=MAX_READ_BYTES) == WHOLE
        assert blob.etag.endswith("-4")

    async def test_it_is_not_there_before(self, blob_site: Site, blobs: BlobStore):
        await begin(blob_site)
        assert await blobs.head(KEY) is None
        assert await blobs.list_keys("") == []
        assert (await blob_site.get(KEY)).status == 404

    async def test_parts_may_come_in_any_order_and_at_once(self, blob_site: Site, blobs: BlobStore):
        upload = await blobs.start_multipart(KEY, content_type="video/mp4")
        numbered = list(enumerate(PARTS, 1))[::-1]
        sent = await asyncio.gather(*(send_part(blob_site, upload, number, body) for number, body in numbered))
        await blobs.complete_multipart(KEY, upload, sent[::-1])
        assert await blobs.read(KEY, length=MAX_READ_BYTES) == WHOLE

    async def test_ranges_cross_the_borders_of_parts(self, blob_site: Site, blobs: BlobStore):
        upload, parts = await begin(blob_site)
        await blobs.complete_multipart(KEY, upload, parts)
        borders = [sum(map(len, PARTS[:number])) for number in range(len(PARTS) + 1)]
        for start in [at + offset for at in borders for offset in (-1, 0, 1) if 0 <= at + offset < len(WHOLE)]:
            for end in [start + 1, start + MIN_PART_BYTES, start + 2 * MIN_PART_BYTES + 5, len(WHOLE)]:
                assert await blobs.read(KEY, start=start, length=end - start) == WHOLE[start:end]
                answer = await blob_site.get(KEY, range=f"bytes={start}-{end - 1}")
                assert (answer.status, answer.body) == (206, WHOLE[start:end])

    async def test_a_part_may_be_sent_again(self, blob_site: Site, blobs: BlobStore):
        upload, parts = await begin(blob_site, [b"x" * MIN_PART_BYTES, b"y"])
        parts[0] = await send_part(blob_site, upload, 1, PARTS[0])
        await blobs.complete_multipart(KEY, upload, parts)
        assert await blobs.read(KEY, length=MAX_READ_BYTES) == PARTS[0] + b"y"

    async def test_parts_that_are_not_named_are_left_out(self, blob_site: Site, blobs: BlobStore):
        upload, parts = await begin(blob_site)
        blob = await blobs.complete_multipart(KEY, upload, [parts[0], parts[2], parts[3]])
        assert blob.size == len(WHOLE) - len(PARTS[1])
        assert await blobs.read(KEY, length=MAX_READ_BYTES) == PARTS[0] + PARTS[2] + PARTS[3]

    @pytest.mark.parametrize(
        "change",
        [
            lambda parts: [],
            lambda parts: [parts[0], ChosenPart(9, parts[0].etag)],
            lambda parts: [ChosenPart(1, "0" * 32), *parts[1:]],
            lambda parts: [parts[1], parts[0]],
            lambda parts: [parts[0], parts[0]],
            lambda parts: [parts[3], parts[3]],
            lambda parts: [ChosenPart(1, parts[0].etag, checksum_of(b"other", "CRC32")), *parts[1:]],
        ],
        ids=["none", "missing", "another etag", "backwards", "twice", "the last twice", "another checksum"],
    )
    async def test_parts_that_do_not_make_the_file_are_refused_and_it_stays_open(
        self, blob_site: Site, blobs: BlobStore, change
    ):
        upload, parts = await begin(blob_site)
        with pytest.raises(PartsRefused):
            await blobs.complete_multipart(KEY, upload, change(parts))
        assert await blobs.head(KEY) is None
        assert (await blobs.complete_multipart(KEY, upload, parts)).size == len(WHOLE)

    async def test_it_is_told_which_parts(self, blob_site: Site, blobs: BlobStore):
        upload, parts = await begin(blob_site, [b"small", PARTS[0], b"small", b"end"])
        with pytest.raises(PartsRefused) as refused:
            await blobs.complete_multipart(KEY, upload, parts)
        assert refused.value.numbers == (1, 3)
        with pytest.raises(PartsRefused) as refused:
            await blobs.complete_multipart(KEY, upload, [parts[1], ChosenPart(7, "x"), ChosenPart(8, "x")])
        assert refused.value.numbers == (7, 8)


class TestOnce:
    async def test_of_many_completions_one_succeeds(self, blob_site: Site, blobs: BlobStore):
        upload, parts = await begin(blob_site)
        calls = (blobs.complete_multipart(KEY, upload, parts) for _ in range(10))
        results = await asyncio.gather(*calls, return_exceptions=True)
        assert [type(result) for result in results].count(Blob) == 1
        assert [type(result) for result in results].count(NoSuchMultipart) == 9
        assert await blobs.read(KEY, length=MAX_READ_BYTES) == WHOLE

    async def test_completing_again_finds_no_upload_but_the_file(self, blob_site: Site, blobs: BlobStore):
        upload, parts = await begin(blob_site)
        blob = await blobs.complete_multipart(KEY, upload, parts)
        with pytest.raises(NoSuchMultipart):
            await blobs.complete_multipart(KEY, upload, parts)
        assert await blobs.head(KEY) == blob

    async def test_completing_and_giving_up_at_once_ends_in_one_of_both(self, blob_site: Site, blobs: BlobStore):
        for _ in range(5):
            upload, parts = await begin(blob_site)
            done, gone = await asyncio.gather(
                blobs.complete_multipart(KEY, upload, parts),
                blobs.abort_multipart(KEY, upload),
                return_exceptions=True,
            )
            assert gone is None
            if isinstance(done, Blob):
                assert await blobs.read(KEY, length=MAX_READ_BYTES) == WHOLE
            else:
                assert isinstance(done, NoSuchMultipart | PartsRefused)
                assert await blobs.head(KEY) is None
            assert await blobs.open_multiparts() == []
            await blobs.delete([KEY])


class TestGivingUp:
    async def test_what_was_given_up_takes_no_more_parts(self, blob_site: Site, blobs: BlobStore):
        upload, parts = await begin(blob_site)
        request = await blobs.sign_part(KEY, upload, 5, size=3, seconds=60)
        await blobs.abort_multipart(KEY, upload)
        answer = await blob_site.send(request, b"abc")
        assert (answer.status, answer.code) == (404, "NoSuchUpload")
        with pytest.raises(NoSuchMultipart):
            await blobs.complete_multipart(KEY, upload, parts)
        with pytest.raises(NoSuchMultipart):
            await blobs.list_parts(KEY, upload)
        assert await blobs.head(KEY) is None

    async def test_it_may_be_repeated_and_spares_the_finished_file(self, blob_site: Site, blobs: BlobStore):
        upload, parts = await begin(blob_site)
        await blobs.complete_multipart(KEY, upload, parts)
        await blobs.abort_multipart(KEY, upload)
        await blobs.abort_multipart(KEY, "unknown")
        assert await blobs.read(KEY, length=MAX_READ_BYTES) == WHOLE

    async def test_an_upload_belongs_to_its_key(self, blob_site: Site, blobs: BlobStore):
        upload, parts = await begin(blob_site)
        with pytest.raises(NoSuchMultipart):
            await blobs.list_parts("another/key", upload)
        with pytest.raises(NoSuchMultipart):
            await blobs.complete_multipart("another/key", upload, parts)
        await blobs.abort_multipart("another/key", upload)
        assert (await blobs.complete_multipart(KEY, upload, parts)).size == len(WHOLE)


class TestListing:
    async def test_stored_parts_are_listed_by_number_and_in_pages(self, blob_site: Site, blobs: BlobStore):
        upload, parts = await begin(blob_site)
        page = await blobs.list_parts(KEY, upload)
        assert [(part.number, part.size, part.etag) for part in page.parts] == [
            (part.number, len(body), part.etag) for part, body in zip(parts, PARTS, strict=True)
        ]
        assert page.last is None
        first = await blobs.list_parts(KEY, upload, limit=3)
        assert ([part.number for part in first.parts], first.last) == ([1, 2, 3], 3)
        rest = await blobs.list_parts(KEY, upload, after=3, limit=3)
        assert ([part.number for part in rest.parts], rest.last) == ([4], None)

    async def test_an_upload_without_parts_has_an_empty_list(self, blobs: BlobStore):
        upload = await blobs.start_multipart(KEY, content_type="video/mp4")
        assert (await blobs.list_parts(KEY, upload)).parts == []

    async def test_open_uploads_are_listed_until_they_end(self, blob_site: Site, blobs: BlobStore):
        upload, parts = await begin(blob_site)
        other = await blobs.start_multipart("b", content_type="video/mp4")
        another = await blobs.start_multipart("a", content_type="video/mp4")
        listed = await blobs.open_multiparts()
        assert [(each.key, each.multipart_id) for each in listed] == [("a", another), ("b", other), (KEY, upload)]
        await blobs.complete_multipart(KEY, upload, parts)
        await blobs.abort_multipart("a", another)
        assert [each.multipart_id for each in await blobs.open_multiparts()] == [other]

    async def test_open_uploads_are_listed_in_pages(self, blobs: BlobStore):
        begun = [await blobs.start_multipart(key, content_type="video/mp4") for key in ("a", "b", "b", "c")]
        seen: list[OpenMultipart] = []
        while page := await blobs.open_multiparts(after=seen[-1] if seen else None, limit=2):
            assert len(page) <= 2
            seen += page
        assert {each.multipart_id for each in seen} == set(begun)
        assert [each.key for each in seen] == ["a", "b", "b", "c"]


class TestChecksums:
    @pytest.mark.parametrize("algorithm", ["SHA256", "CRC32C", "CRC32", "CRC64NVME"])
    async def test_each_part_carries_its_own(self, blob_site: Site, blobs: BlobStore, algorithm: ChecksumAlgorithm):
        upload, parts = await begin(blob_site, algorithm=algorithm)
        listed = (await blobs.list_parts(KEY, upload)).parts
        assert [part.checksum for part in listed] == [checksum_of(body, algorithm) for body in PARTS]
        assert (await blobs.complete_multipart(KEY, upload, parts)).size == len(WHOLE)

    @pytest.mark.parametrize("algorithm", ["CRC32C", "CRC32", "CRC64NVME"])
    async def test_the_whole_files_checksum_is_checked(
        self, blob_site: Site, blobs: BlobStore, algorithm: ChecksumAlgorithm
    ):
        upload, parts = await begin(blob_site, algorithm=algorithm)
        with pytest.raises(ChecksumRefused):
            await blobs.complete_multipart(KEY, upload, parts, checksum=checksum_of(b"other", algorithm))
        assert await blobs.head(KEY) is None
        await blobs.complete_multipart(KEY, upload, parts, checksum=checksum_of(WHOLE, algorithm))
        assert await blobs.read(KEY, length=MAX_READ_BYTES) == WHOLE


class TestSignatures:
    async def test_they_fix_length_number_and_upload(self, blob_site: Site, blobs: BlobStore):
        upload, _ = await begin(blob_site, [PARTS[0]])
        other = await blobs.start_multipart(KEY, content_type="video/mp4")
        request = await blobs.sign_part(KEY, upload, 2, size=4, seconds=60)
        for url, body in (
            (request.url, b"12345"),
            (request.url.replace(upload, other), b"1234"),
            (request.url.replace("partNumber=2", "partNumber=1").replace("part=2", "part=1"), b"1234"),
        ):
            answer = await blob_site.request("PUT", url, body)
            assert (answer.status, answer.code) == (403, "SignatureDoesNotMatch")
        assert [part.number for part in (await blobs.list_parts(KEY, upload)).parts] == [1]

    @pytest.mark.parametrize(("number", "size"), [(0, 1), (10_001, 1), (1, 0), (1, 5 * 1024**3 + 1)])
    async def test_none_is_made_for_what_s3_would_not_take(self, blobs: BlobStore, number: int, size: int):
        with pytest.raises(ValueError):  # noqa: PT011 - a fault of ours, whatever its words
            await blobs.sign_part(KEY, "upload", number, size=size, seconds=60)
