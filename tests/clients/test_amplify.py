"""aws-amplify v6 in Node, unmodified, in all five sign-in modes."""

import asyncio
import json
from pathlib import Path
from typing import Any

from tests.clients.conftest import ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY, Service

CATALOG = "query Catalog { listCourses(limit: 1) { items { id title } nextToken } }"
ME = "query Me { getMe { id displayName roles } }"
RENAME = "mutation Rename($name: String!) { updateProfile(input: {displayName: $name}) { displayName } }"
SETTINGS = "mutation { updateSettings(input: {captionsEnabled: true}) { captionsEnabled } }"
NOTICE = 'mutation { publishServiceNotice(input: {severity: INFO, title: "Tonight"}) { title } }'


async def amplify(service: Service, node: Path, mode: str, *operations: str, **sign_in: Any) -> list[dict[str, Any]]:
    """What an application sees of each operation."""
    job = {
        "endpoint": service.endpoint,
        "region": REGION,
        "mode": mode,
        "operations": [{"query": query, "variables": {"name": "Grace"}} for query in operations],
        **sign_in,
    }
    process = await asyncio.create_subprocess_exec(
        "node",
        node / "amplify.mjs",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, faults = await asyncio.wait_for(process.communicate(json.dumps(job).encode()), 60)
    assert process.returncode == 0, faults.decode()
    answers: list[dict[str, Any]] = json.loads(output)
    return answers


async def test_an_api_key_reads_the_catalog_and_nothing_of_a_person(service: Service, node: Path) -> None:
    catalog, me = await amplify(service, node, "apiKey", CATALOG, ME, apiKey=service.api_key)

    assert len(catalog["data"]["listCourses"]["items"]) == 1
    assert me["data"] == {"getMe": None}
    assert me["errors"][0]["errorType"] == "Unauthorized"


async def test_a_user_pool_token_reads_and_writes(service: Service, node: Path) -> None:
    token = service.token("amplify-user", "Students")
    me, renamed = await amplify(service, node, "userPool", ME, RENAME, accessToken=token)

    assert me["data"]["getMe"]["roles"] == ["STUDENT"]
    assert renamed["data"] == {"updateProfile": {"displayName": "Grace"}}


async def test_a_token_of_another_openid_issuer_signs_in(service: Service, node: Path) -> None:
    token = service.issuer.token("oidc-user", "Mentors")
    me, renamed = await amplify(service, node, "oidc", ME, RENAME, accessToken=token)

    assert me["data"]["getMe"] == {
        "id": "oidc-user",
        "displayName": me["data"]["getMe"]["displayName"],
        "roles": ["MENTOR"],
    }
    assert renamed["data"] == {"updateProfile": {"displayName": "Grace"}}


async def test_a_lambda_authorizer_decides_about_other_tokens_and_fields(service: Service, node: Path) -> None:
    me, settings = await amplify(service, node, "lambda", ME, SETTINGS, lambdaToken="letmein:lambda-user:Students")
    (denied,) = await amplify(service, node, "lambda", ME, lambdaToken="let-me-not-in")

    assert me["data"]["getMe"]["id"] == "lambda-user"
    assert settings["data"] == {"updateSettings": None}
    assert settings["errors"][0]["errorType"] == "Unauthorized"
    assert denied["errors"][0]["message"] == "Unauthorized"


async def test_iam_credentials_open_the_backends_operations_only(service: Service, node: Path) -> None:
    credentials = {"accessKeyId": ACCESS_KEY_ID, "secretAccessKey": SECRET_ACCESS_KEY}
    notice, me = await amplify(service, node, "iam", NOTICE, ME, credentials=credentials)

    assert notice["data"] == {"publishServiceNotice": {"title": "Tonight"}}
    assert me["errors"][0]["errorType"] == "Unauthorized"


async def test_errors_reach_the_application_with_type_and_path(service: Service, node: Path) -> None:
    token = service.token("amplify-user")
    wrong = 'mutation { dropCourse(courseId: "no-such-course") { status } }'
    unknown = "query { getMe { shoeSize } }"
    refused, invalid = await amplify(service, node, "userPool", wrong, unknown, accessToken=token)

    assert refused["data"] == {"dropCourse": None}
    assert refused["errors"][0]["errorType"] == "NOT_FOUND"
    assert refused["errors"][0]["path"] == ["dropCourse"]
    assert invalid["errors"][0]["message"].startswith("Validation error of type FieldUndefined")
