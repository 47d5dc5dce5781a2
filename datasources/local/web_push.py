"""Web Push: encrypted for the browser, signed with our key, handed to the browser's own push service."""

import asyncio
import fnmatch
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import aiohttp
import msgspec
from py_vapid import Vapid02
from pywebpush import WebPusher

from datasources.senders import Push, Refused
from domain.errors import dependency_failed
from domain.push_tokens import PushToken, subscription

KEPT_SECONDS = 24 * 3600
"""How long a push service keeps a push for a browser that is not there."""
TRY_SECONDS = 20
AT_ONCE = 20
_GONE = frozenset({404, 410})
"""The service's answers to a subscription that has ended."""


@asynccontextmanager
async def open_web_push(key: str, *, contact: str, hosts: Sequence[str]) -> "AsyncIterator[WebPush]":
    """See `WebPush`; open until the context ends."""
    timeout = aiohttp.ClientTimeout(total=TRY_SECONDS)
    async with aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()) as session:
        yield WebPush(session, key, contact=contact, hosts=hosts)


class WebPush:
    """A `PushSender` for browsers.

    Args:
        key: of web_push_key.py; a new one ends all subscriptions.
        contact: a mailto: or https: URL, for the push services.
        hosts: push services that we call, with `*` for any label. Subscriptions come from clients: without the list
            they could make us call whatever we can reach.
    """

    def __init__(self, session: aiohttp.ClientSession, key: str, *, contact: str, hosts: Sequence[str]) -> None:
        self._session = session
        self._vapid = Vapid02.from_raw(key.encode())
        self._contact = contact
        self._hosts = tuple(hosts)
        self._turn = asyncio.Semaphore(AT_ONCE)

    async def send(self, device: PushToken, push: Push) -> None:
        found = subscription(device.token)
        address = urlsplit(found.endpoint) if found else None
        host = (address.hostname if address else None) or ""
        if found is None or address is None or not any(fnmatch.fnmatchcase(host, allowed) for allowed in self._hosts):
            raise Refused("no push service that we know")
        try:
            body = WebPusher(msgspec.to_builtins(found)).encode(msgspec.json.encode(push))["body"]
        except Exception:  # whatever the libraries raise, the browser's keys are no keys
            raise Refused("no keys to encrypt for") from None
        claims = {"aud": f"https://{address.netloc}", "sub": self._contact}
        headers = {
            **self._vapid.sign(claims),
            "Content-Encoding": "aes128gcm",
            "TTL": str(KEPT_SECONDS),
            "Topic": push.id,  # a push that was sent twice takes the place of the first
        }
        await self._post(found.endpoint, body, headers)

    async def _post(self, endpoint: str, body: bytes, headers: dict[str, str]) -> None:
        try:
            async with (
                self._turn,
                self._session.post(endpoint, data=body, headers=headers, allow_redirects=False) as answer,
            ):
                status = answer.status
        except (aiohttp.ClientError, TimeoutError, OSError):
            raise dependency_failed("The push service") from None
        if status in _GONE:
            raise Refused(str(status))
        if not 200 <= status < 300:
            raise dependency_failed("The push service")
