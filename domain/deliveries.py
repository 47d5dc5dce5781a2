"""One notification over one channel to one target, from waiting to its end, which says why."""

from typing import Literal

from domain.records import Record
from domain.times import Timestamp, later

Status = Literal["WAITING", "SENT", "SKIPPED", "FAILED"]
Reason = Literal[
    "PREFERENCE",  # the user does not want this category here
    "NO_ADDRESS",  # no verified e-mail address
    "NO_NUMBER",  # no phone number
    "NO_DEVICE",  # no device registered, or not any more
    "PRESENT",  # the user is online, and a client shows what is said
    "NO_PROVIDER",  # this deployment cannot send over the channel
    "SUPPRESSED",  # the address bounced or complained before
    "NO_ACCOUNT",  # erased meanwhile
    "REFUSED",  # the receiving side said no, and will go on saying so
    "TRIES_EXHAUSTED",  # it never could be reached
]

MOST_TRIES = 10
LEASE_SECONDS = 60
"""How long one try may take before another process may try."""
KEPT_DAYS = 90
_FIRST_PAUSE_SECONDS = 30
_LONGEST_PAUSE_SECONDS = 3_600


class Delivery(Record, frozen=True):
    """A row of table Deliveries. Without text and addresses: they are read when it is sent.

    Attributes:
        notice: the key of event and user.
        target: the channel, and behind a `#` the device where it has several: "EMAIL", "PUSH#d1".
        due_at: when it is tried next; None once it has ended.
        tries: begun so far.
        reason: why it was skipped or failed.
        trace: the trace that it came from, where there are any.
    """

    notice: str
    target: str
    user_id: str
    notification_id: str
    status: Status
    updated_at: Timestamp
    tries: int = 0
    due_at: Timestamp | None = None
    reason: Reason | None = None
    trace: str | None = None

    @property
    def channel(self) -> str:
        return self.target.partition("#")[0]

    @property
    def device_id(self) -> str:
        return self.target.partition("#")[2]


def tried_again_at(tries: int, now: Timestamp) -> Timestamp | None:
    """When a delivery is tried again after so many failures; None: never. The pause doubles, up to an hour."""
    if tries >= MOST_TRIES:
        return None
    return later(now, seconds=min(_LONGEST_PAUSE_SECONDS, _FIRST_PAUSE_SECONDS * 2 ** (tries - 1)))
