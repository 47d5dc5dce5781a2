"""The supervised way to the other processes: joins, notices when it is lost, and joins again.

All processes share one channel, which each joins once, before it serves anybody: a subscription is a local
matter, and no two of them can lose each other while a channel is being joined. Every process hears its own
beats come back; when they do not, or when a sender's numbering has a hole, something may have been missed.
"""

import asyncio
import logging
import random
import secrets
from collections import deque
from collections.abc import Callable
from contextlib import suppress

import msgspec
from broadcaster import Broadcast

from domain.cancellation import heed_cancellation
from subscriptions.messages import Message, Sent, read
from subscriptions.peers import Peers

CHANNEL = "educonnect"
BEAT_SECONDS = 1.0
ECHO_SECONDS = 3.0
"""How long a beat of our own may take to come back."""
GRACE_SECONDS = 1.0
"""An interruption this short is told of once, when it is over."""
MOST_WAITING = 5_000
MOST_WAITING_CHARACTERS = 32 * 1024 * 1024
MOST_AT_ONCE = 256 * 1024
"""Characters that go out as one message of the broker."""
_CONNECT_SECONDS = 5.0
_LEAVE_SECONDS = 1.0
_FIRST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 3.0

log = logging.getLogger(__name__)


class BusLost(Exception):
    """The connection to the broker is not good any more."""


class Bus:
    """One a process.

    Args:
        url: `memory://` for a process that is alone, `redis://` or `rediss://` for many.

    Attributes:
        connected: whether messages go to and fro.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self.alone = url.startswith("memory:")
        self._name = secrets.token_hex(8)
        self._number = 0
        self._waiting: deque[str] = deque()
        self._waiting_characters = 0
        self._to_send = asyncio.Event()
        self._tried = asyncio.Event()
        self._ended = asyncio.Event()
        self._telling: asyncio.TimerHandle | None = None
        self._peers = Peers()
        self._echoed_at = 0.0
        self._received: Callable[[Message], None] = _ignore
        self._lost: Callable[[], None] = _nothing
        self.connected = False

    async def first_try(self) -> None:
        """Returns when the first attempt to join has succeeded or failed."""
        await self._tried.wait()

    def send(self, message: Message) -> None:
        """To all other processes, after what was sent before. Never waits; what is too much is dropped.

        A dropped message leaves a hole in the numbering, by which the others notice.
        """
        self._number += 1
        line = Sent(self._name, self._number, message).line()
        if len(self._waiting) >= MOST_WAITING or self._waiting_characters + len(line) > MOST_WAITING_CHARACTERS:
            return
        self._waiting.append(line)
        self._waiting_characters += len(line)
        self._to_send.set()

    async def run(self, received: Callable[[Message], None], lost: Callable[[], None]) -> None:
        """Stays joined until cancelled.

        Args:
            received: takes each message of another process, in its sender's order.
            lost: is called whenever messages may have been missed.
        """
        self._received, self._lost = received, lost
        failures = 0
        while True:
            try:
                await self._joined(came_back=failures > 0)
            except Exception as error:  # whatever a broker or its client can think of
                heed_cancellation()
                failures = 1 if self.connected else failures + 1
                log.warning("not connected to other processes, try %d: %s", failures, _name(error))
            if self.connected:
                self.connected = False
                self._telling = asyncio.get_running_loop().call_later(GRACE_SECONDS, lost)
            self._tried.set()
            await asyncio.sleep(_pause(failures))

    async def leave(self) -> None:
        """Tell the others that this process ends on purpose, so that nobody misses it. Takes a second at most."""
        if self.connected:
            self.send(Message("end"))
            with suppress(TimeoutError):
                async with asyncio.timeout(_LEAVE_SECONDS):
                    await self._ended.wait()

    async def _joined(self, *, came_back: bool) -> None:
        """Sends and receives. Raises as soon as it cannot any more."""
        backend = None
        if not self.alone:
            from subscriptions.redis_backend import RedisBackend  # long to import, and one process needs none

            backend = RedisBackend(self._url)
        broadcast = Broadcast(self._url) if backend is None else Broadcast(backend=backend)
        async with asyncio.timeout(_CONNECT_SECONDS):
            await broadcast.connect()
        try:
            async with broadcast.subscribe(CHANNEL) as subscriber, asyncio.TaskGroup() as tasks:
                self._echoed_at = _now()
                tasks.create_task(self._send_on(broadcast))
                tasks.create_task(self._beat(came_back=came_back))
                if backend is not None:
                    tasks.create_task(_raise_when(backend.failed))
                while True:
                    event = await subscriber.get()
                    for line in event.message.split("\n"):
                        self._hear(line, came_back=came_back)
        finally:
            with suppress(Exception):  # a broken connection breaks once more when it is closed
                await broadcast.disconnect()

    def _hear(self, line: str, *, came_back: bool) -> None:
        try:
            sent = read(line)
        except msgspec.DecodeError:
            log.warning("a message that is none of ours was left unread")
            return
        if sent.sender == self._name:
            self._hear_itself(sent.message, came_back=came_back)
            return
        if sent.message.kind == "end":
            self._peers.left(sent.sender)
            return
        if not self._peers.heard(sent.sender, sent.number, _now()):
            log.warning("messages of another process were missed")
            self._lost()
        if sent.message.kind != "beat":
            self._received(sent.message)

    def _hear_itself(self, message: Message, *, came_back: bool) -> None:
        self._echoed_at = _now()
        if message.kind == "end":
            self._ended.set()
        if self.connected:
            return
        self.connected = True
        self._peers.rejoined(_now())
        self._tried.set()
        if self._telling is not None:
            self._telling.cancel()
            self._telling = None
        if came_back:
            log.warning("connected to other processes again")
            self._lost()

    async def _send_on(self, broadcast: Broadcast) -> None:
        while True:
            while self._waiting:
                await broadcast.publish(CHANNEL, "\n".join(self._next_lines()))
            self._to_send.clear()
            await self._to_send.wait()

    def _next_lines(self) -> list[str]:
        lines = [self._waiting.popleft()]
        characters = len(lines[0])
        while self._waiting and characters + len(self._waiting[0]) <= MOST_AT_ONCE:
            lines.append(self._waiting.popleft())
            characters += len(lines[-1])
        self._waiting_characters -= characters
        return lines

    async def _beat(self, *, came_back: bool) -> None:
        while True:
            self.send(Message("beat"))
            began = _now()
            await asyncio.sleep(BEAT_SECONDS)
            if _now() - began > 2 * BEAT_SECONDS:  # who stood still could not hear either, and nothing follows from it
                self._echoed_at = _now()
                self._peers.rejoined(_now())
                continue
            if _now() - self._echoed_at > ECHO_SECONDS:
                raise BusLost("nothing comes back")
            if self._peers.fell_silent(_now()):
                log.warning("another process fell silent")
                self._lost()


async def _raise_when(failed: asyncio.Event) -> None:
    await failed.wait()
    raise BusLost("the broker closed the connection")


def _name(error: BaseException) -> str:
    """What went wrong, without the texts of a client library, which may hold addresses and passwords."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return type(error).__name__


def _now() -> float:
    return asyncio.get_running_loop().time()


def _pause(failures: int) -> float:
    longest = min(_LONGEST_PAUSE_SECONDS, _FIRST_PAUSE_SECONDS * 2 ** min(failures, 10))
    return random.uniform(longest / 2, longest)  # noqa: S311 - spreads retries, protects nothing


def _ignore(message: Message) -> None:
    """Before anybody listens."""


def _nothing() -> None:
    """Before anybody listens."""
