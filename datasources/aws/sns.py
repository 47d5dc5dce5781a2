"""Pushes to phones and text messages over Amazon SNS."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aioboto3

from datasources.aws.vendor_errors import FAULTS, client_config, code_of
from datasources.senders import Push, Refused
from domain.errors import dependency_failed
from domain.push_tokens import PushToken

_NEVER = frozenset({"InvalidParameter", "InvalidParameterException", "EndpointDisabled", "EndpointDisabledException"})
"""Faults of the number or of the device, which stay."""


@asynccontextmanager
async def open_sns(*, region: str, endpoint_url: str | None = None) -> AsyncIterator[Any]:
    """aioboto3's "sns" client for the classes below; `endpoint_url` None is AWS's own."""
    session = aioboto3.Session()
    async with session.client("sns", region_name=region, endpoint_url=endpoint_url, config=client_config()) as client:
        yield client


class SnsTexts:
    """A `TextSender`."""

    def __init__(self, client: Any) -> None:
        self._client = client

    async def send(self, number: str, text: str) -> None:
        try:
            await self._client.publish(PhoneNumber=number, Message=text)
        except FAULTS as error:
            raise _told(error) from None


class SnsPush:
    """A `PushSender` for the phones of one platform application.

    Args:
        application: its ARN.
        is_apple: whether the service behind it is APNs, else FCM.
    """

    def __init__(self, client: Any, application: str, *, is_apple: bool) -> None:
        self._client = client
        self._application = application
        self._is_apple = is_apple

    async def send(self, device: PushToken, push: Push) -> None:
        try:
            # The same token gives the same endpoint, however often it is asked for.
            endpoint = await self._client.create_platform_endpoint(
                PlatformApplicationArn=self._application, Token=device.token
            )
            await self._client.publish(
                TargetArn=endpoint["EndpointArn"],
                Message=_apple(push) if self._is_apple else _google(push),
                MessageStructure="json",
            )
        except FAULTS as error:
            raise _told(error) from None


def _apple(push: Push) -> str:
    payload = {"aps": {"alert": {"title": push.title, "body": push.body}}, "id": push.id, "path": push.path}
    return json.dumps({"default": push.title, "APNS": json.dumps(payload), "APNS_SANDBOX": json.dumps(payload)})


def _google(push: Push) -> str:
    data = {"id": push.id, **({"path": push.path} if push.path else {})}
    payload = {"notification": {"title": push.title, "body": push.body}, "data": data}
    return json.dumps({"default": push.title, "GCM": json.dumps(payload)})


def _told(error: BaseException) -> Exception:
    return Refused(code_of(error)) if code_of(error) in _NEVER else dependency_failed("Amazon SNS")
