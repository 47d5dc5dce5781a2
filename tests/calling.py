"""Engines of calls under test: Chime over its service description, and our own; and schools that meet over them."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aioboto3

from app.call_engine import CallEngine
from datasources.aws.chime import Chime, open_chime
from tests.chime_service import REGION, ChimeService, running_chime
from tests.school import Clock, School

RECORDINGS = "recordings-of-tests/school"
URL = "https://school.example"
MEDIA_REGIONS = (REGION, "us-east-1")


@asynccontextmanager
async def chime(clock: Clock) -> AsyncIterator[tuple[Chime, ChimeService]]:
    session = aioboto3.Session("emulated", "emulated", region_name=REGION)
    session._session.set_config_variable("ca_bundle", False)  # nothing is encrypted; reading certificates is slow
    async with (
        running_chime(clock.now) as service,
        open_chime(region=REGION, recordings=RECORDINGS, endpoint_url=service.url, session=session) as engine,
    ):
        yield engine, service


class ToldEvents:
    """An `EventQueue` with all that the service told, in that order and each once."""

    def __init__(self, service: ChimeService) -> None:
        self._service = service
        self._taken = 0

    async def receive(self, handle: Callable[[Any], Awaitable[None]]) -> None:
        while self._taken < len(self._service.events):
            event = self._service.events[self._taken]
            self._taken += 1
            await handle(event)


def chime_calls(engine: Chime, service: ChimeService) -> CallEngine:
    return CallEngine(engine, MEDIA_REGIONS, events=ToldEvents(service))


@dataclass(frozen=True)
class Hall:
    """A school that meets, and what its clients do with sound and picture.

    Attributes:
        chime: None over our own engine, at which having credentials counts as being there.
    """

    school: School
    chime: ChimeService | None

    async def enter(self, join: dict[str, Any]) -> None:
        """A client connects with the credentials of a join."""
        if self.chime is not None:
            self.chime.connect(join["chimeMeetingId"], join["chimeAttendeeId"])
        await self.drain()

    async def drain(self) -> None:
        await drain_meetings(self.school)

    @property
    def service(self) -> ChimeService:
        """Of a hall over Chime."""
        assert self.chime is not None
        return self.chime

    async def end_call(self, join: dict[str, Any]) -> None:
        """The Chime meeting ends by itself."""
        if self.chime is not None:
            self.chime.end(join["chimeMeetingId"])
        else:
            await self.school.carrier.engine.delete_meeting(join["chimeMeetingId"])


async def drain_meetings(school: School) -> None:
    """As `School.drain`, but only what follows from meetings, which takes a fraction of the time."""
    await school.drain("meeting", "local-call", "chime-events", "lost-meetings", "recording")
