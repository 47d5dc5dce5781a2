"""Mail over Amazon SES. Bounces and complaints come later, through a queue: see mail_feedback.py."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aioboto3

from datasources.aws.vendor_errors import FAULTS, client_config
from datasources.senders import Mail
from domain.errors import dependency_failed


@asynccontextmanager
async def open_ses(sender: str, *, region: str, endpoint_url: str | None = None) -> "AsyncIterator[Ses]":
    """`endpoint_url` None is AWS's own."""
    session = aioboto3.Session()
    async with session.client("sesv2", region_name=region, endpoint_url=endpoint_url, config=client_config()) as client:
        yield Ses(client, sender)


class Ses:
    """A `Mailer`. SES never refuses an address at once, so it never raises Refused.

    Args:
        client: aioboto3's "sesv2" client.
        sender: the verified address that mail comes from.
    """

    def __init__(self, client: Any, sender: str) -> None:
        self._client = client
        self._sender = sender

    async def send(self, mail: Mail) -> None:
        subject = {"Data": " ".join(mail.subject.split()), "Charset": "UTF-8"}
        body = {"Text": {"Data": mail.body, "Charset": "UTF-8"}}
        try:
            await self._client.send_email(
                FromEmailAddress=self._sender,
                Destination={"ToAddresses": [mail.to]},
                Content={"Simple": {"Subject": subject, "Body": body}},
            )
        except FAULTS:
            raise dependency_failed("Amazon SES") from None
