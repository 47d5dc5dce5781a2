"""Every error a client may see: one root, one list of codes.

A `DomainError` is a refusal that we mean. Its `code` travels unchanged through both runtimes as
`errorType`, its `info` as `errorInfo`. Any other exception is a bug and is masked as INTERNAL_ERROR.
The message is for developers, in English, and holds no personal data and no ids of other tenants.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any


class Code(StrEnum):
    """The `errorType`s of docs/error-codes.md."""

    # AppSync's own names, for refusals before a resolver runs.
    UNAUTHORIZED_REQUEST = "UnauthorizedException"
    UNAUTHORIZED_FIELD = "Unauthorized"

    ACCOUNT_SUSPENDED = "ACCOUNT_SUSPENDED"
    ALREADY_ENROLLED = "ALREADY_ENROLLED"
    ATTENDANCE_CLOSED = "ATTENDANCE_CLOSED"
    BAD_REQUEST = "BAD_REQUEST"
    CAPACITY_BELOW_ENROLLED = "CAPACITY_BELOW_ENROLLED"
    CHALLENGE_CODE_WRONG = "CHALLENGE_CODE_WRONG"
    CHALLENGE_NOT_OPEN = "CHALLENGE_NOT_OPEN"
    CHECKSUM_MISMATCH = "CHECKSUM_MISMATCH"
    CONFLICT = "CONFLICT"
    CONSENT_REQUIRED = "CONSENT_REQUIRED"
    COURSE_FULL = "COURSE_FULL"
    COURSE_HAS_LEARNERS = "COURSE_HAS_LEARNERS"
    COURSE_NOT_OPEN = "COURSE_NOT_OPEN"
    DEPENDENCY_FAILED = "DEPENDENCY_FAILED"
    DOCUMENT_NOT_TRUSTED = "DOCUMENT_NOT_TRUSTED"
    EDIT_WINDOW_PASSED = "EDIT_WINDOW_PASSED"
    ENROLLMENT_REQUIRED = "ENROLLMENT_REQUIRED"
    FACE_MISMATCH = "FACE_MISMATCH"
    FACE_NOT_ENROLLED = "FACE_NOT_ENROLLED"
    FACE_NOT_FOUND = "FACE_NOT_FOUND"
    FACE_QUALITY_LOW = "FACE_QUALITY_LOW"
    FACE_SERVICE_BUSY = "FACE_SERVICE_BUSY"
    FEATURE_DISABLED = "FEATURE_DISABLED"
    FORBIDDEN = "FORBIDDEN"
    IDEMPOTENCY_MISMATCH = "IDEMPOTENCY_MISMATCH"
    INTERNAL_ERROR = "INTERNAL_ERROR"
    INVALID_NEXT_TOKEN = "INVALID_NEXT_TOKEN"  # noqa: S105 - an error's name, no secret
    INVALID_STATE = "INVALID_STATE"
    LANGUAGE_NOT_SUPPORTED = "LANGUAGE_NOT_SUPPORTED"
    LAST_ADMIN = "LAST_ADMIN"
    LAST_OWNER = "LAST_OWNER"
    LIMIT_EXCEEDED = "LIMIT_EXCEEDED"
    LIVENESS_FAILED = "LIVENESS_FAILED"
    LIVENESS_REQUIRED = "LIVENESS_REQUIRED"
    MEDIA_IN_USE = "MEDIA_IN_USE"
    MEDIA_NOT_READY = "MEDIA_NOT_READY"
    MEETING_FULL = "MEETING_FULL"
    MEETING_NOT_LIVE = "MEETING_NOT_LIVE"
    MEETING_TOO_EARLY = "MEETING_TOO_EARLY"
    MEMBER_BANNED = "MEMBER_BANNED"
    MEMBER_MUTED = "MEMBER_MUTED"
    MESSAGE_DELETED = "MESSAGE_DELETED"
    METHOD_NOT_ALLOWED = "METHOD_NOT_ALLOWED"
    MODULE_NOT_EMPTY = "MODULE_NOT_EMPTY"
    MULTIPLE_FACES = "MULTIPLE_FACES"
    NOT_FOUND = "NOT_FOUND"
    NOT_IN_MEETING = "NOT_IN_MEETING"
    PAYMENT_REQUIRED = "PAYMENT_REQUIRED"
    PERSISTED_QUERY_NOT_FOUND = "PERSISTED_QUERY_NOT_FOUND"
    QUERY_TOO_COMPLEX = "QUERY_TOO_COMPLEX"
    QUOTA_EXCEEDED = "QUOTA_EXCEEDED"
    RATE_LIMITED = "RATE_LIMITED"
    RECORDING_RUNNING = "RECORDING_RUNNING"
    REMOVED_FROM_MEETING = "REMOVED_FROM_MEETING"
    ROOM_ARCHIVED = "ROOM_ARCHIVED"
    SLUG_TAKEN = "SLUG_TAKEN"
    THROTTLED = "THROTTLED"
    TIMEOUT = "TIMEOUT"
    UPLOAD_INCOMPLETE = "UPLOAD_INCOMPLETE"
    UPLOAD_NOT_OPEN = "UPLOAD_NOT_OPEN"
    UPLOAD_TOO_LARGE = "UPLOAD_TOO_LARGE"
    UPLOAD_TYPE_NOT_ALLOWED = "UPLOAD_TYPE_NOT_ALLOWED"


RETRYABLE = frozenset(
    {
        Code.DEPENDENCY_FAILED,
        Code.FACE_SERVICE_BUSY,
        Code.INTERNAL_ERROR,
        Code.RATE_LIMITED,
        Code.THROTTLED,
        Code.TIMEOUT,
    }
)


class DomainError(Exception):
    """A refusal we mean.

    Args:
        code: what clients switch on.
        message: one English sentence for developers.
        info: JSON-ready details; `retryable` is added from the code.
    """

    def __init__(self, code: Code, message: str, **info: Any) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.info: Mapping[str, Any] = {**info, "retryable": code in RETRYABLE}


def not_found(what: str) -> DomainError:
    """The same words whether a thing does not exist or may not be known to the caller."""
    return DomainError(Code.NOT_FOUND, f"No such {what}.")


def bad_request(field: str, rule: str, message: str) -> DomainError:
    """Input breaks a rule. `field` is the argument's path in the SDL's spelling, e.g. "input.slug"."""
    return DomainError(Code.BAD_REQUEST, message, field=field, rule=rule)


def conflict(current_version: int) -> DomainError:
    return DomainError(
        Code.CONFLICT, "The record was changed by somebody else; read it again.", currentVersion=current_version
    )


def invalid_state(status: str, message: str, **info: Any) -> DomainError:
    return DomainError(Code.INVALID_STATE, message, status=status, **info)


def forbidden(message: str, **info: Any) -> DomainError:
    return DomainError(Code.FORBIDDEN, message, **info)


def account_suspended() -> DomainError:
    return DomainError(Code.ACCOUNT_SUSPENDED, "The account is suspended.")


def rate_limited(message: str, *, after_seconds: int) -> DomainError:
    """Somebody goes faster than they may; the same call is fine `after_seconds` later."""
    return DomainError(Code.RATE_LIMITED, message, retryAfterSeconds=after_seconds)


def throttled(what: str) -> DomainError:
    """A store or service refused us for load, beyond our retries."""
    return DomainError(Code.THROTTLED, f"{what} is busy; try again shortly.", retryAfterSeconds=1)


def dependency_failed(service: str) -> DomainError:
    return DomainError(Code.DEPENDENCY_FAILED, f"{service} did not answer as it should.", service=service)
