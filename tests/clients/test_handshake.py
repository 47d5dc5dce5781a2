"""AppSync's handshake against the whole server: each way to show credentials, in each sign-in mode, good and forged."""

import base64
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.app.realtime.site import Talk, encoded
from tests.clients.conftest import ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY, Service

MODES = ("api key", "user pool", "openid", "lambda", "iam")
PEOPLE = frozenset({"user pool", "openid", "lambda"})
FORMS = ("sub-protocol", "query", "headers")
NOTICES = json.dumps({"query": "subscription { onServiceNotice { id } }"})


def host(service: Service) -> str:
    return service.endpoint.split("/")[2]


def signed(url: str, body: str, secret: str = SECRET_ACCESS_KEY) -> dict[str, str]:
    """As botocore signs a POST for AppSync."""
    request = AWSRequest(
        "POST", url, data=body, headers={"content-type": "application/json", "host": url.split("/")[2]}
    )
    SigV4Auth(Credentials(ACCESS_KEY_ID, secret), "appsync", REGION).add_auth(request)
    return dict(request.headers.items())


def good(service: Service, mode: str, suffix: str, body: str) -> dict[str, str]:
    """What a client of this mode shows for a POST of `body` to the endpoint and suffix."""
    match mode:
        case "api key":
            return {"host": host(service), "x-api-key": service.api_key}
        case "user pool":
            return {"host": host(service), "Authorization": service.token("handshake-user")}
        case "openid":
            return {"host": host(service), "Authorization": service.issuer.token("handshake-user", "Students")}
        case "lambda":
            return {"host": host(service), "Authorization": "letmein:handshake-user:Students"}
        case _:
            return signed(service.endpoint + suffix, body)


def forged(service: Service, mode: str, suffix: str, body: str) -> dict[str, str]:
    """The same by somebody who has no part in it."""
    shown = good(service, mode, suffix, body)
    match mode:
        case "api key":
            return shown | {"x-api-key": "da2-" + "x" * 26}
        case "user pool" | "openid":
            head, _, signature = shown["Authorization"].rpartition(".")
            return shown | {"Authorization": f"{head}.{signature[::-1]}"}
        case "lambda":
            return shown | {"Authorization": "let-me-not-in"}
        case _:
            return signed(service.endpoint + suffix, body, secret="a guess")


@asynccontextmanager
async def socket(service: Service, form: str, shown: Mapping[str, str]) -> AsyncIterator[Talk]:
    """An open one on which nothing was said."""
    protocols, query, headers = ["graphql-ws"], "", {}
    if form == "sub-protocol":
        protocols.append(f"header-{encoded(shown)}")
    elif form == "query":
        query = f"?header={base64.b64encode(json.dumps(shown).encode()).decode()}&payload=e30="
    else:
        headers = dict(shown)
    async with (
        aiohttp.ClientSession() as client,
        client.ws_connect(f"{service.endpoint}/realtime{query}", protocols=protocols, headers=headers) as it,
    ):
        yield Talk(it)


@asynccontextmanager
async def connected(service: Service, mode: str = "user pool", form: str = "sub-protocol") -> AsyncIterator[Talk]:
    async with socket(service, form, good(service, mode, "/connect", "{}")) as talk:
        await talk.say({"type": "connection_init"})
        assert (await talk.hear())["type"] == "connection_ack"
        assert await talk.hear() == {"type": "ka"}
        yield talk


def start(shown: Mapping[str, str], data: str = NOTICES) -> dict[str, Any]:
    return {"id": "1", "type": "start", "payload": {"data": data, "extensions": {"authorization": dict(shown)}}}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("mode", MODES)
async def test_each_mode_connects_in_each_form_and_shows_itself_again_at_each_start(
    service: Service, mode: str, form: str
) -> None:
    async with connected(service, mode, form) as talk:
        for each in MODES:
            await talk.say(start(good(service, each, "", NOTICES)))
            answer = await talk.hear()
            if each in PEOPLE:
                assert answer == {"type": "start_ack", "id": "1"}
                await talk.say({"type": "stop", "id": "1"})
                assert (await talk.hear())["type"] == "complete"
            else:  # they are who they say, and the schema gives them nothing to hear
                assert answer["payload"]["errors"][0]["errorType"] == "Unauthorized"


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("mode", MODES)
async def test_a_forged_credential_connects_in_no_form(service: Service, mode: str, form: str) -> None:
    async with socket(service, form, forged(service, mode, "/connect", "{}")) as talk:
        await talk.say({"type": "connection_init"}, start(good(service, "user pool", "", NOTICES)))
        frame = await talk.hear()
        assert frame["type"] == "connection_error"
        [error] = frame["payload"]["errors"]
        assert (error["errorType"], error["errorCode"]) == ("UnauthorizedException", 401)
        assert await talk.closing() == (1008, "UnauthorizedException")


@pytest.mark.parametrize("mode", MODES)
async def test_a_forged_credential_starts_nothing_on_an_open_socket(service: Service, mode: str) -> None:
    async with connected(service) as talk:
        await talk.say(start(forged(service, mode, "", NOTICES)))
        frame = await talk.hear()
        assert (frame["type"], frame["id"]) == ("error", "1")
        assert frame["payload"]["errors"][0]["errorType"] == "UnauthorizedException"


async def test_a_signature_is_good_for_its_own_text_and_place_only(service: Service) -> None:
    other = json.dumps({"query": "subscription { onServiceNotice(severity: INFO) { id } }"})
    async with connected(service) as talk:
        for shown in (good(service, "iam", "", other), good(service, "iam", "/connect", NOTICES)):
            await talk.say(start(shown))
            assert (await talk.hear())["payload"]["errors"][0]["errorType"] == "UnauthorizedException"
    async with socket(service, "query", good(service, "iam", "", "{}")) as talk:
        await talk.say({"type": "connection_init"})
        assert (await talk.hear())["type"] == "connection_error"
