"""Web Push: what a browser decrypts is what was sent, and only known push services are called."""

import base64
import json
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import aiohttp
import http_ece
import jwt
import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from datasources.local.web_push import WebPush
from datasources.local.web_push_key import new_key, public_key
from datasources.senders import Push, Refused
from domain.errors import DomainError
from domain.push_tokens import PushToken, registered
from domain.times import Timestamp

HOST = "push.example.net"
PUSH = Push("01ARZ3NDEKTSV4RRFFQ69G5FAV", "Room change", "We meet outside.", "/courses/c1")
NOW = Timestamp("2036-09-01T08:00:00.000Z")


class Browser:
    """Makes a subscription and reads what comes for it."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._secret = b"sixteen bytes!!!"

    def subscription(self, endpoint: str = f"https://{HOST}/send/me") -> str:
        point = self._key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return json.dumps({"endpoint": endpoint, "keys": {"p256dh": text(point), "auth": text(self._secret)}})

    def read(self, body: bytes) -> Any:
        return json.loads(http_ece.decrypt(body, private_key=self._key, auth_secret=self._secret))


@dataclass
class PushService:
    """Behind TLS, under the name of `HOST`."""

    status: int = 201
    requests: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.Response:
        self.requests.append((dict(request.headers), await request.read()))
        return web.Response(status=self.status, headers={"Location": "https://127.0.0.1/"})


class Names(AbstractResolver):
    """Every name is our service."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[ResolveResult]:  # type: ignore[override]  # the family does not matter
        return [ResolveResult(hostname=host, host="127.0.0.1", port=self._port, family=2, proto=0, flags=0)]

    async def close(self) -> None:
        pass


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[tuple[PushService, WebPush]]:
    certificate, key = certified(tmp_path)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    service = PushService()
    application = web.Application()
    application.router.add_post("/{path:.*}", service.answer)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    trusting = ssl.create_default_context(cafile=str(certificate))
    connector = aiohttp.TCPConnector(ssl=trusting, resolver=Names(runner.addresses[0][1]))
    async with aiohttp.ClientSession(connector=connector) as session:
        yield service, WebPush(session, KEY, contact="mailto:school@example.org", hosts=("*.example.net",))
    await runner.cleanup()


KEY = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE"


def device(token: str) -> PushToken:
    return registered({"platform": "WEB_PUSH", "token": token}, "ben", NOW)


async def test_the_browser_and_nobody_else_reads_what_was_sent(service: tuple[PushService, WebPush]) -> None:
    received, sender = service
    browser = Browser()

    await sender.send(device(browser.subscription()), PUSH)

    [(headers, body)] = received.requests
    assert b"outside" not in body
    assert browser.read(body) == {
        "id": PUSH.id,
        "title": "Room change",
        "body": "We meet outside.",
        "path": "/courses/c1",
    }
    assert (headers["Content-Encoding"], headers["Topic"]) == ("aes128gcm", PUSH.id)
    assert int(headers["TTL"]) > 0
    token = headers["Authorization"].partition("t=")[2].partition(",")[0]
    point = base64.urlsafe_b64decode(public_key(KEY) + "==")
    signer = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    claims = jwt.decode(token, signer, algorithms=["ES256"], audience=f"https://{HOST}")
    assert claims["sub"] == "mailto:school@example.org"


@pytest.mark.parametrize("status", [404, 410])
async def test_a_subscription_that_has_ended_is_refused(service: tuple[PushService, WebPush], status: int) -> None:
    received, sender = service
    received.status = status

    with pytest.raises(Refused):
        await sender.send(device(Browser().subscription()), PUSH)


@pytest.mark.parametrize("status", [307, 400, 403, 429, 500])
async def test_other_answers_are_tried_again_and_redirects_are_not_followed(
    service: tuple[PushService, WebPush], status: int
) -> None:
    received, sender = service
    received.status = status

    with pytest.raises(DomainError, match="push service"):
        await sender.send(device(Browser().subscription()), PUSH)
    assert len(received.requests) == 1


@pytest.mark.parametrize(
    "endpoint",
    ["https://127.0.0.1/", "https://example.net/", "https://push.example.net.evil.org/", "https://evil.org/"],
)
async def test_no_other_host_is_called(service: tuple[PushService, WebPush], endpoint: str) -> None:
    received, sender = service

    with pytest.raises(Refused):
        await sender.send(device(Browser().subscription(endpoint)), PUSH)
    assert received.requests == []


async def test_keys_that_are_none_are_refused(service: tuple[PushService, WebPush]) -> None:
    received, sender = service
    broken = json.dumps({"endpoint": f"https://{HOST}/", "keys": {"p256dh": "AAAA", "auth": "AAAA"}})

    with pytest.raises(Refused):
        await sender.send(device(broken), PUSH)
    assert received.requests == []


def test_a_new_key_is_a_key_and_no_other() -> None:
    assert public_key(new_key()) != public_key(new_key())
    assert len(base64.urlsafe_b64decode(public_key(new_key()) + "==")) == 65


def text(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def certified(folder: Path) -> tuple[Path, Path]:
    """A certificate for `HOST` that signs itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, HOST)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName(HOST), x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "certificate.pem", folder / "key.pem"
    paths[0].write_bytes(certificate.public_bytes(Encoding.PEM))
    paths[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return paths
