"""A running server for a school of notes: real sockets around resolvers and rights that a test holds in its hands.

Who connects says so in plain words: the token "ada", "ada:Mentors" or "ada::2036-09-01T08:00:10.000Z" is a user with
groups and an end; any API key but "wrong" is good.
"""

import asyncio
import base64
import contextlib
import io
import signal
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import aiohttp
import msgspec
import orjson

from app import logs, scalars, sdl
from app.auth.credentials import Credentials, ReadOperation
from app.auth.errors import EXPIRED_TOKEN, MISSING, REFUSED, Unauthenticated
from app.binding import bind
from app.execution import Answer, Executor, GraphQLRequest
from app.http.application import application
from app.http.health import Health
from app.plans.cache import Plans
from app.realtime.doorman import Doorman
from app.realtime.realtime import RealTime
from app.realtime.services import Services, socket_services
from app.server import Server, bound_socket, server
from app.settings import Settings
from domain.callers import USER_MODES, Caller, Mode
from domain.errors import Code, DomainError, bad_request, not_found
from domain.records import Record
from domain.times import Timestamp, timestamp
from resolvers.registry import Registry
from tests.waiting import PATIENCE_SECONDS

SDL = """
schema { query: Query mutation: Mutation subscription: Subscription }
type Query { note(id: ID!): Note }
type Mutation {
  write(id: ID!, roomId: ID!, text: String, level: Int): Note
  publishNote(id: ID!): Note @aws_iam
  type(roomId: ID!, text: String): Typing
  leave(roomId: ID!, userId: ID!): Boolean
}
type Subscription {
  onNote(roomId: ID, authorId: ID, level: Int): Note @aws_subscribe(mutations: ["publishNote"])
  onTyping(roomId: ID, userId: ID): Typing @aws_subscribe(mutations: ["type"])
  onStaffNote: Note @aws_subscribe(mutations: ["publishNote"]) @aws_cognito_user_pools(cognito_groups: ["Mentors"])
  onImportantNote(roomId: ID): Note @aws_subscribe(mutations: ["publishNote"])
  onOpenNote: Note @aws_subscribe(mutations: ["publishNote"]) @aws_api_key @aws_cognito_user_pools
  onSlowNote: Note @aws_subscribe(mutations: ["publishNote"]) @aws_cognito_user_pools(cognito_groups: ["Mentors"])
  onBrokenNote: Note @aws_subscribe(mutations: ["publishNote"])
}
type Note @aws_cognito_user_pools @aws_iam @aws_api_key {
  id: ID!
  roomId: ID!
  authorId: ID!
  author: Author
  text: String
  level: Int
  myVote: Int
  grade: String @aws_cognito_user_pools(cognito_groups: ["Mentors"]) @aws_iam
  parent: Note
}
type Author @aws_cognito_user_pools @aws_iam { id: ID! name: String! }
type Typing { roomId: ID! userId: ID! text: String note: Note }
"""


class Note(Record, frozen=True):
    id: str
    room_id: str
    author_id: str
    text: str | None = None
    level: int | None = None
    my_vote: int | None = 7
    grade: str | None = "A"


class Author(Record, frozen=True):
    id: str
    name: str


class Typing(Record, frozen=True):
    room_id: str
    user_id: str
    text: str | None = None


@dataclass
class World:
    """What is stored, and who may what.

    Attributes:
        gate: held closed, it keeps the gate of onSlowNote waiting.
        broken: the store of members does not answer.
    """

    notes: dict[str, Note] = field(default_factory=dict)
    members: dict[str, set[str]] = field(default_factory=lambda: {"a": {"ada", "bob"}, "b": {"ada"}})
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    at_gate: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))
    broken: bool = False
    suspended: set[str] = field(default_factory=set)
    signed_out: set[str] = field(default_factory=set)
    revoked_keys: set[str] = field(default_factory=set)
    groups: dict[str, frozenset[str]] = field(default_factory=dict)
    moment: datetime = field(default_factory=lambda: datetime(2036, 9, 1, 8, tzinfo=UTC))

    def now(self) -> Timestamp:
        return timestamp(self.moment)


def _registry(world: World) -> Registry:
    registry = Registry()

    @registry.field("Query.note")
    async def note(ctx: Any, *, id: str) -> Note | None:
        return world.notes.get(id)

    @registry.field("Mutation.write")
    async def write(ctx: Any, *, id: str, room_id: str, text: str | None = None, level: int | None = None) -> Note:
        world.notes[id] = Note(id, room_id, ctx.caller.id, text, level)
        await ctx.publish("publishNote", id=id)
        return world.notes[id]

    @registry.field("Mutation.publishNote")
    async def publish_note(ctx: Any, *, id: str) -> Note | None:
        return world.notes.get(id)

    @registry.field("Mutation.type")
    async def type_(ctx: Any, *, room_id: str, text: str | None = None) -> Typing | None:
        return None if text == "nothing" else Typing(room_id, ctx.caller.id, text)

    @registry.field("Mutation.leave")
    async def leave(ctx: Any, *, room_id: str, user_id: str) -> bool:
        world.members[room_id].discard(user_id)
        await ctx.recheck(user_id)
        return True

    @registry.batch("Note.author")
    async def authors(ctx: Any, notes: list[Note]) -> list[Author]:
        return [Author(each.author_id, each.author_id.capitalize()) for each in notes]

    @registry.batch("Note.parent")
    async def parents(ctx: Any, notes: list[Note]) -> list[Note | None]:
        return [None for _ in notes]

    @registry.batch("Typing.note")
    async def typed(ctx: Any, typings: list[Typing]) -> list[Note | None]:
        return [Note("n", each.room_id, each.user_id, each.text) for each in typings]

    async def require_member(ctx: Any, room_id: str | None) -> None:
        if world.broken:
            raise DomainError(Code.DEPENDENCY_FAILED, "The store did not answer.")
        if room_id is None:
            raise bad_request("roomId", "REQUIRED", "The filter roomId is required.")
        if ctx.caller.id not in world.members.get(room_id, ()):
            raise not_found("room")

    @registry.field("Subscription.onNote")
    async def on_note(
        ctx: Any, *, room_id: str | None = None, author_id: str | None = None, level: int | None = None
    ) -> None:
        await require_member(ctx, room_id)

    @registry.field("Subscription.onTyping")
    async def on_typing(ctx: Any, *, room_id: str | None = None, user_id: str | None = None) -> None:
        await require_member(ctx, room_id)

    @registry.field("Subscription.onImportantNote")
    async def on_important_note(ctx: Any, *, room_id: str | None = None) -> Mapping[str, Any]:
        return {"filterGroup": [{"filters": [{"fieldName": "level", "operator": "ge", "value": 5}]}]}

    @registry.field("Subscription.onSlowNote")
    async def on_slow_note(ctx: Any) -> None:
        world.at_gate.release()
        await world.gate.wait()

    @registry.field("Subscription.onBrokenNote")
    async def on_broken_note(ctx: Any) -> None:
        raise RuntimeError("a bug with a secret in it")

    @registry.field("Subscription.onStaffNote")
    async def on_staff_note(ctx: Any) -> None: ...

    @registry.field("Subscription.onOpenNote")
    async def on_open_note(ctx: Any) -> None: ...

    return registry


class Product:
    """What app/wiring.py makes of settings, made of a world."""

    def __init__(self, world: World, bus_url: str = "memory://") -> None:
        self.world = world
        self.identified: list[Credentials] = []
        schema = sdl.build(sdl.merge({"notes.graphql": SDL}))
        scalars.install(schema)
        bind(schema, _registry(world), {"Note": Note, "Author": Author, "Typing": Typing}, USER_MODES)
        self.realtime = RealTime(schema, USER_MODES, bus_url)
        self.executor = Executor(schema, mutated=self.realtime.mutated, plans=Plans(schema, at_once=True))
        self.realtime.connect(self.executor, self.context, self, world.now)

    def context(self, caller: Caller) -> Any:
        return SimpleNamespace(caller=caller, publish=self.realtime.publish, recheck=self.realtime.recheck)

    def recognize(self, headers: Mapping[bytes, bytes], ip_address: str | None) -> Caller | None:
        return None

    async def identify(self, credentials: Credentials, operation: ReadOperation) -> Caller:
        operation()
        self.identified.append(credentials)
        key, token = credentials.value("x-api-key"), credentials.value("authorization")
        if key == "wrong" or token == "wrong":
            raise Unauthenticated(REFUSED)
        if key is not None:
            return Caller(Mode.API_KEY, ip_address=credentials.ip_address, key_id=key)
        if token is None:
            raise Unauthenticated(MISSING)
        if token.startswith("AWS4-HMAC-SHA256"):
            return Caller(Mode.IAM)
        user_id, _, rest = token.partition(":")
        groups, _, expires_at = rest.partition(":")
        if expires_at and expires_at <= self.world.now():
            raise Unauthenticated(EXPIRED_TOKEN)
        listed = frozenset(each for each in groups.split("+") if each)
        ends = Timestamp(expires_at) if expires_at else None
        return Caller(Mode.COGNITO, user_id=user_id, groups=listed, expires_at=ends)

    async def admit(self, caller: Caller) -> Caller:
        if caller.user_id in self.world.signed_out:
            raise DomainError(Code.UNAUTHORIZED_REQUEST, REFUSED)
        groups = self.world.groups.get(str(caller.user_id), caller.groups)
        return msgspec.structs.replace(caller, suspended=caller.user_id in self.world.suspended, groups=groups)

    async def readmit(self, caller: Caller) -> Caller:
        if caller.key_id in self.world.revoked_keys:
            raise DomainError(Code.UNAUTHORIZED_REQUEST, REFUSED)
        return await self.admit(caller)

    def forget(self, caller: Caller) -> None:
        """It remembers nothing."""

    async def execute(self, request: GraphQLRequest, caller: Caller, request_id: str) -> Answer:
        return await self.executor.execute(request, self.context(caller), request_id)


class Talk:
    """A client on a socket that says and hears JSON."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket

    @property
    def protocol(self) -> str | None:
        return self.socket.protocol

    async def say(self, *frames: Any) -> None:
        for frame in frames:
            await self.socket.send_bytes(frame) if isinstance(frame, bytes) else await self.socket.send_str(
                frame if isinstance(frame, str) else orjson.dumps(frame).decode()
            )

    async def hear(self) -> Any:
        """The next frame. Fails when the server closes instead."""
        message = await self.socket.receive(PATIENCE_SECONDS)
        assert message.type is aiohttp.WSMsgType.TEXT, (message, self.socket.close_code)
        return orjson.loads(message.data)

    async def hear_all(self, count: int) -> list[Any]:
        return [await self.hear() for _ in range(count)]

    async def closing(self) -> tuple[int | None, str]:
        """The close code and reason, whatever comes before them."""
        while True:
            message = await self.socket.receive(PATIENCE_SECONDS)
            if message.type is aiohttp.WSMsgType.CLOSE:
                return message.data, message.extra or ""
            assert message.type is aiohttp.WSMsgType.TEXT, message

    async def start(self, id: str, query: str, user: str = "ada", **variables: Any) -> Any:
        """Subscribes in AppSync's protocol; the answer."""
        await self.say(start(id, query, user, **variables))
        return await self.hear()


def start(id: str, query: str, user: str = "ada", **variables: Any) -> dict[str, Any]:
    data = orjson.dumps({"query": query, "variables": variables}).decode()
    return {"id": id, "type": "start", "payload": {"data": data, "extensions": {"authorization": header(user)}}}


def header(token: str) -> dict[str, str]:
    return {"host": "localhost", "Authorization": token}


@dataclass
class Site:
    """One server on a free port of 127.0.0.1."""

    product: Product
    services: Services
    server: Server
    health: Health
    port: int
    client: aiohttp.ClientSession
    log: io.StringIO
    stopped: "asyncio.Task[None]"

    @property
    def world(self) -> World:
        return self.product.world

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [orjson.loads(line) for line in self.log.getvalue().splitlines()]

    @property
    def troubles(self) -> list[dict[str, Any]]:
        return [line for line in self.lines if line["level"] in ("WARNING", "ERROR")]

    def terminate(self) -> None:
        """What SIGTERM does."""
        self.server.handle_exit(signal.SIGTERM, None)

    async def dial(self, path: str = "/graphql/realtime", *protocols: str, **options: Any) -> Talk:
        """An open socket on which nothing was said yet; in AppSync's protocol by default."""
        offered = protocols or ("graphql-ws", "header-" + encoded(header("ada")))
        url = f"http://127.0.0.1:{self.port}{path}"
        return Talk(await self.client.ws_connect(url, protocols=offered, max_msg_size=0, **options))

    async def connect(self, user: str = "ada") -> Talk:
        """A socket that was acknowledged."""
        talk = await self.dial("/graphql/realtime", "graphql-ws", "header-" + encoded(header(user)))
        await talk.say({"type": "connection_init"})
        assert (await talk.hear())["type"] == "connection_ack"
        assert await talk.hear() == {"type": "ka"}
        return talk

    async def run(self, query: str, user: str = "ada", **variables: Any) -> Any:
        """An operation over HTTP: the whole payload."""
        body = {"query": query, "variables": variables}
        async with self.client.post(
            f"http://127.0.0.1:{self.port}/graphql", json=body, headers={"authorization": user}
        ) as response:
            return orjson.loads(await response.read())

    async def write(self, id: str, room_id: str = "a", user: str = "ada", **more: Any) -> None:
        """Stores a note, which is then published."""
        query = """mutation ($id: ID!, $r: ID!, $t: String, $l: Int) {
            write(id: $id, roomId: $r, text: $t, level: $l) { id }
        }"""
        payload = await self.run(query, user, id=id, r=room_id, t=more.get("text"), l=more.get("level"))
        assert "errors" not in payload, payload


def encoded(value: Any) -> str:
    """As Amplify puts it into a sub-protocol."""
    return base64.urlsafe_b64encode(orjson.dumps(value)).decode().rstrip("=")


@contextlib.asynccontextmanager
async def running_site(**chosen: Any) -> AsyncIterator[Site]:
    """Args: chosen: settings by their names."""
    environment = {"PORT": "0", "DRAIN_NOTICE_SECONDS": "0", "RATE_BURST": "100000", "GRAPHIQL": "false"}
    settings = Settings.load(environment | {name.upper(): str(value) for name, value in chosen.items()})
    log = io.StringIO()
    access_log = logs.configure(settings.log_level, log)
    product = Product(World(), settings.redis_url or "memory://")
    services = socket_services(cast("Any", product), settings)
    health = Health(_well)
    front = application(
        cast("Any", product), settings, health, issuer=None, graphiql=None, access_log=access_log, sockets=services
    )
    doorman = Doorman(services, settings.cors_origins, settings.trusted_proxies, access_log)
    listener = bound_socket(settings.host, settings.port)
    started = asyncio.Event()
    instance = server(front, health, settings, started.set, doorman)
    async with product.realtime.running():
        task = asyncio.create_task(instance.serve(sockets=[listener]))
        await started.wait()
        port = listener.getsockname()[1]
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as client:
            try:
                yield Site(product, services, instance, health, port, client, log, task)
            finally:
                product.world.gate.set()
                await client.close()
                instance.should_exit = True
                await task


async def _well() -> None:
    """Every dependency answers."""
