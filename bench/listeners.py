"""A process of many subscribers, one socket each: raw sockets and epoll, a few microseconds for a message.

Its argument is a file with a Plan. It obeys lines of JSON on stdin, and answers each with one on stdout:
`{"open": N}` when the first N of the plan are subscribed, `{"hear": N, "seconds": S}` with what was heard.
"""

import select
import socket
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from app.open_files import allow_many_files

AT_ONCE = 50
PATIENCE_SECONDS = 30.0
KEEP_ALIVE = b'{"type":"ka"}'
_TEXT = 0x81
_CLOSE = 0x88


class Step(msgspec.Struct, frozen=True):
    """A text that is sent, and the types of the frames that answer it, in order."""

    says: str
    hears: tuple[str, ...]


class Opening(msgspec.Struct, frozen=True):
    """How one subscriber begins.

    Attributes:
        offers: the sub-protocols, as in the handshake's header.
    """

    offers: str
    steps: tuple[Step, ...]


class Plan(msgspec.Struct, frozen=True):
    port: int
    openings: tuple[Opening, ...]


class Heard(msgspec.Struct, frozen=True):
    """What came since the last time.

    Attributes:
        counts: texts of each subscriber, in the order of the plan. What comes to one again is not counted again: events
            may be repeated, and say by their numbers that they are.
        closed: subscribers whom the server has closed since they began; they hear no more.
        copies: to how many each different text came.
        last_at: time.monotonic() of the last one; it is the same clock in all processes.
        cpu_seconds: that listening took.
    """

    counts: tuple[int, ...]
    closed: int
    copies: dict[str, int]
    last_at: float
    cpu_seconds: float


class Order(msgspec.Struct, frozen=True):
    """One line of stdin."""

    open: int = 0
    hear: int = 0
    seconds: float = 0


class Subscriber:
    """One blocking socket."""

    def __init__(self, port: int, opening: Opening) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), PATIENCE_SECONDS)
        self.opening = opening
        self.heard = 0
        self.known: set[int] = set()
        self.rest = b""

    def ask(self) -> None:
        address, port = self.socket.getpeername()
        self.socket.sendall(
            f"GET /graphql HTTP/1.1\r\nHost: {address}:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Protocol: {self.opening.offers}\r\n\r\n".encode()
        )

    def be_let_in(self) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            head += self._read()
        if not head.startswith(b"HTTP/1.1 101"):
            raise RuntimeError(head.decode("latin-1"))
        self.rest = head.partition(b"\r\n\r\n")[2]

    def say(self, text: str) -> None:
        """Masked, as clients have to, with zeros."""
        data = text.encode()
        size = bytes((0x80 | len(data),)) if len(data) < 126 else b"\xfe" + len(data).to_bytes(2, "big")
        self.socket.sendall(bytes((_TEXT,)) + size + bytes(4) + data)

    def hear(self, types: Sequence[str]) -> None:
        heard: list[bytes] = []
        while len(heard) < len(types):
            texts, self.rest = whole_texts(self.rest)
            heard += texts
            if len(heard) < len(types):
                self.rest += self._read()
        if [msgspec.json.decode(text)["type"] for text in heard] != list(types):
            raise RuntimeError(f"instead of {types} came {heard}")

    def _read(self) -> bytes:
        data = self.socket.recv(65_536)
        if not data:
            raise RuntimeError("the server closed the connection")
        return data


class Listeners:
    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._all: list[Subscriber] = []
        self._by_file: dict[int, Subscriber] = {}
        self._epoll = select.epoll()
        self._closed = 0

    def open(self, total: int) -> None:
        """Subscribes those of the plan that are not yet, up to this many altogether."""
        while len(self._all) < total:
            end = min(total, len(self._all) + AT_ONCE)
            fresh = [Subscriber(self._plan.port, each) for each in self._plan.openings[len(self._all) : end]]
            for each in fresh:
                each.ask()
            for each in fresh:
                each.be_let_in()
            for place in range(len(fresh[0].opening.steps)):
                for each in fresh:
                    each.say(each.opening.steps[place].says)
                for each in fresh:
                    each.hear(each.opening.steps[place].hears)
            for each in fresh:
                each.socket.setblocking(False)
                self._by_file[each.socket.fileno()] = each
                self._epoll.register(each.socket, select.EPOLLIN)
            self._all += fresh

    def hear(self, total: int, seconds: float) -> Heard:
        """Until so many texts have come or so much time has passed."""
        began, last_at = time.process_time(), time.monotonic()
        deadline = last_at + seconds
        copies: Counter[bytes] = Counter()
        heard = 0
        while heard < total and (left := deadline - time.monotonic()) > 0:
            ready = self._epoll.poll(left)
            for file, _ in ready:
                for text in self._read(file):
                    copies[text] += 1
                    heard += 1
            last_at = time.monotonic()
        counts = tuple(each.heard for each in self._all)
        for each in self._all:
            each.heard = 0
        told = {text.decode(): count for text, count in copies.items()}
        return Heard(counts, self._closed, told, last_at, time.process_time() - began)

    def _read(self, file: int) -> Iterator[bytes]:
        subscriber = self._by_file[file]
        try:
            data = subscriber.socket.recv(65_536)
        except ConnectionError:
            data = b""
        if not data:
            self._epoll.unregister(file)
            self._closed += 1
            return
        texts, subscriber.rest = whole_texts(subscriber.rest + data)
        for text in texts:
            mark = hash(text)
            if text != KEEP_ALIVE and mark not in subscriber.known:
                subscriber.known.add(mark)
                subscriber.heard += 1
                yield text


def whole_texts(data: bytes) -> tuple[list[bytes], bytes]:
    """The texts of whole frames, and what is left: for good, once the server says that it closes.

    Raises RuntimeError for any other frame.
    """
    texts = []
    at, end = 0, len(data)
    while end - at >= 2:
        size, start = data[at + 1], at + 2
        if size >= 126:
            start = at + (4 if size == 126 else 10)
            size = int.from_bytes(data[at + 2 : start], "big")
        if start + size > end or data[at] == _CLOSE:
            break
        if data[at] != _TEXT:
            raise RuntimeError(f"no text: {data[at:]!r}")
        texts.append(data[start : start + size])
        at = start + size
    return texts, data[at:]


def main() -> None:
    allow_many_files()
    listeners = Listeners(msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=Plan))
    for line in sys.stdin:
        order = msgspec.json.decode(line, type=Order)
        if order.open:
            listeners.open(order.open)
        heard = listeners.hear(order.hear, order.seconds)
        sys.stdout.write(msgspec.json.encode(heard).decode() + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
