"""Proof of presence by a code that the host shows in the call: six digits, new every 30 seconds."""

import hashlib
import hmac
import secrets

from domain.errors import bad_request
from domain.records import Record
from domain.times import Timestamp, epoch_seconds, from_epoch, later

PERIOD_SECONDS = 30
GRACE_SECONDS = 10
"""How long the code before is taken, for who types slowly."""
TRIES = 5
LEAST_SECONDS, MOST_SECONDS = 30, 600
_DIGITS = 6
_SECRET_BYTES = 32


class AttendanceChallenge(Record, frozen=True):
    """What everybody in the meeting may know."""

    id: str
    meeting_id: str
    started_at: Timestamp
    closes_at: Timestamp

    def is_open(self, now: Timestamp) -> bool:
        return now < self.closes_at


class SecretChallenge(Record, frozen=True):
    """The row `#CHALLENGE` of table Attendance: the challenge and what its codes are made of."""

    challenge: AttendanceChallenge
    secret: bytes


class AttendanceChallengeCode(Record, frozen=True):
    """The code of this moment, for who runs the meeting."""

    challenge: AttendanceChallenge
    code: str
    code_expires_at: Timestamp


def new_challenge(
    meeting_id: str, duration_seconds: int, *, id: str, closes_at: Timestamp, now: Timestamp
) -> SecretChallenge:
    """
    Args:
        closes_at: of the policy's window; the challenge is not open longer.

    Raises:
        DomainError: BAD_REQUEST.
    """
    if not LEAST_SECONDS <= duration_seconds <= MOST_SECONDS:
        raise bad_request("durationSeconds", "RANGE", f"durationSeconds is {LEAST_SECONDS} to {MOST_SECONDS}.")
    end = min(later(now, seconds=duration_seconds), closes_at)
    return SecretChallenge(AttendanceChallenge(id, meeting_id, now, end), secrets.token_bytes(_SECRET_BYTES))


def shown_code(open_: SecretChallenge, now: Timestamp) -> AttendanceChallengeCode:
    period = _period(now)
    expires_at = min(from_epoch((period + 1) * PERIOD_SECONDS), open_.challenge.closes_at)
    return AttendanceChallengeCode(open_.challenge, _code(open_.secret, period), expires_at)


def is_right(open_: SecretChallenge, answer: str, now: Timestamp) -> bool:
    """Whether the answer is the code of this moment, or the one before within its grace. Takes equally long."""
    period = _period(now)
    given = answer.strip().encode("utf-8", "replace")
    is_current = hmac.compare_digest(given, _code(open_.secret, period).encode())
    is_previous = hmac.compare_digest(given, _code(open_.secret, period - 1).encode())
    return is_current or (is_previous and epoch_seconds(now) % PERIOD_SECONDS < GRACE_SECONDS)


def try_name(open_: SecretChallenge, answer: str, now: Timestamp) -> str:
    """Names one try: the same answer given again at once is not another one. Tells nothing of the answer."""
    what = f"{_period(now)} {answer.strip()}".encode("utf-8", "replace")
    return hmac.digest(open_.secret, what, hashlib.sha256).hex()[:24]


def _period(at: Timestamp) -> int:
    return epoch_seconds(at) // PERIOD_SECONDS


def _code(secret: bytes, period: int) -> str:
    digest = hmac.digest(secret, period.to_bytes(8, "big"), hashlib.sha256)
    return str(int.from_bytes(digest[:8], "big") % 10**_DIGITS).zfill(_DIGITS)
