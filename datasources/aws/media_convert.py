"""Adaptive playlists and stills with AWS Elemental MediaConvert, which reads and writes the buckets itself.

A job takes minutes to hours. Its id is kept beside the media's files, so that any process asks after it; a job that was
begun but not noted is found again by its token.
"""

import hashlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aioboto3
import msgspec

from datasources.aws.buckets import Buckets
from datasources.aws.media_convert_jobs import Source, job_settings
from datasources.aws.vendor_errors import FAULTS, client_config, code_of
from datasources.blobs import BlobStore
from datasources.media_engine import Report, Underway, Unprocessable
from datasources.video_ladder import SOUND_KBPS, ladder
from domain.errors import Code, DomainError, dependency_failed
from domain.media import MediaAsset, Processed, StoredImage, StoredRendition
from domain.times import Timestamp

NOTE = "mediaconvert.json"
AT_ONCE = 4
"""Jobs that one process asks after at once; each takes a call."""
_READ_SECONDS = 60
"""Looking into a large file takes the service a while."""
_BUSY = frozenset({"TooManyRequestsException", "ThrottlingException", "ServiceQuotaExceededException"})
_UNFIT = range(1000, 1500)
"""Job errors about the input: it is broken, missing, or of a kind that the service does not read."""


class _Note(msgspec.Struct, frozen=True):
    """Which job works for which run."""

    run: Timestamp
    job_id: str


class _Refused(Exception):
    """The service does not take this request."""


@asynccontextmanager
async def open_media_convert(
    blobs: BlobStore, buckets: Buckets, *, role: str, queue: str | None, region: str, endpoint_url: str | None = None
) -> "AsyncIterator[MediaConvert]":
    """See `MediaConvert`. `endpoint_url` None is AWS's own."""
    async with aioboto3.Session().client(
        "mediaconvert", region_name=region, endpoint_url=endpoint_url, config=client_config(_READ_SECONDS)
    ) as client:
        yield MediaConvert(client, blobs, buckets, role=role, queue=queue)


class MediaConvert:
    """A MediaEngine for what plays.

    Args:
        client: aioboto3's "mediaconvert" client.
        buckets: where the files of `blobs` are.
        role: ARN of the role with which the service reads and writes the buckets.
        queue: ARN; the account's default when None.
    """

    def __init__(self, client: Any, blobs: BlobStore, buckets: Buckets, *, role: str, queue: str | None) -> None:
        self._client = client
        self._blobs = blobs
        self._buckets = buckets
        self._role = role
        self._queue = queue

    async def process(self, media: MediaAsset, report: Report) -> Processed | Underway:
        if media.job_started_at is None:
            raise ValueError("the media has no run")
        job = await self._job(media, media.job_started_at)
        status = job["Status"]
        if status == "ERROR":
            raise _refusal(job.get("ErrorCode", 0))
        if status == "CANCELED":
            raise Unprocessable("The conversion was canceled.")
        if status != "COMPLETE":
            percent = float(job.get("JobPercentComplete", 0))
            await report(percent)
            return Underway(percent)
        return await self._processed(media, job)

    async def _job(self, media: MediaAsset, run: Timestamp) -> Mapping[str, Any]:
        """The run's job as it is now; begun, when there is none."""
        key = media.folder + NOTE
        noted = await self._blobs.read(key, length=1024)
        note = msgspec.json.decode(noted, type=_Note) if noted else None
        if note is not None and note.run == run:
            return await self._job_after("get_job", Id=note.job_id)
        job = await self._begun(media, run)
        note = _Note(run, job["Id"])
        await self._blobs.store(key, msgspec.json.encode(note), content_type="application/json")
        return job

    async def _begun(self, media: MediaAsset, run: Timestamp) -> Mapping[str, Any]:
        url = self._buckets.url(media.original_key)
        source = Source(url, await self._size(url) if _has_picture(media) else None)
        queue = {} if self._queue is None else {"Queue": self._queue}
        return await self._job_after(
            "create_job",
            Role=self._role,
            ClientRequestToken=hashlib.sha256(f"{media.id} {run}".encode()).hexdigest(),
            Settings=job_settings(source, self._buckets.url(media.folder)),
            StatusUpdateInterval="SECONDS_60",
            UserMetadata={"mediaId": media.id},
            **queue,
        )

    async def _size(self, url: str) -> tuple[int, int]:
        """Width and height of the picture. Raises Unprocessable."""
        try:
            answer = await self._sent("probe", InputFiles=[{"FileUrl": url}])
        except _Refused:
            raise Unprocessable("The file cannot be played.") from None
        for track in (track for result in answer["ProbeResults"] for track in result["Container"]["Tracks"]):
            picture = track.get("VideoProperties", {})
            if picture.get("Width") and picture.get("Height"):
                return picture["Width"], picture["Height"]
        raise Unprocessable("The file has no picture.")

    async def _job_after(self, operation: str, **request: Any) -> Mapping[str, Any]:
        try:
            job: Mapping[str, Any] = (await self._sent(operation, **request))["Job"]
        except _Refused:
            raise dependency_failed("media") from None
        return job

    async def _sent(self, operation: str, **request: Any) -> Mapping[str, Any]:
        try:
            answer: Mapping[str, Any] = await getattr(self._client, operation)(**request)
        except FAULTS as error:
            code = code_of(error)
            if code in _BUSY:
                raise DomainError(Code.THROTTLED, "The video service is busy.", retryAfterSeconds=30) from None
            if code == "BadRequestException":
                raise _Refused from error
            raise dependency_failed("media") from error
        return answer

    async def _processed(self, media: MediaAsset, job: Mapping[str, Any]) -> Processed:
        details = [each for group in job.get("OutputGroupDetails", ()) for each in group.get("OutputDetails", ())]
        seconds = max((each.get("DurationInMs", 0) for each in details), default=0) / 1000
        pictures = [each["VideoDetails"] for each in details if "VideoDetails" in each]
        best = max(pictures, key=lambda picture: picture["WidthInPx"], default=None)
        width, height = (best["WidthInPx"], best["HeightInPx"]) if best else (None, None)
        return Processed(
            duration_seconds=round(seconds) or None,
            width=width,
            height=height,
            images=await self._stills(media, width, height),
            files=(
                StoredRendition(
                    "HLS",
                    f"{media.folder}hls/master.m3u8",
                    width=width,
                    height=height,
                    bitrate_kbps=SOUND_KBPS + (ladder(width, height)[-1].kbps if width and height else 0),
                    size_bytes=await self._size_of(f"{media.folder}hls/"),
                ),
            ),
        )

    async def _size_of(self, folder: str) -> int:
        """All its files together."""
        size, after = 0, None
        while found := await self._blobs.list_keys(folder, after=after):
            size += sum(blob.size for blob in found)
            after = found[-1].key
        return size

    async def _stills(self, media: MediaAsset, width: int | None, height: int | None) -> tuple[StoredImage, ...]:
        """The last still of those that were made: later than a fade from black, where the file is long enough."""
        if width is None or height is None:
            return ()
        found = await self._blobs.list_keys(f"{media.folder}stills/")
        return tuple(StoredImage(blob.key, width, height) for blob in found[-1:])


def _has_picture(media: MediaAsset) -> bool:
    return media.content_type.startswith("video/")


def _refusal(code: int) -> Exception:
    if code in _UNFIT:
        return Unprocessable("The file cannot be converted.")
    return dependency_failed("media")
