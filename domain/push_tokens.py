"""Devices that receive pushes. A token is a secret of its device: it is stored to be used, and never shown."""

import hashlib
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import msgspec

from domain import text
from domain.errors import bad_request
from domain.records import Record
from domain.times import Timestamp

MOST = 20
"""Devices of one user; the one that registered longest ago makes room."""
LONGEST_TOKEN = 4_096


class PushToken(Record, frozen=True):
    """A registered device. `token` is for senders alone: the contract has no field for it."""

    id: str
    user_id: str
    platform: str
    token: str
    created_at: Timestamp
    device_name: str | None = None

    @property
    def hash(self) -> str:
        return token_hash(self.platform, self.token)


class SubscriptionKeys(msgspec.Struct, frozen=True):
    p256dh: str
    auth: str


class WebPushSubscription(msgspec.Struct, frozen=True):
    """What a browser's `PushSubscription.toJSON()` gives; the token of platform WEB_PUSH is its JSON."""

    endpoint: str
    keys: SubscriptionKeys


def registered(given: Mapping[str, Any], user_id: str, now: Timestamp) -> PushToken:
    """The device of an input; the same token always has the same id.

    Raises:
        DomainError: BAD_REQUEST for a token that is empty, too long, or no subscription on WEB_PUSH.
    """
    token, platform = given["token"].strip(), given["platform"]
    if not 1 <= len(token) <= LONGEST_TOKEN or not token.isprintable():
        raise bad_request("input.token", "LENGTH", f"input.token has 1 to {LONGEST_TOKEN} printable characters.")
    if platform == "WEB_PUSH" and subscription(token) is None:
        raise bad_request("input.token", "SUBSCRIPTION", "input.token is the JSON of a browser's PushSubscription.")
    return PushToken(
        id=token_hash(platform, token)[:32],
        user_id=user_id,
        platform=platform,
        token=token,
        created_at=now,
        device_name=text.clean_or_none(given.get("device_name"), "input.deviceName", longest=text.NAME),
    )


def subscription(token: str) -> WebPushSubscription | None:
    """A Web Push token, read; None when it is none or its endpoint is no plain https URL."""
    try:
        found = msgspec.json.decode(token, type=WebPushSubscription)
        address = urlsplit(found.endpoint)
        port = address.port
    except (msgspec.DecodeError, ValueError):
        return None
    is_plain = address.scheme == "https" and address.hostname and address.username is None and port in (None, 443)
    return found if is_plain else None


def token_hash(platform: str, token: str) -> str:
    return hashlib.sha256(f"{platform}\0{token}".encode()).hexdigest()
