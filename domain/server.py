"""What a client may know before sign-in, and notices to every client."""

from domain.errors import bad_request
from domain.records import Record
from domain.times import Timestamp

FEATURES = (
    "ATTENDANCE",
    "CHAT",
    "COURSES",
    "COURSE_SEARCH",
    "ENROLLMENT",
    "LESSON_PROGRESS",
    "MEDIA",
    "MEETINGS",
    "NOTIFICATIONS",
    "UPLOADS",
)
"""What this release has; a deployment may switch more on."""
ADAPTIVE_PLAYBACK = "ADAPTIVE_PLAYBACK"
"""What plays has a playlist of qualities once it is processed."""
MALWARE_SCAN = "MALWARE_SCAN"
"""Uploaded files are scanned for malware before anybody may use them."""


class ServerFacts(Record, frozen=True):
    """The constant part of ServerInfo."""

    api_version: str
    minimum_client_version: str
    features: tuple[str, ...]


class ServerInfo(Record, frozen=True):
    api_version: str
    server_time: Timestamp
    minimum_client_version: str
    features: tuple[str, ...]


class ServiceNotice(Record, frozen=True):
    """A notice to all clients; published, never stored."""

    id: str
    severity: str
    title: str
    created_at: Timestamp
    body: str | None = None
    starts_at: Timestamp | None = None
    ends_at: Timestamp | None = None


def check_period(starts_at: Timestamp | None, ends_at: Timestamp | None) -> None:
    """Raises BAD_REQUEST, rule ORDER, for work that ends before it starts."""
    if starts_at is not None and ends_at is not None and ends_at <= starts_at:
        raise bad_request("input.endsAt", "ORDER", "input.endsAt is later than input.startsAt.")
