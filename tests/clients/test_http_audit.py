"""The GraphQL-over-HTTP specification, as npm graphql-http audits a server."""

import asyncio
import json
from pathlib import Path
from typing import Any

from tests.clients.conftest import Service

AS_APPSYNC = {
    "22EB": "AppSync answers application/json, whatever a client accepts.",
    "58B0": "AppSync ignores extensions of a request, which Apollo sends.",
    "58B1": "AppSync ignores extensions of a request, which Apollo sends.",
    "58B2": "AppSync ignores extensions of a request, which Apollo sends.",
    "58B3": "AppSync ignores extensions of a request, which Apollo sends.",
    "572B": "AppSync answers 400 to what is no GraphQL.",
    "FDE2": "Its document begins a name with a digit: again no GraphQL, so 400.",
    "86EE": "AppSync answers 200 to variables that do not fit, whatever a client accepts.",
}
"""Audits that contradict AppSync, whose clients have to work here; none of them is a MUST."""


async def audits(service: Service, node: Path) -> dict[str, dict[str, Any]]:
    """The results by id."""
    process = await asyncio.create_subprocess_exec(
        "node",
        node / "audit.mjs",
        service.endpoint,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    sign_in = json.dumps({"headers": {"x-api-key": service.api_key}}).encode()
    output, faults = await asyncio.wait_for(process.communicate(sign_in), 60)
    assert process.returncode == 0, faults.decode()
    return {result["id"]: result for result in json.loads(output)}


async def test_the_server_keeps_the_specification_where_appsync_does(service: Service, node: Path) -> None:
    results = await audits(service, node)

    must = [result for result in results.values() if result["name"].startswith("MUST")]
    assert len(must) >= 13
    assert [result for result in must if result["status"] != "ok"] == []
    assert {name for name, result in results.items() if result["status"] != "ok"} == AS_APPSYNC.keys(), results
