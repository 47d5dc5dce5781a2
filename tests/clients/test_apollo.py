"""Apollo Client over HTTP, unmodified."""

from pathlib import Path

from tests.clients.conftest import Service
from tests.clients.test_subscriptions import running

QUERY = "query Persisted { getServerInfo { features } }"


async def test_a_persisted_query_sends_its_text_only_once(service: Service, node: Path) -> None:
    headers = {"authorization": service.token("apollo-reader")}
    async with running(
        node / "apollo_persisted.mjs", endpoint=service.endpoint, headers=headers, query=QUERY
    ) as apollo:
        told = await apollo.line("answers")
    assert told["answers"][0]["getServerInfo"]["features"]
    assert told["answers"][0] == told["answers"][1]
    assert [each["text"] for each in told["sent"]] == [False, True, False]
    assert len({each["hash"] for each in told["sent"]}) == 1
