"""aws-amplify v6 takes the files that we write, with its own parser."""

import asyncio
import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from app.amplify_outputs import Outputs, of_server
from app.settings import Settings
from tests.clients.conftest import Service
from tests.waiting import PATIENCE_SECONDS

CATALOG = "query { listCourses(limit: 1) { items { title } } }"


async def configured(node: Path, file: Outputs, *query: str) -> dict[str, Any]:
    process = await asyncio.create_subprocess_exec(
        "node",
        node / "amplify_outputs.mjs",
        *query,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, faults = await asyncio.wait_for(process.communicate(json.dumps(file).encode()), PATIENCE_SECONDS)
    assert process.returncode == 0, faults.decode()
    answer: dict[str, Any] = json.loads(output)
    return answer


async def test_the_file_of_a_laptop_leads_to_its_server(service: Service, node: Path) -> None:
    settings = Settings.load({"PORT": str(urlsplit(service.endpoint).port)})
    answer = await configured(node, of_server(settings, service.api_key), CATALOG)
    assert len(answer["data"]["listCourses"]["items"]) == 1


async def test_amplify_understands_the_user_pool(node: Path) -> None:
    pool = {"COGNITO_USER_POOL_ID": "eu-west-1_abc", "COGNITO_CLIENT_IDS": "client"}
    answer = await configured(node, of_server(Settings.load({**pool, "PUBLIC_URL": "https://learn.example"}), None))
    assert answer["config"]["Auth"]["Cognito"]["userPoolId"] == "eu-west-1_abc"
    assert answer["config"]["API"]["GraphQL"]["defaultAuthMode"] == "userPool"
