"""Sites for the tests of sockets and streams."""

from collections.abc import AsyncIterator

import pytest

from tests.app.realtime.site import Site, running_site


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with running_site() as it:
        yield it
        assert [line for line in it.troubles if "error" in line] == [], "nothing is logged with a traceback"
