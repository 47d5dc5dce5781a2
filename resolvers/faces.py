"""Faces: enrolling and forgetting the caller's own, and being marked in a meeting by it."""

import hashlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from datasources.face_engine import UnreadablePicture
from datasources.transactions import Guarded
from domain import text
from domain.attendance import AttendanceRecord
from domain.attendance_policy import SIMILARITY_PERCENT, AttendancePolicy, feature_disabled
from domain.errors import RETRYABLE, Code, DomainError, bad_request
from domain.face_enrollments import FaceEnrollment, FaceLivenessSession, liveness_failed
from domain.media import MediaAsset
from domain.meetings import Meeting
from resolvers.attendance_access import marking
from resolvers.attendance_marks import earlier_mark, open_policy, published
from resolvers.context import Context
from resolvers.inputs import EnrollFaceInput, MarkAttendanceByFaceInput
from resolvers.registry import registry

_MEDIA, _SESSION = "input.mediaId", "input.livenessSessionId"
_TRIED_AT = "FACE"
_KEEPS_PICTURE = RETRYABLE - {Code.RATE_LIMITED}
"""Errors after which the same call may succeed."""


@registry.field("Query.getMyFaceEnrollment")
async def get_my_face_enrollment(ctx: Context) -> FaceEnrollment | None:
    return await ctx.sources.faces.get(ctx.caller.id)


@registry.field("Mutation.enrollFace")
async def enroll_face(ctx: Context, *, input: EnrollFaceInput) -> FaceEnrollment:
    _require_on(ctx)
    version = text.clean(input["consent_policy_version"], "input.consentPolicyVersion", longest=text.NAME)
    await ctx.sources.faces.require_consent(ctx.caller.id, version)
    media = await _picture(ctx, input["media_id"])
    session_id = input.get("liveness_session_id")
    reference = (
        None if session_id is None else await ctx.sources.liveness.use(ctx.caller.id, _checked(session_id), ctx.now())
    )
    async with _used(ctx, media) as picture:
        enrollment = await ctx.sources.faces.enroll(ctx.caller.id, picture, version, ctx.now())
        if reference is not None:
            await _require_same(ctx, reference)
    return enrollment


@registry.field("Mutation.deleteFaceEnrollment")
async def delete_face_enrollment(ctx: Context) -> FaceEnrollment:
    """Also where faces are switched off: what was learned can always be forgotten."""
    return await ctx.sources.faces.delete(ctx.caller.id, ctx.now())


@registry.field("Mutation.startFaceLiveness")
async def start_face_liveness(ctx: Context) -> FaceLivenessSession:
    _require_on(ctx)
    await ctx.sources.faces.require_consent(ctx.caller.id)
    return await ctx.sources.liveness.start(ctx.caller.id, ctx.now())


@registry.field("Mutation.markAttendanceByFace")
async def mark_attendance_by_face(ctx: Context, *, input: MarkAttendanceByFaceInput) -> AttendanceRecord:
    _require_on(ctx)
    media_id, session_id = input.get("media_id"), input.get("liveness_session_id")
    if (media_id is None) == (session_id is None):
        raise bad_request(_MEDIA, "ONE_OF", f"One of {_MEDIA} and {_SESSION} is given.")
    meeting, _ = await marking(ctx, input["meeting_id"], "input.meetingId")
    earlier = await earlier_mark(ctx, meeting)
    if earlier is not None:
        return earlier
    try:
        return await _mark(ctx, meeting, media_id, session_id)
    except DomainError:
        # The same call, sent twice at once, uses up its picture in one of the two.
        earlier = await earlier_mark(ctx, meeting)
        if earlier is None:
            raise
        return earlier


async def _mark(ctx: Context, meeting: Meeting, media_id: str | None, session_id: str | None) -> AttendanceRecord:
    policy = await open_policy(ctx, meeting, "FACE")
    if policy.liveness_required and session_id is None:
        raise DomainError(Code.LIVENESS_REQUIRED, "The meeting asks for a liveness check.")
    await ctx.sources.faces.require_consent(ctx.caller.id)
    await ctx.sources.faces.require_enrolled(ctx.caller.id, ctx.now())
    if session_id is not None:
        picture, use = await ctx.sources.liveness.passed(ctx.caller.id, _checked(session_id), ctx.now())
        return await _mark_by(ctx, meeting, policy, session_id, picture, [use])
    media = await _picture(ctx, media_id or "")
    async with _used(ctx, media) as picture:
        return await _mark_by(ctx, meeting, policy, media.id, picture, [])


async def _mark_by(
    ctx: Context, meeting: Meeting, policy: AttendancePolicy, source: str, picture: bytes, also: Sequence[Guarded]
) -> AttendanceRecord:
    """Marks the caller by a picture that is like their own face; nobody else's is looked at.

    Args:
        source: the id of what the picture came from.
    """
    user_id, now = ctx.caller.id, ctx.now()
    tried = (meeting.id, _TRIED_AT, user_id, hashlib.sha256(source.encode()).hexdigest()[:24], now)
    left = await ctx.sources.tries.count(*tried, until=policy.closes_at)
    try:
        similarity = await ctx.sources.faces.compare(user_id, picture, now)
    except (DomainError, UnreadablePicture):
        await ctx.sources.tries.give_back(*tried)
        raise
    if similarity < policy.minimum_similarity_percent:
        raise DomainError(Code.FACE_MISMATCH, "The picture is not like the enrolled face.", triesLeft=left)
    marked = await ctx.sources.attendance.mark(
        meeting, user_id, "FACE", now, similarity_percent=round(similarity, 2), also=also
    )
    return await published(ctx, *marked)


def _require_on(ctx: Context) -> None:
    """Raises FEATURE_DISABLED."""
    if not ctx.sources.face_abilities.compares:
        raise feature_disabled("attendance by face")


async def _picture(ctx: Context, media_id: str) -> MediaAsset:
    return await ctx.sources.face_pictures.usable(text.identifier(media_id, _MEDIA), ctx.caller.id, _MEDIA, ctx.now())


@asynccontextmanager
async def _used(ctx: Context, media: MediaAsset) -> AsyncIterator[bytes]:
    """The picture, which is gone afterwards, unless the same call may succeed later."""
    try:
        yield await ctx.sources.face_pictures.read(media)
    except DomainError as refusal:
        if refusal.code not in _KEEPS_PICTURE:
            await _destroy(ctx, media)
        raise
    except UnreadablePicture:
        await _destroy(ctx, media)
        raise bad_request(_MEDIA, "PICTURE", f"{_MEDIA} is a still picture, JPEG or PNG.") from None
    await _destroy(ctx, media)


async def _destroy(ctx: Context, media: MediaAsset) -> None:
    await ctx.sources.face_pictures.destroy(media)
    await ctx.publish("publishMedia", id=media.id)


def _checked(session_id: str) -> str:
    return text.identifier(session_id, _SESSION)


async def _require_same(ctx: Context, reference: bytes) -> None:
    """That the face just enrolled is of who passed the liveness check; else it is forgotten. Raises LIVENESS_FAILED."""
    user_id = ctx.caller.id
    if await ctx.sources.faces.compare(user_id, reference, ctx.now()) < SIMILARITY_PERCENT:
        await ctx.sources.faces.delete(user_id, ctx.now())
        raise liveness_failed()
