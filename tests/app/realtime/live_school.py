"""A school whose events arrive, within one process and without sockets."""

from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
from graphql import GraphQLSchema

from app.execution import Executor, GraphQLRequest
from app.realtime.live import Subscription
from app.realtime.realtime import RealTime
from app.repairs import MARKS
from datasources.ports import RecordStore, SearchIndex
from domain.callers import USER_MODES
from domain.chat_limits import ChatLimits
from tests.runtimes import Server
from tests.school import Client, Clock, School

UNLIMITED = ChatLimits(
    room_changes_per_second=1e6, room_burst=1_000_000, user_changes_per_second=1e6, user_burst=1_000_000
)


class LiveSchool(School):
    realtime: RealTime

    async def publish(self, mutation: str, /, **key: Any) -> None:
        await self.realtime.publish(mutation, **key)

    async def recheck(self, user_id: str, *, after_seconds: float = 0) -> None:
        await self.realtime.recheck(user_id, after_seconds=after_seconds)


class Ear:
    """One subscription: it keeps what it hears."""

    def __init__(self) -> None:
        self.live = True
        self.heard: list[Any] = []
        self.errors: list[Any] = []
        self.gaps = 0

    def deliver(self, payload: bytes) -> None:
        [value] = orjson.loads(payload)["data"].values()
        self.heard.append(value)

    def lose_continuity(self) -> None:
        self.gaps += 1

    def end(self, errors: list[Any]) -> None:
        self.errors = errors


@pytest.fixture
async def school(store: RecordStore, search: SearchIndex, bound_schema: GraphQLSchema) -> AsyncIterator[LiveSchool]:
    school = LiveSchool(store, search, bound_schema, Clock(), UNLIMITED)
    school.realtime = RealTime(bound_schema, USER_MODES, "memory://", MARKS)
    executor = Executor(bound_schema, mutated=school.realtime.mutated)
    school.runtime = Server(bound_schema, school.accounts.admit, school.context, executor)
    school.realtime.connect(executor, school.context, school.accounts, school.clock.now)
    async with school.realtime.running():
        yield school


async def listen(client: Client, query: str, **variables: Any) -> tuple[Ear, Subscription]:
    ear = Ear()
    assert isinstance(client.school, LiveSchool)
    live = client.school.realtime.live
    return ear, await live.start(GraphQLRequest(query, variables), client.caller, ear)
