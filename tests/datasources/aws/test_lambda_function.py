"""A function on AWS Lambda as authorizer, against a client that answers as AWS does."""

import io
import logging
from typing import Any

import msgspec
import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError

from datasources.aws.lambda_function import LambdaFunction
from domain.errors import Code, DomainError

EVENT = {"authorizationToken": "ticket-7"}


class Body:
    def __init__(self, content: bytes) -> None:
        self._content = io.BytesIO(content)

    async def read(self) -> bytes:
        return self._content.read()


class Client:
    """The part of aioboto3's client that is used."""

    def __init__(self, outcome: dict[str, Any] | Exception) -> None:
        self._outcome = outcome
        self.calls: list[dict[str, Any]] = []

    async def invoke(self, **arguments: Any) -> dict[str, Any]:
        self.calls.append(arguments)
        if isinstance(self._outcome, Exception):
            raise self._outcome
        return self._outcome


async def test_the_function_is_called_by_its_name() -> None:
    client = Client({"StatusCode": 200, "Payload": Body(b'{"isAuthorized":true}')})

    assert await LambdaFunction(client, "authorizer:live").authorize(EVENT) == {"isAuthorized": True}
    assert client.calls == [{"FunctionName": "authorizer:live", "Payload": msgspec.json.encode(EVENT)}]


@pytest.mark.parametrize(
    "outcome",
    [
        {"FunctionError": "Unhandled", "Payload": Body(b'{"errorMessage":"ticket-7","errorType":"KeyError"}')},
        {"Payload": Body(b"")},
        {"Payload": Body(b"ticket-7")},
        {"Payload": Body(b"[" * 100_000)},
        ClientError({"Error": {"Code": "ResourceNotFoundException", "Message": "ticket-7"}}, "Invoke"),
        ClientError({"Error": {"Code": "TooManyRequestsException", "Message": "Rate exceeded"}}, "Invoke"),
        ConnectTimeoutError(endpoint_url="https://lambda"),
        TimeoutError(),
        ConnectionResetError(),
    ],
)
async def test_whatever_goes_wrong_is_a_failed_dependency(outcome: Any, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), pytest.raises(DomainError) as caught:
        await LambdaFunction(Client(outcome), "authorizer").authorize(EVENT)

    assert caught.value.code is Code.DEPENDENCY_FAILED
    assert "ticket-7" not in caplog.text
