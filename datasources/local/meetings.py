"""Meetings without a cloud: Chime's operations, limits and errors over the record store, so that processes agree.

No sound or picture flows yet: credentials name where our own signalling will be, and `features` says that there is
no media. As nothing else can be seen of a user, having credentials counts as being in the call: each attendee made
is told as joined, each one deleted as left.
"""

import secrets
from collections.abc import Callable, Sequence, Set
from typing import Any
from uuid import NAMESPACE_URL, uuid4, uuid5

import msgspec

from datasources.conditions import all_of, any_of, at_most, equals, less, not_exists
from datasources.contention import LostRace, settle
from datasources.meeting_engine import (
    RECORDING,
    TRANSCRIPTION,
    CallGone,
    Concatenation,
    Pipeline,
    PipelineState,
    feature_disabled,
)
from datasources.ports import Attributes, Change, Delete, FeedEvent, Item, Put, RecordStore, SortRange, Write
from datasources.tables import LOCAL_CALLS
from datasources.transactions import commit
from datasources.updates import Add, Remove, Update
from datasources.updates import Set as SetTo
from domain.chime import ChimeAttendee, ChimeMeeting, MediaPlacement
from domain.errors import Code, DomainError
from domain.times import Timestamp, epoch_seconds, later, moment
from domain.ulids import new_ulid

REGION = "local"
"""The only media region."""
EMPTY_SECONDS = 5 * 60
LONGEST_SECONDS = 24 * 3600
_KEPT_SECONDS = 2 * 24 * 3600
"""Of a call's rows, from its beginning."""
_META = "META"
_EVENT = "EVENT#"
_OPEN = "OPEN"
"""The partition of DueIndex with all calls that are not over."""
_SWEPT_AT_ONCE = 100


class LocalMeetings:
    """A `MeetingEngine`.

    Args:
        url: where clients reach this server, e.g. "https://school.example"; no slash at its end.
    """

    def __init__(self, store: RecordStore, now: Callable[[], Timestamp], *, url: str) -> None:
        self._store = store
        self._now = now
        self._url = url

    @property
    def features(self) -> Set[str]:
        return frozenset()

    async def create_meeting(self, *, token: str, external_id: str, media_region: str, most: int) -> ChimeMeeting:
        now = self._now()
        meeting_id = str(uuid5(NAMESPACE_URL, f"educonnect:call:{token}"))
        item = {
            **_key(meeting_id, _META),
            "externalMeetingId": external_id,
            "mediaRegion": media_region,
            "most": most,
            "attendees": 0,
            "endsAt": later(now, seconds=LONGEST_SECONDS),
            "queue": _OPEN,
            "dueAt": later(now, seconds=EMPTY_SECONDS),
            "ttl": epoch_seconds(now) + _KEPT_SECONDS,
        }
        started = self._event(item, "MeetingStarted", now)
        try:
            unmade = any_of(not_exists("meetingId"), at_most("ttl", epoch_seconds(now)))
            await commit(self._store, [(Put(LOCAL_CALLS, item, unmade), LostRace()), _sure(started)])
        except LostRace:
            return self._meeting_of(await self._read(meeting_id))
        return self._meeting_of(item)

    async def get_meeting(self, meeting_id: str) -> ChimeMeeting:
        return self._meeting_of(await self._open(meeting_id))

    async def delete_meeting(self, meeting_id: str) -> None:
        async def attempt() -> None:
            try:
                meta = await self._open(meeting_id)
            except CallGone:
                return
            await self._end(meta, self._now())

        await settle(attempt, "The call")

    async def create_attendee(self, meeting_id: str, external_user_id: str) -> ChimeAttendee:
        async def attempt() -> ChimeAttendee:
            meta, user = await self._store.batch_get(
                LOCAL_CALLS, [_key(meeting_id, _META), _user_key(meeting_id, external_user_id)]
            )
            if meta is None or _is_over(meta):
                raise CallGone
            if user is not None:
                return _attendee_of(user)
            if meta["attendees"] >= meta["most"]:
                raise DomainError(Code.MEETING_FULL, "The meeting is full.")
            made = ChimeAttendee(str(uuid4()), external_user_id, secrets.token_urlsafe(48))
            writes = self._arrival(meta, made, self._now())
            await commit(self._store, [(write, LostRace()) for write in writes])
            return made

        return await settle(attempt, "The call")

    async def get_attendee(self, meeting_id: str, attendee_id: str) -> ChimeAttendee:
        meta, item = await self._store.batch_get(
            LOCAL_CALLS, [_key(meeting_id, _META), _attendee_key(meeting_id, attendee_id)]
        )
        if meta is None or _is_over(meta) or item is None:
            raise CallGone
        return _attendee_of(item)

    async def delete_attendee(self, meeting_id: str, attendee_id: str) -> None:
        async def attempt() -> None:
            meta, item = await self._store.batch_get(
                LOCAL_CALLS, [_key(meeting_id, _META), _attendee_key(meeting_id, attendee_id)]
            )
            if meta is None or _is_over(meta) or item is None:
                return
            writes = self._departure(meta, _attendee_of(item), self._now())
            await commit(self._store, [(write, LostRace()) for write in writes])

        await settle(attempt, "The call")

    async def start_transcription(self, meeting_id: str, language: str) -> None:
        raise feature_disabled(TRANSCRIPTION)

    async def stop_transcription(self, meeting_id: str) -> None:
        raise feature_disabled(TRANSCRIPTION)

    async def start_capture(self, meeting: ChimeMeeting, *, token: str) -> Pipeline:
        raise feature_disabled(RECORDING)

    async def stop_capture(self, pipeline_id: str) -> None:
        raise feature_disabled(RECORDING)

    async def concatenate(self, capture: Pipeline, *, token: str) -> Concatenation:
        raise feature_disabled(RECORDING)

    async def pipeline_state(self, pipeline_id: str) -> PipelineState:
        raise feature_disabled(RECORDING)

    async def sweep(self) -> None:
        """End the calls whose time is over, as Chime does by itself. The next sweep goes on where a crash ended one."""
        now = self._now()
        page = await self._store.query(
            LOCAL_CALLS, _OPEN, index="DueIndex", sort=SortRange(at_most=now), limit=_SWEPT_AT_ONCE
        )
        for found in page.items:
            meta = await self._store.get(LOCAL_CALLS, _key(found["meetingId"], _META))
            if meta is None or _is_over(meta) or meta["dueAt"] > now:
                continue
            try:
                await self._end(meta, now)
            except LostRace:  # somebody came or went
                continue

    # Rows

    async def _read(self, meeting_id: str) -> Item:
        meta = await self._store.get(LOCAL_CALLS, _key(meeting_id, _META))
        if meta is None:
            raise CallGone
        return meta

    async def _open(self, meeting_id: str) -> Item:
        meta = await self._read(meeting_id)
        if _is_over(meta):
            raise CallGone
        return meta

    async def _end(self, meta: Item, now: Timestamp) -> None:
        """Raises LostRace when the call is another by now."""
        updates: list[Update] = [Remove("queue"), Remove("dueAt"), SetTo("endedAt", now)]
        unchanged = all_of(equals("dueAt", meta["dueAt"]), equals("attendees", meta["attendees"]))
        over = Change(LOCAL_CALLS, _key(meta["meetingId"], _META), updates, unchanged)
        await commit(self._store, [(over, LostRace()), _sure(self._event(meta, "MeetingEnded", now))])

    def _arrival(self, meta: Item, attendee: ChimeAttendee, now: Timestamp) -> Sequence[Write]:
        """Fails when the call is over or full, or the user has come by another way."""
        meeting_id = meta["meetingId"]
        item = {**msgspec.to_builtins(attendee), "ttl": meta["ttl"]}
        room = all_of(equals("queue", _OPEN), less("attendees", meta["most"]))
        seat = Change(LOCAL_CALLS, _key(meeting_id, _META), [Add("attendees", 1), SetTo("dueAt", meta["endsAt"])], room)
        return [
            seat,
            Put(LOCAL_CALLS, {**_user_key(meeting_id, attendee.external_user_id), **item}, not_exists("sk")),
            Put(LOCAL_CALLS, {**_attendee_key(meeting_id, attendee.attendee_id), **item}),
            self._event(meta, "AttendeeJoined", now, attendee),
        ]

    def _departure(self, meta: Item, attendee: ChimeAttendee, now: Timestamp) -> Sequence[Write]:
        """Fails when the call is over, the attendee is gone, or others came or went."""
        meeting_id = meta["meetingId"]
        left = meta["attendees"] - 1
        due = meta["endsAt"] if left else min(meta["endsAt"], later(now, seconds=EMPTY_SECONDS))
        unchanged = all_of(equals("queue", _OPEN), equals("attendees", meta["attendees"]))
        mine = equals("AttendeeId", attendee.attendee_id)
        return [
            Change(LOCAL_CALLS, _key(meeting_id, _META), [Add("attendees", -1), SetTo("dueAt", due)], unchanged),
            Delete(LOCAL_CALLS, _user_key(meeting_id, attendee.external_user_id), mine),
            Delete(LOCAL_CALLS, _attendee_key(meeting_id, attendee.attendee_id), mine),
            self._event(meta, "AttendeeLeft", now, attendee),
        ]

    def _meeting_of(self, meta: Attributes) -> ChimeMeeting:
        meeting_id = meta["meetingId"]
        signaling = self._url.replace("http", "ws", 1)
        return ChimeMeeting(
            meeting_id=meeting_id,
            external_meeting_id=meta["externalMeetingId"],
            media_region=meta["mediaRegion"],
            media_placement=MediaPlacement(
                audio_host_url=f"{signaling}/calls/{meeting_id}/audio",
                audio_fallback_url=f"{signaling}/calls/{meeting_id}/audio",
                signaling_url=f"{signaling}/calls/{meeting_id}/control",
            ),
        )

    @staticmethod
    def _event(meta: Attributes, kind: str, now: Timestamp, attendee: ChimeAttendee | None = None) -> Put:
        """An event as EventBridge would bring it, kept until it was handled."""
        detail: dict[str, Any] = {
            "version": "0",
            "eventType": f"chime:{kind}",
            "timestamp": round(moment(now).timestamp() * 1000),
            "meetingId": meta["meetingId"],
            "externalMeetingId": meta["externalMeetingId"],
            "mediaRegion": meta["mediaRegion"],
        }
        if attendee is not None:
            detail |= {"attendeeId": attendee.attendee_id, "externalUserId": attendee.external_user_id}
        event_id = new_ulid()
        event = {
            "version": "0",
            "id": event_id,
            "source": "aws.chime",
            "detail-type": "Chime Meeting State Change",
            "time": now,
            "detail": detail,
        }
        ttl = epoch_seconds(now) + _KEPT_SECONDS
        return Put(LOCAL_CALLS, {**_key(meta["meetingId"], f"{_EVENT}{event_id}"), "event": event, "ttl": ttl})


def event_in(change: FeedEvent) -> Any:
    """The event that a change of table LocalCalls tells, as EventBridge would bring it; None for other changes."""
    if change.kind != "INSERT" or change.new is None or not str(change.key["sk"]).startswith(_EVENT):
        return None
    return change.new["event"]


def _sure(write: Write) -> tuple[Write, Exception]:
    """A write without a condition."""
    return write, LostRace()


def _is_over(meta: Attributes) -> bool:
    return "queue" not in meta


def _key(meeting_id: str, sk: str) -> dict[str, str]:
    return {"meetingId": meeting_id, "sk": sk}


def _attendee_key(meeting_id: str, attendee_id: str) -> dict[str, str]:
    return _key(meeting_id, f"ATTENDEE#{attendee_id}")


def _user_key(meeting_id: str, external_user_id: str) -> dict[str, str]:
    return _key(meeting_id, f"USER#{external_user_id}")


def _attendee_of(item: Attributes) -> ChimeAttendee:
    return msgspec.convert(item, ChimeAttendee)
