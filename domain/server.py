"""What a client may know before sign-in, and notices to every client."""

from domain.records import Record
from domain.times import Timestamp


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
