"""Amazon Chime behind real HTTP: every request is checked against botocore's description, every answer as well.

It keeps Chime's rules as far as our product meets them: one meeting for a token, one attendee for an external user
id, as many attendees as the meeting allows, nothing of a meeting that is over. What clients do over media, such as
joining, is done by calling this object, and tells events as EventBridge would bring them.
"""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from aiohttp import web
from botocore.model import OperationModel

from domain.times import Timestamp, moment
from tests.service_model import faults, rest_routes, without_nulls

ACCOUNT = "111122223333"
REGION = "eu-central-1"
_SERVICES = ("chime-sdk-meetings", "chime-sdk-media-pipelines")

Answer = dict[str, Any]


class Refusal(Exception):
    """An error as the description names it, e.g. "NotFoundException"."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass
class Call:
    """A meeting. `attendees` by their ids; `present` are those whose clients are connected."""

    meeting: Answer
    most: int
    attendees: dict[str, Answer] = field(default_factory=dict)
    present: set[str] = field(default_factory=set)
    is_over: bool = False
    language: str | None = None


class ChimeService:
    """
    Attributes:
        url: for `endpoint_url`.
        asked: operations in order, those refused too.
        events: what EventBridge was told, in order.
        broken: codes, or statuses without one, for the next requests instead of their answers.
    """

    def __init__(self, now: Callable[[], Timestamp]) -> None:
        self.url = ""
        self.asked: list[str] = []
        self.events: list[Answer] = []
        self.broken: list[str | int] = []
        self.calls: dict[str, Call] = {}
        self.pipelines: dict[str, Answer] = {}
        self._tokens: dict[str, Answer] = {}
        self._now = now
        self._routes = [route for service in _SERVICES for route in rest_routes(service)]

    # What clients and time do

    def connect(self, meeting_id: str, attendee_id: str) -> None:
        call = self.calls[meeting_id]
        assert attendee_id in call.attendees
        assert len(call.present) < call.most
        call.present.add(attendee_id)
        self._tell_of(call, "AttendeeJoined", attendee_id)

    def disconnect(self, meeting_id: str, attendee_id: str, how: str = "AttendeeLeft") -> None:
        call = self.calls[meeting_id]
        call.present.discard(attendee_id)
        self._tell_of(call, how, attendee_id)

    def end(self, meeting_id: str) -> None:
        """As Chime does with a meeting in which nobody is."""
        self._end(self.calls[meeting_id])

    def end_transcription(self, meeting_id: str, how: str = "TranscriptionFailed") -> None:
        """It cannot be begun, or gone on with; or it has "TranscriptionStopped"."""
        call = self.calls[meeting_id]
        settings = {"EngineTranscribeSettings": {"LanguageCode": call.language}}
        call.language = None
        why = {"message": "Internal server error"} if how == "TranscriptionFailed" else {}
        self._tell_of(call, how, **why, transcriptionRegion=REGION, transcriptionConfiguration=json.dumps(settings))

    def finish(self, pipeline_id: str, status: str = "Stopped") -> None:
        """A pipeline has done its work, or has Failed."""
        self.pipelines[pipeline_id]["status"] = status
        what = "MediaPipelineDeleted" if status == "Stopped" else "MediaPipelinePermanentFailure"
        self.tell_of_pipeline(pipeline_id, what)

    def tell_of_pipeline(self, pipeline_id: str, what: str) -> None:
        pipeline = self.pipelines[pipeline_id]
        self._tell("Chime Media Pipeline State Change", what, {**pipeline["about"], "mediaPipelineId": pipeline_id})

    # HTTP

    async def handle(self, request: web.Request) -> web.Response:
        body = await request.read()
        for route in self._routes:
            given = route.request(request.method, request.path, request.query, json.loads(body or b"{}"))
            if given is not None:
                return self._answer(route.operation, given)
        return web.Response(status=404, text="no such operation")

    def _answer(self, operation: OperationModel, given: Answer) -> web.Response:
        self.asked.append(operation.name)
        try:
            if self.broken:
                trouble = self.broken.pop(0)
                if isinstance(trouble, int):
                    return web.Response(status=trouble)
                raise Refusal(trouble)
            wrong = list(faults(operation.input_shape, given, operation.name))
            if wrong:
                raise Refusal("BadRequestException")
            answer = _OPERATIONS[operation.name](self, given)
        except Refusal as refusal:
            return _refused(operation, refusal.code)
        if operation.output_shape is None:
            return web.Response(status=operation.http.get("responseCode", 200))
        impossible = list(faults(operation.output_shape, without_nulls(answer), operation.name))
        assert not impossible, impossible
        return web.json_response(answer, status=operation.http.get("responseCode", 200))

    # Operations of chime-sdk-meetings

    def _create_meeting(self, given: Answer) -> Answer:
        token = given["ClientRequestToken"]
        if token not in self._tokens:
            meeting_id = str(uuid4())
            meeting = {
                "MeetingId": meeting_id,
                "ExternalMeetingId": given["ExternalMeetingId"],
                "MediaRegion": given["MediaRegion"],
                "MediaPlacement": {
                    "AudioHostUrl": f"{meeting_id[:8]}.k.m1.ec1.app.chime.aws:3478",
                    "AudioFallbackUrl": f"wss://haxrp.m1.ec1.app.chime.aws:443/calls/{meeting_id}",
                    "SignalingUrl": f"wss://signal.m1.ec1.app.chime.aws/control/{meeting_id}",
                    "TurnControlUrl": "https://2713.cell.us-east-1.meetings.chime.aws/v2/turn_sessions",
                    "ScreenDataUrl": f"wss://bitpw.m1.ec1.app.chime.aws:443/v2/screen/{meeting_id}",
                    "EventIngestionUrl": f"https://data.svc.{REGION}.ingest.chime.aws/v1/client-events",
                },
                "MeetingFeatures": given.get("MeetingFeatures", {}),
                "TenantIds": None,
                "MeetingArn": f"arn:aws:chime:{REGION}:{ACCOUNT}:meeting/{meeting_id}",
            }
            most = given.get("MeetingFeatures", {}).get("Attendee", {}).get("MaxCount", 250)
            self.calls[meeting_id] = Call(meeting, most)
            self._tokens[token] = {"Meeting": meeting}
        return self._tokens[token]

    def _get_meeting(self, given: Answer) -> Answer:
        return {"Meeting": self._open(given).meeting}

    def _delete_meeting(self, given: Answer) -> Answer:
        self._end(self._open(given))
        return {}

    def _create_attendee(self, given: Answer) -> Answer:
        call = self._open(given)
        for known in call.attendees.values():
            if known["ExternalUserId"] == given["ExternalUserId"]:
                return {"Attendee": known}
        if len(call.attendees) >= call.most:
            raise Refusal("LimitExceededException")
        attendee = {
            "ExternalUserId": given["ExternalUserId"],
            "AttendeeId": str(uuid4()),
            "JoinToken": f"secret-{uuid4().hex}",
            "Capabilities": {"Audio": "SendReceive", "Video": "SendReceive", "Content": "SendReceive"},
        }
        call.attendees[attendee["AttendeeId"]] = attendee
        return {"Attendee": attendee}

    def _get_attendee(self, given: Answer) -> Answer:
        return {"Attendee": self._attendee(given)}

    def _delete_attendee(self, given: Answer) -> Answer:
        attendee_id = self._attendee(given)["AttendeeId"]
        call = self._open(given)
        if attendee_id in call.present:
            self.disconnect(given["MeetingId"], attendee_id)
        self._tell_of(call, "AttendeeDeleted", attendee_id)
        del call.attendees[attendee_id]
        return {}

    def _start_transcription(self, given: Answer) -> Answer:
        settings = given["TranscriptionConfiguration"]["EngineTranscribeSettings"]
        self._open(given).language = settings["LanguageCode"]
        return {}

    def _stop_transcription(self, given: Answer) -> Answer:
        self._open(given).language = None
        return {}

    # Operations of chime-sdk-media-pipelines

    def _create_capture(self, given: Answer) -> Answer:
        call = self.calls.get(given["SourceArn"].rpartition("/")[2])
        if call is None or call.is_over:
            raise Refusal("BadRequestException")
        return {"MediaCapturePipeline": self._pipeline(given, call.meeting, "capture")}

    def _delete_capture(self, given: Answer) -> Answer:
        pipeline = self.pipelines.get(given["MediaPipelineId"])
        if pipeline is None or pipeline["status"] == "Stopped":
            raise Refusal("NotFoundException")
        pipeline["status"] = "Stopped"
        self.tell_of_pipeline(given["MediaPipelineId"], "MediaPipelineDeleted")
        return {}

    def _create_concatenation(self, given: Answer) -> Answer:
        arn = given["Sources"][0]["MediaCapturePipelineSourceConfiguration"]["MediaPipelineArn"]
        captures = [each for each in self.pipelines.values() if each["shown"]["MediaPipelineArn"] == arn]
        if not captures:
            raise Refusal("BadRequestException")
        return {"MediaConcatenationPipeline": self._pipeline(given, captures[0]["meeting"], "concatenation")}

    def _get_pipeline(self, given: Answer) -> Answer:
        pipeline = self.pipelines.get(given["MediaPipelineId"])
        if pipeline is None:
            raise Refusal("NotFoundException")
        shape = "MediaCapturePipeline" if pipeline["kind"] == "capture" else "MediaConcatenationPipeline"
        return {"MediaPipeline": {shape: {**pipeline["shown"], "Status": pipeline["status"]}}}

    def _pipeline(self, given: Answer, meeting: Answer, kind: str) -> Answer:
        token = f"{kind} {given['ClientRequestToken']}"
        if token not in self._tokens:
            pipeline_id = str(uuid4())
            shown = {
                "MediaPipelineId": pipeline_id,
                "MediaPipelineArn": f"arn:aws:chime:{REGION}:{ACCOUNT}:media-pipeline/{pipeline_id}",
                "Status": "Initializing",
            }
            about = {"meetingId": meeting["MeetingId"], "externalMeetingId": meeting["ExternalMeetingId"]}
            about["mediaRegion"] = meeting["MediaRegion"]
            self.pipelines[pipeline_id] = {
                "kind": kind,
                "given": given,
                "meeting": meeting,
                "shown": shown,
                "about": about,
                "status": "InProgress",
            }
            self._tokens[token] = shown
            self.tell_of_pipeline(pipeline_id, "MediaPipelineInProgress")
        return self._tokens[token]

    # State

    def _open(self, given: Answer) -> Call:
        call = self.calls.get(given["MeetingId"])
        if call is None or call.is_over:
            raise Refusal("NotFoundException")
        return call

    def _attendee(self, given: Answer) -> Answer:
        attendee = self._open(given).attendees.get(given["AttendeeId"])
        if attendee is None:
            raise Refusal("NotFoundException")
        return attendee

    def _end(self, call: Call) -> None:
        call.is_over = True
        call.present.clear()
        for pipeline_id, pipeline in self.pipelines.items():
            if pipeline["meeting"] is call.meeting and pipeline["kind"] == "capture":
                pipeline["status"] = "Stopped"
                self.tell_of_pipeline(pipeline_id, "MediaPipelineDeleted")
        self._tell_of(call, "MeetingEnded")

    def _tell_of(self, call: Call, what: str, attendee_id: str | None = None, **more: str) -> None:
        about = {
            **more,
            "meetingId": call.meeting["MeetingId"],
            "externalMeetingId": call.meeting["ExternalMeetingId"],
            "mediaRegion": call.meeting["MediaRegion"],
        }
        if attendee_id is not None:
            about["attendeeId"] = attendee_id
            about["externalUserId"] = call.attendees[attendee_id]["ExternalUserId"]
        self._tell("Chime Meeting State Change", what, about)

    def _tell(self, kind: str, what: str, about: Answer) -> None:
        now = self._now()
        detail = {
            "version": "0",
            "eventType": f"chime:{what}",
            "timestamp": round(moment(now).timestamp() * 1000),
            **about,
        }
        self.events.append(
            {
                "version": "0",
                "id": str(uuid4()),
                "detail-type": kind,
                "source": "aws.chime",
                "account": ACCOUNT,
                "time": now,
                "region": REGION,
                "resources": [],
                "detail": detail,
            }
        )


_OPERATIONS: dict[str, Callable[[ChimeService, Answer], Answer]] = {
    "CreateMeeting": ChimeService._create_meeting,
    "GetMeeting": ChimeService._get_meeting,
    "DeleteMeeting": ChimeService._delete_meeting,
    "CreateAttendee": ChimeService._create_attendee,
    "GetAttendee": ChimeService._get_attendee,
    "DeleteAttendee": ChimeService._delete_attendee,
    "StartMeetingTranscription": ChimeService._start_transcription,
    "StopMeetingTranscription": ChimeService._stop_transcription,
    "CreateMediaCapturePipeline": ChimeService._create_capture,
    "DeleteMediaCapturePipeline": ChimeService._delete_capture,
    "CreateMediaConcatenationPipeline": ChimeService._create_concatenation,
    "GetMediaPipeline": ChimeService._get_pipeline,
}


def _refused(operation: OperationModel, code: str) -> web.Response:
    shapes = {shape.name: shape for shape in operation.error_shapes}
    assert code in shapes, f"{operation.name} never answers {code}"
    status = shapes[code].metadata["error"]["httpStatusCode"]
    return web.json_response({"Code": code, "Message": "no"}, status=status, headers={"x-amzn-ErrorType": code})


@asynccontextmanager
async def running_chime(now: Callable[[], Timestamp]) -> AsyncIterator[ChimeService]:
    """On a free port of this machine until the context ends."""
    service = ChimeService(now)
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", service.handle)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    service.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield service
    finally:
        await runner.cleanup()
