"""Many people at once on the product as it runs, on SQLite.

Each listens to a room and asks something every few seconds, and in all rooms they talk.
"""

import asyncio
import itertools
import json
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from app.open_files import allow_many_files
from app.server import new_event_loop
from bench import crowd, servers, stored_school
from bench.audience import Audience, appsync, audience
from bench.connection import Connection, post
from bench.listeners import Order
from bench.report import Result
from bench.servers import Server

ROOMS = 50
SECONDS = 30.0
SECONDS_BETWEEN_QUESTIONS = 5.0
SECONDS_BETWEEN_MESSAGES = 1.0
"""In each room."""
PATIENCE_SECONDS = 10.0
LATE_SECONDS = 30.0
"""After all was said, for what has not been heard yet."""
SETTLE_SECONDS = 2.0

MOST_MEAN_MILLISECONDS = 245.0
MOST_ERRORS = 0.001

LISTEN = "subscription Listen($room: ID!) { onMessage(roomId: $room) { id sequence senderId body sentAt } }"
SEND = "mutation Send($input: SendMessageInput!) { sendMessage(input: $input) { id sequence } }"
INBOX = "query Inbox { listMyRooms(limit: 20) { items { lastReadSequence room { id name lastSequence } } } }"
HISTORY = """query History($room: ID!) { listMessages(roomId: $room, limit: 20) {
    items { id sequence body sentAt sender { id displayName } } } }"""

Question = Mapping[str, Any]
"""A GraphQL request's JSON object."""


def measure(users: int = 2_500, seconds: float = SECONDS) -> list[Result]:
    """Args: users: a multiple of ROOMS."""
    allow_many_files()
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent) / "data"
        asyncio.run(stored_school.plant(folder))
        members = asyncio.run(crowd.plant(folder, users, ROOMS))
        command = servers.python("app", "serve")
        product = servers.serve("EduConnect", command, {}, all_cores=True, DATA_DIR=str(folder), SEED_DEMO="off")
        openings = [appsync(LISTEN, member.room_id, member.token) for member in members]
        with product as server, audience(server.port, openings) as listeners:
            listeners.listen(Order(open=users))
            listeners.heard()
            crew = Crew(server, members, seconds)
            with asyncio.Runner(loop_factory=new_event_loop) as runner:
                return crew.results(*runner.run(crew.work(listeners)))


class Line:
    """One person's connection, kept alive from the first question on; and what became of all questions.

    Args:
        milliseconds: takes the time of each answer.
        errors: counts what was wrong.
    """

    def __init__(self, port: int, milliseconds: list[float], errors: Counter[str]) -> None:
        self._port = port
        self._milliseconds = milliseconds
        self._errors = errors
        self._connection: Connection | None = None

    async def ask(self, token: str, question: Question, at: float) -> bytes:
        """Waits until it is time to ask, and measures from then, however late the asking begins."""
        await asyncio.sleep(at - time.monotonic())
        request = post(self._port, {"authorization": token}, json.dumps(question).encode())
        answer = b""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                if self._connection is None:
                    self._connection = await Connection.open(self._port)
                answer = await self._connection.ask(request)
        except (RuntimeError, OSError, EOFError, TimeoutError) as error:
            self._errors[f"{type(error).__name__} {error}".partition("\r\n")[0]] += 1
            self.close()
        self._milliseconds.append((time.monotonic() - at) * 1e3)
        if b'"errors"' in answer:
            self._errors[answer.decode()[:200]] += 1
        return answer

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class Crew:
    """All users at work for some seconds."""

    def __init__(self, server: Server, members: Sequence[crowd.Member], seconds: float) -> None:
        self._server = server
        self._members = members
        self._questions = round(seconds / SECONDS_BETWEEN_QUESTIONS)
        """Of each user."""
        self._messages = round(seconds / SECONDS_BETWEEN_MESSAGES)
        """In each room."""
        self._seconds = seconds
        self._answered: list[float] = []
        self._sent: list[float] = []
        self._errors: Counter[str] = Counter()
        self._acknowledged: set[str] = set()
        """Messages, by id."""
        self._core = 0.0

    async def work(self, listeners: Audience) -> tuple[Counter[str], int]:
        """How often each message was heard, by its id; and how many listeners the server has closed."""
        askers = [Line(self._server.port, self._answered, self._errors) for _ in self._members]
        speakers = [Line(self._server.port, self._sent, self._errors) for _ in range(ROOMS)]
        await self._check(self._members[0])
        await asyncio.sleep(SETTLE_SECONDS)
        deliveries = self._messages * len(self._members)
        listeners.listen(Order(hear=deliveries, seconds=self._seconds + PATIENCE_SECONDS))
        before, start = self._server.cpu_seconds(), time.monotonic()
        async with asyncio.TaskGroup() as tasks:
            for line, member in zip(askers, self._members, strict=True):
                offset = member.number / len(self._members) * SECONDS_BETWEEN_QUESTIONS
                tasks.create_task(self._ask(line, member, start + offset))
            for number, line in enumerate(speakers):
                offset = number / ROOMS * SECONDS_BETWEEN_MESSAGES
                tasks.create_task(self._talk(line, self._members[number::ROOMS], start + offset))
        self._core = (self._server.cpu_seconds() - before) / (time.monotonic() - start)
        for line in askers + speakers:
            line.close()
        return await asyncio.to_thread(self._all_heard, listeners)

    def _all_heard(self, listeners: Audience) -> tuple[Counter[str], int]:
        """Waits for what comes late, too."""
        heard = listeners.heard()
        more = self._messages * len(self._members) - sum(heard.counts)
        listeners.listen(Order(hear=more, seconds=LATE_SECONDS))
        late = listeners.heard()
        copies = Counter[str]()
        for text, count in [*heard.copies.items(), *late.copies.items()]:
            copies[json.loads(text)["payload"]["data"]["onMessage"]["id"]] += count
        return copies, late.closed

    async def _check(self, member: crowd.Member) -> None:
        """Raises RuntimeError unless the answers are whole."""
        line = Line(self._server.port, [], Counter())
        inbox, history, course = [
            json.loads(await line.ask(member.token, question, 0))["data"]
            for question in itertools.islice(_questions(member), 3)
        ]
        line.close()
        rooms = [item["room"]["id"] for item in inbox["listMyRooms"]["items"]]
        said = [each for each in history["listMessages"]["items"] if each["sender"]["displayName"]]
        if rooms != [member.room_id] or len(said) != crowd.SAID or not course["getCourse"]:
            raise RuntimeError(f"users are not answered: {inbox} {history} {course}")

    async def _ask(self, line: Line, member: crowd.Member, start: float) -> None:
        for number, question in enumerate(itertools.islice(_questions(member), self._questions)):
            await line.ask(member.token, question, start + number * SECONDS_BETWEEN_QUESTIONS)

    async def _talk(self, line: Line, members: Sequence[crowd.Member], start: float) -> None:
        for number, speaker in enumerate(itertools.islice(itertools.cycle(members), self._messages)):
            said = {"roomId": speaker.room_id, "body": f"Message {number}: there they are, by the lighthouse."}
            message = {"query": SEND, "variables": {"input": said}}
            answer = await line.ask(speaker.token, message, start + number * SECONDS_BETWEEN_MESSAGES)
            if answer and b'"errors"' not in answer:
                self._acknowledged.add(json.loads(answer)["data"]["sendMessage"]["id"])

    def results(self, copies: Counter[str], closed: int) -> list[Result]:
        what = f"{len(self._members):,} users"
        many = statistics.quantiles(self._answered, n=100)
        asked = len(self._answered) + len(self._sent)
        audience_size = len(self._members) // ROOMS
        due = len(self._acknowledged) * audience_size
        lost = sum(audience_size - copies[each] for each in self._acknowledged)
        for error, count in self._errors.most_common(5):
            print(f"{count} x {error}")
        return [
            Result(
                f"{what}, a query, mean",
                statistics.fmean(self._answered),
                None,
                "ms",
                None,
                MOST_MEAN_MILLISECONDS,
            ),
            *(
                Result(f"{what}, a query, {name}", many[place], None, "ms", None, None)
                for name, place in (("p50", 49), ("p95", 94), ("p99", 98))
            ),
            Result(f"{what}, a message, mean", statistics.fmean(self._sent), None, "ms", None, None),
            Result(f"{what}, errors of {asked:,}", self._errors.total(), None, "", None, asked * MOST_ERRORS),
            Result(f"{what}, lost of {due:,} delivered messages", lost, None, "", None, 0),
            Result(f"{what}, listeners closed by the server", closed, None, "", None, 0),
            Result(f"{what}, server's use of a core", self._core * 100, None, "%", None, None),
        ]


def _questions(member: crowd.Member) -> Iterator[Question]:
    """What one user asks, again and again."""
    return itertools.cycle(
        [
            {"query": INBOX},
            {"query": HISTORY, "variables": {"room": member.room_id}},
            stored_school.REQUESTS["small"],
        ]
    )
