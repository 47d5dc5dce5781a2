"""Meetings over the Amazon Chime SDK: its APIs chime-sdk-meetings and chime-sdk-media-pipelines."""

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Mapping, Set
from contextlib import asynccontextmanager
from typing import Any

import aioboto3
import msgspec
from botocore.exceptions import ParamValidationError

from datasources.aws.vendor_errors import FAULTS, client_config, code_of, status_of
from datasources.meeting_engine import (
    MEDIA,
    RECORDING,
    TRANSCRIPTION,
    CallGone,
    Concatenation,
    Pipeline,
    PipelineState,
    feature_disabled,
)
from domain.chime import ChimeAttendee, ChimeMeeting
from domain.errors import Code, DomainError, dependency_failed, throttled

SERVICE = "Amazon Chime"
RETRIES = 4
BACKOFF_SECONDS = 0.2
"""The first pause is at most this, each later one at most twice the one before; all are random (full jitter)."""
DEADLINE_SECONDS = 12.0
"""Of one call of the port, pauses included."""
_BUSY = frozenset({"ThrottlingException", "ThrottledClientException", "TooManyRequestsException"})
_SIMULTANEOUS = "ConflictException"
"""The same request is being carried out for somebody else."""
_FULL = frozenset({"LimitExceededException", "ResourceLimitExceededException"})
_GONE = "NotFoundException"

_log = logging.getLogger(__name__)


@asynccontextmanager
async def open_chime(
    *,
    region: str,
    recordings: str | None = None,
    endpoint_url: str | None = None,
    session: aioboto3.Session | None = None,
) -> "AsyncIterator[Chime]":
    """
    Args:
        region: of the API; media regions are said meeting by meeting.
        recordings: S3 bucket and folder for what is recorded, "bucket/folder"; None: nothing can be.
        endpoint_url: None is AWS's own.
    """
    session = session or aioboto3.Session()
    given = {"region_name": region, "endpoint_url": endpoint_url, "config": client_config()}
    async with (
        session.client("chime-sdk-meetings", **given) as meetings,
        session.client("chime-sdk-media-pipelines", **given) as pipelines,
    ):
        yield Chime(meetings, pipelines, recordings)


class Chime:
    """A `MeetingEngine`. Every operation may be repeated, so that what may have failed on the way is tried again.

    Args:
        meetings, pipelines: aioboto3's clients of the two APIs; they should not retry.
    """

    def __init__(self, meetings: Any, pipelines: Any, recordings: str | None) -> None:
        self._meetings = meetings
        self._pipelines = pipelines
        self._recordings = recordings

    @property
    def features(self) -> Set[str]:
        return {MEDIA, TRANSCRIPTION} if self._recordings is None else {MEDIA, TRANSCRIPTION, RECORDING}

    async def create_meeting(self, *, token: str, external_id: str, media_region: str, most: int) -> ChimeMeeting:
        answer = await self._call(
            self._meetings,
            "create_meeting",
            ClientRequestToken=token,
            ExternalMeetingId=external_id,
            MediaRegion=media_region,
            MeetingFeatures={"Attendee": {"MaxCount": most}},
        )
        return _meeting_of(answer)

    async def get_meeting(self, meeting_id: str) -> ChimeMeeting:
        return _meeting_of(await self._call(self._meetings, "get_meeting", MeetingId=meeting_id))

    async def delete_meeting(self, meeting_id: str) -> None:
        await self._if_there(self._meetings, "delete_meeting", MeetingId=meeting_id)

    async def create_attendee(self, meeting_id: str, external_user_id: str) -> ChimeAttendee:
        answer = await self._call(
            self._meetings, "create_attendee", MeetingId=meeting_id, ExternalUserId=external_user_id
        )
        return msgspec.convert(answer["Attendee"], ChimeAttendee)

    async def get_attendee(self, meeting_id: str, attendee_id: str) -> ChimeAttendee:
        answer = await self._call(self._meetings, "get_attendee", MeetingId=meeting_id, AttendeeId=attendee_id)
        return msgspec.convert(answer["Attendee"], ChimeAttendee)

    async def delete_attendee(self, meeting_id: str, attendee_id: str) -> None:
        await self._if_there(self._meetings, "delete_attendee", MeetingId=meeting_id, AttendeeId=attendee_id)

    async def start_transcription(self, meeting_id: str, language: str) -> None:
        settings = {"EngineTranscribeSettings": {"LanguageCode": self._offered(language), "Region": "auto"}}
        await self._call(
            self._meetings, "start_meeting_transcription", MeetingId=meeting_id, TranscriptionConfiguration=settings
        )

    async def stop_transcription(self, meeting_id: str) -> None:
        await self._if_there(self._meetings, "stop_meeting_transcription", MeetingId=meeting_id)

    async def start_capture(self, meeting: ChimeMeeting, *, token: str) -> Pipeline:
        artifacts = {
            "Audio": {"MuxType": "AudioWithCompositedVideo"},
            "Video": {"State": "Disabled"},
            "Content": {"State": "Disabled"},
            "CompositedVideo": {
                "Layout": "GridView",
                "Resolution": "HD",
                "GridViewConfiguration": {"ContentShareLayout": "PresenterOnly"},
            },
        }
        answer = await self._call(
            self._pipelines,
            "create_media_capture_pipeline",
            SourceType="ChimeSdkMeeting",
            SourceArn=meeting.meeting_arn,
            SinkType="S3Bucket",
            SinkArn=f"{self._sink()}/capture/{token}",
            ClientRequestToken=token,
            ChimeSdkMeetingConfiguration={"ArtifactsConfiguration": artifacts},
        )
        made = answer["MediaCapturePipeline"]
        return Pipeline(made["MediaPipelineId"], made["MediaPipelineArn"])

    async def stop_capture(self, pipeline_id: str) -> None:
        await self._if_there(self._pipelines, "delete_media_capture_pipeline", MediaPipelineId=pipeline_id)

    async def concatenate(self, capture: Pipeline, *, token: str) -> Concatenation:
        wanted = ("Audio", "CompositedVideo")  # the API does not let sound be left out
        others = ("Video", "Content", "DataChannel", "TranscriptionMessages", "MeetingEvents")
        artifacts = {kind: {"State": "Enabled" if kind in wanted else "Disabled"} for kind in (*wanted, *others)}
        source = {
            "MediaPipelineArn": capture.arn,
            "ChimeSdkMeetingConfiguration": {"ArtifactsConfiguration": artifacts},
        }
        folder = f"whole/{token}"
        answer = await self._call(
            self._pipelines,
            "create_media_concatenation_pipeline",
            Sources=[{"Type": "MediaCapturePipeline", "MediaCapturePipelineSourceConfiguration": source}],
            Sinks=[{"Type": "S3Bucket", "S3BucketSinkConfiguration": {"Destination": f"{self._sink()}/{folder}"}}],
            ClientRequestToken=token,
        )
        pipeline_id = answer["MediaConcatenationPipeline"]["MediaPipelineId"]
        return Concatenation(pipeline_id, f"{folder}/composited-video/{pipeline_id}.mp4")

    async def pipeline_state(self, pipeline_id: str) -> PipelineState:
        try:
            answer = await self._call(self._pipelines, "get_media_pipeline", MediaPipelineId=pipeline_id)
        except CallGone:
            return "DONE"
        [pipeline] = answer["MediaPipeline"].values()
        return _STATES.get(pipeline["Status"], "GOING_ON")

    def _sink(self) -> str:
        if self._recordings is None:
            raise feature_disabled(RECORDING)
        return f"{_S3}{self._recordings}"

    def _offered(self, language: str) -> str:
        """Chime's spelling of the language, by the API's own list. Raises LANGUAGE_NOT_SUPPORTED."""
        operation = self._meetings.meta.service_model.operation_model("StartMeetingTranscription")
        settings = operation.input_shape.members["TranscriptionConfiguration"].members["EngineTranscribeSettings"]
        for offered in settings.members["LanguageCode"].enum:
            if offered.lower() == language.lower():
                return str(offered)
        raise DomainError(Code.LANGUAGE_NOT_SUPPORTED, "The language cannot be transcribed.", language=language)

    async def _if_there(self, client: Any, operation: str, **request: Any) -> None:
        try:
            await self._call(client, operation, **request)
        except CallGone:
            return

    async def _call(self, client: Any, operation: str, **request: Any) -> dict[str, Any]:
        """One operation's answer; see `MeetingEngine` for what it raises."""
        try:
            async with asyncio.timeout(DEADLINE_SECONDS):
                return await _tried(client, operation, request)
        except TimeoutError:
            _log.error("Chime did not answer in time", extra={"operation": operation})
            raise dependency_failed(SERVICE) from None


_S3 = "arn:aws:s3:::"
_STATES: Mapping[str, PipelineState] = {"Stopped": "DONE", "Failed": "FAILED"}


async def _tried(client: Any, operation: str, request: dict[str, Any]) -> dict[str, Any]:
    attempt = 0
    while True:
        try:
            answer: dict[str, Any] = await getattr(client, operation)(**request)
            return answer
        except FAULTS as error:
            attempt += 1
            if attempt > RETRIES or not _may_pass(error):
                raise _translated(operation, error) from None
        await asyncio.sleep(random.uniform(0, BACKOFF_SECONDS * 2 ** (attempt - 1)))  # noqa: S311 - not a secret


def _may_pass(error: BaseException) -> bool:
    if isinstance(error, ParamValidationError):
        return False
    code, status = code_of(error), status_of(error)
    return not code or status >= 500 or code in _BUSY or code == _SIMULTANEOUS


def _translated(operation: str, error: BaseException) -> DomainError:
    """Only the error's code is logged: messages may hold ids and tokens."""
    code = code_of(error)
    if code == _GONE:
        return CallGone()
    if code in _FULL and operation == "create_attendee":
        return DomainError(Code.MEETING_FULL, "The meeting is full.")
    _log.error("Chime failed", extra={"operation": operation, "error": code or type(error).__name__})
    if code in _BUSY or code in _FULL or code == _SIMULTANEOUS:
        return throttled(SERVICE)
    return dependency_failed(SERVICE)


def _meeting_of(answer: dict[str, Any]) -> ChimeMeeting:
    return msgspec.convert(answer["Meeting"], ChimeMeeting)
