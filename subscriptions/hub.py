"""From an event to everybody who listens to it, in this process and through the bus in all others.

An event costs what its listeners cost: they are found by the values of their arguments, and what a group of
equal ones is shown is made once. Delivery is one task that takes events in order and lets others run between
slices, so that neither a large audience nor a burst holds up the process.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from subscriptions.bus import Bus
from subscriptions.filters import Filter
from subscriptions.ledger import Ledger
from subscriptions.messages import Message

MOST_WAITING = 10_000
"""Events that are not yet delivered in this process."""
MOST_WAITING_BYTES = 64 * 1024 * 1024
MOST_BYTES = 240 * 1024
"""Of one event, as AppSync has it."""
SLICE = 200
"""Deliveries between two chances for other work."""

log = logging.getLogger(__name__)

Payload = Mapping[str, Any]
Arguments = tuple[tuple[str, Hashable], ...]
"""What a subscriber filters by: field name and value, sorted by name; None for an explicit null."""


class Listener(Protocol):
    """One subscriber.

    Attributes:
        live: False once it must not be sent anything more.
    """

    live: bool

    def deliver(self, payload: bytes) -> None:
        """Takes a JSON object of data and errors. Never blocks and never raises."""
        ...

    def lose_continuity(self) -> None:
        """Something may have been missed: make the client come again and catch up."""
        ...


class Topic(msgspec.Struct, frozen=True):
    """What a listener hears.

    Attributes:
        field: of Subscription.
        arguments: each named top-level field of an event must equal its value.
        filter: narrows further; None for none.
        group: equal for listeners that are shown the same.
        encode: what they are shown of an event, as JSON.
    """

    field: str
    arguments: Arguments
    filter: Filter | None
    group: Hashable
    encode: Callable[[Payload], bytes]


class _Group:
    __slots__ = ("encode", "filter", "listeners")

    def __init__(self, topic: Topic) -> None:
        self.encode = topic.encode
        self.filter = topic.filter
        self.listeners: dict[Listener, None] = {}


_Groups = dict[Hashable, _Group]
_ByArguments = dict[tuple[str, ...], dict[tuple[Hashable, ...], _Groups]]


class _Index:
    """Listeners by field, by the names of their arguments, by the values of these, by group."""

    def __init__(self) -> None:
        self._fields: dict[str, _ByArguments] = {}

    def add(self, topic: Topic, listener: Listener) -> None:
        names, values = _split(topic.arguments)
        groups = self._fields.setdefault(topic.field, {}).setdefault(names, {}).setdefault(values, {})
        key = (topic.filter, topic.group)
        if key not in groups:
            groups[key] = _Group(topic)
        groups[key].listeners[listener] = None

    def remove(self, topic: Topic, listener: Listener) -> None:
        """Nothing empty stays behind: topics come and go by the thousand."""
        names, values = _split(topic.arguments)
        by_arguments = self._fields.get(topic.field, {})
        by_values = by_arguments.get(names, {})
        groups = by_values.get(values, {})
        key = (topic.filter, topic.group)
        if key not in groups:
            return
        groups[key].listeners.pop(listener, None)
        if not groups[key].listeners:
            del groups[key]
        if not groups:
            del by_values[values]
        if not by_values:
            del by_arguments[names]
        if not by_arguments:
            del self._fields[topic.field]

    def hears(self, field: str) -> bool:
        return field in self._fields

    def matching(self, field: str, payload: Payload) -> Iterator[_Group]:
        for names, by_values in list(self._fields.get(field, {}).items()):
            groups = by_values.get(tuple(_hashable(payload.get(name)) for name in names), {})
            for group in list(groups.values()):
                if group.filter is None or group.filter.holds(payload):
                    yield group

    def all_of(self, fields: Sequence[str] | None) -> list[Listener]:
        chosen = list(self._fields) if fields is None else fields
        return [
            listener
            for field in chosen
            for by_values in self._fields.get(field, {}).values()
            for groups in by_values.values()
            for group in groups.values()
            for listener in group.listeners
        ]


class Hub:
    """One a process. `async with hub:` it delivers.

    Args:
        bus: to the other processes.
        rechecked: is told of every user whose rights another process has changed.
        ledger: is told of every event.
        handed_out: is told of every event that has reached its listeners here: how many seconds after it came, and
            how many they were.
    """

    def __init__(
        self,
        bus: Bus,
        rechecked: Callable[[str], None],
        ledger: Ledger,
        handed_out: Callable[[float, int], None] = lambda _seconds, _listeners: None,
    ) -> None:
        self._bus = bus
        self._ledger = ledger
        self._rechecked = rechecked
        self._handed_out = handed_out
        self._index = _Index()
        self._waiting: deque[tuple[Message, Payload | None, float]] = deque()
        self._waiting_bytes = 0
        self._came = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> "Hub":
        self._tasks = [
            asyncio.create_task(self._deliver(), name="hub delivery"),
            asyncio.create_task(self._bus.run(self._received, self.lose_continuity), name="hub bus"),
        ]
        await self._bus.first_try()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._bus.leave()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def connected(self) -> bool:
        """Whether events of other processes arrive."""
        return self._bus.connected

    @property
    def waiting(self) -> int:
        """Events that are not yet delivered in this process."""
        return len(self._waiting)

    def may_be_heard(self, fields: Sequence[str]) -> bool:
        """False when nobody listens to any of these fields, here or elsewhere."""
        return not self._bus.alone or any(self._index.hears(field) for field in fields)

    def join(self, topic: Topic, listener: Listener) -> None:
        """From here on nothing is missed: every process hears all events all the time."""
        self._index.add(topic, listener)

    def leave(self, topic: Topic, listener: Listener) -> None:
        self._index.remove(topic, listener)

    def publish(self, fields: Sequence[str], payload: Payload) -> None:
        """Send an event to the listeners of these subscription fields, here and elsewhere. Never waits or raises.

        Args:
            payload: plain data under the SDL's names, as JSON will hold it.
        """
        message = Message.event(fields, payload, self._ledger.entries(fields, payload))
        if len(message.content) > MOST_BYTES:
            log.error("an event of %s is too large: %d bytes", ", ".join(fields), len(message.content))
            self.report_gap(fields)
            return
        self._bus.send(message)
        self._ledger.note(message.shown)
        self._accept(message, payload)

    def report_gap(self, fields: Sequence[str]) -> None:
        """Events of these fields are lost; their listeners in all processes are told."""
        message = Message.gap(fields)
        self._bus.send(message)
        self._accept(message, None)

    def recheck(self, user_id: str) -> None:
        """Have the other processes look again at what this user may hear."""
        self._bus.send(Message.recheck(user_id))

    def lose_continuity(self) -> None:
        """All listeners of this process may have missed something."""
        self._waiting.clear()
        self._waiting_bytes = 0
        _interrupt(self._index.all_of(None))

    def _received(self, message: Message) -> None:
        """From another process."""
        self._ledger.note(message.shown)
        if message.kind == "recheck":
            self._rechecked(message.about[0])
        elif any(self._index.hears(field) for field in message.about):
            self._accept(message, None)

    def _accept(self, message: Message, payload: Payload | None) -> None:
        self._waiting.append((message, payload, time.perf_counter()))
        self._waiting_bytes += len(message.content)
        if len(self._waiting) > MOST_WAITING or self._waiting_bytes > MOST_WAITING_BYTES:
            log.error("%d events wait to be delivered: too many", len(self._waiting))
            self.lose_continuity()
        self._came.set()

    async def _deliver(self) -> None:
        while True:
            await self._came.wait()
            self._came.clear()
            while self._waiting:
                message, payload, came_at = self._waiting.popleft()
                self._waiting_bytes -= len(message.content)
                if message.kind == "gap":
                    self._tell_of_gap(message.about)
                else:
                    listeners = await self._hand_out(message, payload)
                    self._handed_out(time.perf_counter() - came_at, listeners)
                await asyncio.sleep(0)

    async def _hand_out(self, message: Message, payload: Payload | None) -> int:
        """To how many listeners."""
        event: Payload = message.payload() if payload is None else payload
        done = 0
        for field in message.about:
            for group in self._index.matching(field, event):
                listeners = list(group.listeners)
                try:
                    shown = group.encode(event)
                except Exception:  # an event that cannot be shown must not silence all that follow
                    log.exception("an event of %s could not be shown", field)
                    _interrupt(listeners)
                    continue
                for listener in listeners:
                    if listener.live:
                        listener.deliver(shown)
                    done += 1
                    if done % SLICE == 0:
                        await asyncio.sleep(0)
        return done

    def _tell_of_gap(self, fields: Sequence[str]) -> None:
        _interrupt(self._index.all_of(fields))


def _interrupt(listeners: Sequence[Listener]) -> None:
    for listener in listeners:
        listener.lose_continuity()


def _split(arguments: Arguments) -> tuple[tuple[str, ...], tuple[Hashable, ...]]:
    return tuple(name for name, _ in arguments), tuple(value for _, value in arguments)


def _hashable(value: Any) -> Hashable:
    """Lists and objects are no arguments' values, so they equal none."""
    return _NOTHING if isinstance(value, list | dict) else value


_NOTHING = object()
