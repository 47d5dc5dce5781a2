"""The ways out of the house: mail and pushes, as narrow ports. Vendor errors end behind them."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

import msgspec

from domain.push_tokens import PushToken


class Refused(Exception):
    """The receiving side will never take this: an unknown address, a device that is gone.

    Its text tells how the other side said so, e.g. "550", and never whom it was for.
    """


class Mail(msgspec.Struct, frozen=True):
    """A plain text mail to one address. `id` is the same at every try, for receivers that drop repeats."""

    id: str
    to: str
    subject: str
    body: str


class Push(msgspec.Struct, frozen=True):
    """What a device shows. `id` is the same at every try; `path` is inside the clients."""

    id: str
    title: str
    body: str
    path: str | None = None


class Mailer(Protocol):
    async def send(self, mail: Mail) -> None:
        """Hands the mail over, within 30 seconds. Raises Refused, or DEPENDENCY_FAILED when it may work later."""
        ...


class PushSender(Protocol):
    async def send(self, device: PushToken, push: Push) -> None:
        """As `Mailer.send`; Refused means that the device is gone."""
        ...


class TextSender(Protocol):
    async def send(self, number: str, text: str) -> None:
        """A short message to an E.164 number; as `Mailer.send`."""
        ...


class MailFeedback(Protocol):
    async def read(self, suppress: Callable[[str, str], Awaitable[None]]) -> int:
        """Calls `suppress(address, why)`, BOUNCE or COMPLAINT, for mail that came back; how much news there was.

        News is forgotten when all of it was taken. Raises DEPENDENCY_FAILED.
        """
        ...


class Senders(msgspec.Struct, frozen=True):
    """The ways out that a deployment has; `pushes` by platform. What is None or missing cannot be sent."""

    mailer: Mailer | None = None
    pushes: Mapping[str, PushSender] = msgspec.field(default_factory=dict)
    texts: TextSender | None = None
    feedback: MailFeedback | None = None
