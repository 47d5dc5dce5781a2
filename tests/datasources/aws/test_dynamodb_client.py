"""Our own client of DynamoDB: signed as botocore signs, and not fooled by answers that came to harm."""

import zlib
from typing import Any

import aioboto3
import orjson
import pytest
from aiohttp import web
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials
from hypothesis import given
from hypothesis import strategies as st

from datasources.aws.dynamodb import open_dynamodb
from datasources.aws.json_signatures import JsonSigner
from datasources.tables import USERS
from domain.errors import Code, DomainError

REGION = "eu-central-1"
HOST = "dynamodb.eu-central-1.amazonaws.com"
TYPE = "application/x-amz-json-1.0"
NOW = 1_800_000_000.0


def signed_by_botocore(credentials: ReadOnlyCredentials, target: str, body: bytes, date: str) -> str:
    headers = {"Content-Type": TYPE, "Host": HOST, "X-Amz-Target": target}
    request = AWSRequest("POST", f"https://{HOST}/", headers=headers, data=body)
    if credentials.token:
        request.headers["X-Amz-Security-Token"] = credentials.token
    request.headers["X-Amz-Date"] = date
    request.context["timestamp"] = date
    auth = SigV4Auth(credentials, "dynamodb", REGION)
    text = auth.string_to_sign(request, auth.canonical_request(request))
    return auth.signature(text, request)


@given(
    body=st.binary(max_size=50),
    secret=st.text("abc/+=", min_size=1, max_size=40),
    token=st.none() | st.text("xyz/+=", min_size=1, max_size=40),
    target=st.sampled_from(["DynamoDB_20120810.GetItem", "DynamoDB_20120810.Query"]),
    days=st.integers(0, 2),
)
def test_signatures_are_those_of_botocore(body: bytes, secret: str, token: str | None, target: str, days: int) -> None:
    credentials = ReadOnlyCredentials("AKID", secret, token, None)
    headers = JsonSigner("dynamodb", REGION, HOST, TYPE).headers(credentials, target, body, NOW + days * 86_400)
    expected = signed_by_botocore(credentials, target, body, headers["X-Amz-Date"])
    assert headers["Authorization"].endswith(f"Signature={expected}")
    assert headers.get("X-Amz-Security-Token") == token


def test_new_keys_and_a_new_day_are_signed_with_at_once() -> None:
    signer = JsonSigner("dynamodb", REGION, HOST, TYPE)
    target = "DynamoDB_20120810.GetItem"
    for secret, now in (("one", NOW), ("other", NOW), ("other", NOW + 86_400), ("one", NOW + 86_400)):
        credentials = ReadOnlyCredentials("AKID", secret, None, None)
        headers = signer.headers(credentials, target, b"{}", now)
        expected = signed_by_botocore(credentials, target, b"{}", headers["X-Amz-Date"])
        assert headers["Authorization"].endswith(expected)


async def answered(aiohttp_answer: Any, *, session: aioboto3.Session) -> Any:
    """What a read of an item makes of this answer."""

    async def handle(_: web.Request) -> web.StreamResponse:
        return aiohttp_answer()

    application = web.Application()
    application.router.add_post("/", handle)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        async with open_dynamodb(region=REGION, prefix="t-", endpoint_url=url, session=session) as store:
            return await store.get(USERS, {"userId": "ada"})
    finally:
        await runner.cleanup()


ITEM = orjson.dumps({"Item": {"userId": {"S": "ada"}, "key": {"B": "AAH/"}}})


@pytest.fixture(scope="module")
def session() -> aioboto3.Session:
    return aioboto3.Session("made-up", "made-up", region_name=REGION)


async def test_what_arrived_whole_is_read(session: aioboto3.Session) -> None:
    headers = {"x-amz-crc32": str(zlib.crc32(ITEM))}
    item = await answered(lambda: web.Response(body=ITEM, headers=headers), session=session)
    assert item == {"userId": "ada", "key": b"\x00\x01\xff"}


@pytest.mark.parametrize(
    "answer",
    [
        lambda: web.Response(body=ITEM, headers={"x-amz-crc32": "1"}),
        lambda: web.Response(body=b"[]"),
        lambda: web.Response(body=b"<html>welcome to this hotel</html>"),
        lambda: web.Response(body=b"moved", status=302, headers={"Location": "http://127.0.0.1:1/"}),
        lambda: web.Response(body=b"[]", status=400),
    ],
)
async def test_what_is_not_dynamodbs_answer_is_not_taken_for_one(answer: Any, session: aioboto3.Session) -> None:
    with pytest.raises(DomainError) as refused:
        await answered(answer, session=session)
    assert refused.value.code == Code.DEPENDENCY_FAILED


async def test_without_credentials_nothing_is_sent(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))

    def never() -> web.Response:
        raise AssertionError

    with pytest.raises(DomainError) as refused:
        await answered(never, session=aioboto3.Session(region_name=REGION))
    assert refused.value.code == Code.DEPENDENCY_FAILED
