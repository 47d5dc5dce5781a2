"""What processes tell each other on the bus: one line of JSON a message."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec

from subscriptions.ledger import Entry

Kind = Literal["event", "gap", "recheck", "beat", "end"]
"""`beat`: the sender is there; `end`: it goes on purpose."""


class Message(msgspec.Struct, frozen=True, array_like=True):
    """One message.

    Attributes:
        about: subscription fields of an event or a gap; the user of a recheck.
        content: an event's payload, as JSON.
        shown: which records an event shows.
    """

    kind: Kind
    about: tuple[str, ...] = ()
    content: msgspec.Raw = msgspec.Raw(b"null")
    shown: tuple[Entry, ...] = ()

    @classmethod
    def event(cls, fields: Sequence[str], payload: Mapping[str, Any], shown: tuple[Entry, ...]) -> "Message":
        return cls("event", tuple(fields), msgspec.Raw(_encoder.encode(payload)), shown)

    @classmethod
    def gap(cls, fields: Sequence[str]) -> "Message":
        return cls("gap", tuple(fields))

    @classmethod
    def recheck(cls, user_id: str) -> "Message":
        return cls("recheck", (user_id,))

    def payload(self) -> dict[str, Any]:
        content: dict[str, Any] = msgspec.json.decode(self.content)
        return content


class Sent(msgspec.Struct, frozen=True, array_like=True):
    """A message with its sender, which counts its messages from 1: a number left out is a message lost."""

    sender: str
    number: int
    message: Message

    def line(self) -> str:
        return _encoder.encode(self).decode()


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Sent)


def read(line: str) -> Sent:
    """Raises msgspec.DecodeError for what no process of this version has sent."""
    return _decoder.decode(line)
