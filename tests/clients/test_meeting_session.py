"""amazon-chime-sdk-js, unmodified, takes what joinMeeting answers, whichever engine carries the meeting."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from graphql import GraphQLSchema

from datasources.aws.search import TermSearch
from datasources.local.sqlite import SQLiteStore
from tests.calling import chime, chime_calls
from tests.resolvers.meeting import join, live_meeting
from tests.school import Clock, School


@pytest.fixture(params=["local", "chime"])
async def school(request: pytest.FixtureRequest, tmp_path: Path, bound_schema: GraphQLSchema) -> AsyncIterator[School]:
    clock = Clock()
    async with SQLiteStore.open(tmp_path / "records.db") as store, chime(clock) as (engine, service):
        calls = None if request.param == "local" else chime_calls(engine, service)
        yield School(store, TermSearch(store), bound_schema, clock, calls=calls)


async def test_a_session_is_configured_by_the_answer(school: School, node: Path) -> None:
    ada = school.as_("ada", "Mentors")
    joined = await join(ada, await live_meeting(school, ada))
    process = await asyncio.create_subprocess_exec(
        "node",
        node / "meeting_session.mjs",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )

    output, faults = await asyncio.wait_for(process.communicate(json.dumps(joined).encode()), 60)

    assert process.returncode == 0, faults.decode()
    placement = joined["mediaPlacement"]
    assert json.loads(output) == {
        "meetingId": joined["chimeMeetingId"],
        "attendeeId": joined["chimeAttendeeId"],
        "externalUserId": ada.id,
        "joinToken": joined["joinToken"],
        "audioHostURL": placement["audioHostUrl"],
        "signalingURL": placement["signalingUrl"],
        "turnControlURL": placement["turnControlUrl"],
        "eventIngestionURL": placement["eventIngestionUrl"],
    }
