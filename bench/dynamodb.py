"""What one operation of DynamoDB costs its client: our store and its client, against requests signed by hand."""

import asyncio
import random
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aioboto3
import aiohttp

from app.server import new_event_loop
from bench import canned_dynamodb, collector, servers
from bench.peers.signed_requests import SignedRequests
from bench.report import Result
from datasources.aws.attributes import from_wire
from datasources.aws.dynamodb import DynamoDBStore
from datasources.aws.dynamodb_client import open_client
from datasources.ports import Change, Put
from datasources.tables import MESSAGES, ROOMS
from datasources.updates import Add, Set

ROUNDS = 25
REQUESTS = 400
"""Of one client in one round."""
AT_ONCE = 16
LEAST_RATIO = 1 / 1.7
REGION, PREFIX = "eu-central-1", "bench-"
_KEY, _SECRET, _TOKEN = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "t" * 600
STORE, CLIENT = "our store", "our client"
BY_HAND, VENDOR = "a request signed by hand", "aioboto3's client"

Call = Callable[[], Awaitable[Any]]
Calls = dict[str, dict[str, Call]]
"""By operation, by who sends it."""

_METHODS = {
    "get": "get_item",
    "put": "put_item",
    "query of 20": "query",
    "transaction of two": "transact_write_items",
}


def measure() -> list[Result]:
    command = servers.python("bench.canned_dynamodb")
    with (
        servers.serve("canned DynamoDB", command, {}) as server,
        servers.off_their_core(),
        asyncio.Runner(loop_factory=new_event_loop) as runner,
    ):
        return runner.run(_measure(f"http://127.0.0.1:{server.port}"))


async def _measure(url: str) -> list[Result]:
    async with _open(url) as calls:
        for name, senders in calls.items():
            await _check(name, senders)
        with collector.as_in_the_product():
            return [result for name, senders in calls.items() for result in await _compare(name, senders)]


@asynccontextmanager
async def _open(url: str) -> AsyncIterator[Calls]:
    """All clients send the requests that the store makes."""
    session = aioboto3.Session(_KEY, _SECRET, _TOKEN, region_name=REGION)
    async with (
        open_client(region=REGION, endpoint_url=url, session=session) as client,
        session.client("dynamodb", endpoint_url=url) as vendor,
        aiohttp.ClientSession() as http,
    ):
        by_hand = SignedRequests(http, url, REGION, _KEY, _SECRET, _TOKEN)
        recorder = _Recorder(client)
        recorded = _operations(DynamoDBStore(recorder, None, PREFIX))  # type: ignore[arg-type] # all that is called
        store = _operations(DynamoDBStore(client, None, PREFIX))
        calls: Calls = {}
        for name, call in recorded.items():
            await call()
            method, request = recorder.last
            operation = "".join(part.title() for part in method.split("_"))
            calls[name] = {
                STORE: store[name],
                CLIENT: _bound(getattr(client, method), request),
                BY_HAND: _by_hand(by_hand, operation, request),
                VENDOR: _bound(getattr(vendor, method), request),
            }
        yield calls


def _operations(store: DynamoDBStore) -> dict[str, Call]:
    message = from_wire(canned_dynamodb.item(0))
    key, room = {"messageId": message["messageId"]}, {"roomId": message["roomId"]}
    one_more = Change(ROOMS, room, [Add("sequence", 1), Set("lastMessageAt", message["timestamp"])])
    return {
        "get": lambda: store.get(MESSAGES, key),
        "put": lambda: store.put(MESSAGES, message),
        "query of 20": lambda: store.query(
            MESSAGES, message["roomId"], index="RoomIdTimestampIndex", limit=canned_dynamodb.PAGE, descending=True
        ),
        "transaction of two": lambda: store.transact([Put(MESSAGES, message), one_more]),
    }


class _Recorder:
    """Remembers what the store asks of its client."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.last: tuple[str, dict[str, Any]] = ("", {})

    def __getattr__(self, method: str) -> Callable[..., Awaitable[Any]]:
        async def call(**request: Any) -> Any:
            self.last = method, request
            return await getattr(self._client, method)(**request)

        return call


def _bound(method: Callable[..., Awaitable[Any]], request: Mapping[str, Any]) -> Call:
    return lambda: method(**request)


def _by_hand(by_hand: SignedRequests, operation: str, request: Mapping[str, Any]) -> Call:
    return lambda: by_hand.send(operation, request)


async def _check(name: str, senders: Mapping[str, Call]) -> None:
    """Raises RuntimeError unless all clients read the same."""
    answers = {sender: await call() for sender, call in senders.items()}
    wire = {sender: answer for sender, answer in answers.items() if sender != STORE}
    for answer in wire.values():
        answer.pop("ResponseMetadata", None)
    if any(answer != wire[BY_HAND] for answer in wire.values()):
        raise RuntimeError(f"clients read different answers to {name}: {wire}")
    expected = [from_wire(item) for item in wire[BY_HAND].get("Items", [wire[BY_HAND].get("Item", {})])]
    read = answers[STORE].items if name.startswith("query") else [answers[STORE] or {}]
    if read != expected:
        raise RuntimeError(f"the store reads {read} as answer to {name}")


async def _compare(name: str, senders: Mapping[str, Call]) -> list[Result]:
    costs: dict[str, list[float]] = {sender: [] for sender in senders}
    for call in senders.values():
        await _cost(call)
    for _ in range(ROUNDS):
        for sender in random.sample(list(senders), len(senders)):
            costs[sender].append(await _cost(senders[sender]))
    return [
        _result(name, ours, peer, costs[ours], costs[peer]) for ours in (STORE, CLIENT) for peer in (BY_HAND, VENDOR)
    ]


async def _cost(call: Call) -> float:
    """Microseconds of this process for one request."""

    async def some(count: int) -> None:
        for _ in range(count):
            await call()

    before = time.process_time()
    await asyncio.gather(*(some(len(range(number, REQUESTS, AT_ONCE))) for number in range(AT_ONCE)))
    return (time.process_time() - before) / REQUESTS * 1e6


def _result(name: str, ours: str, peer: str, own: list[float], theirs: list[float]) -> Result:
    ratio = statistics.median(its / mine for mine, its in zip(own, theirs, strict=True))
    least = LEAST_RATIO if peer == BY_HAND else None
    what = f"DynamoDB, {name}, {ours} against {peer}"
    return Result(what, statistics.median(own), statistics.median(theirs), "us CPU", ratio, least)
