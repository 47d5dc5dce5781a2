"""An issuer's keys: which are used, how rarely they are fetched, and what holds when they cannot be."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from app.auth import jwks_fetch
from app.auth.config import cognito
from app.auth.errors import BAD_TOKEN, Unauthenticated
from app.auth.jwks import FRESH_SECONDS, PAUSE_SECONDS, RemoteKeys, parse_key_set
from app.auth.jwks_fetch import fetch_key_set
from app.auth.tokens import TokenVerifier
from domain.errors import Code, DomainError, dependency_failed
from tests.app.auth.signing import CLIENT, Clock, access_claims, jwk, key_set, signed


class Endpoint:
    """An issuer's key set: what it answers, whether it does, and how often it was asked."""

    def __init__(self, document: bytes) -> None:
        self.document = document
        self.down = False
        self.fetches = 0
        self.gate: asyncio.Event | None = None

    async def __call__(self) -> bytes:
        self.fetches += 1
        if self.gate is not None:
            await self.gate.wait()
        if self.down:
            raise dependency_failed("The token issuer")
        return self.document


@pytest.fixture
def endpoint(pool_key: rsa.RSAPrivateKey) -> Endpoint:
    return Endpoint(key_set(jwk(pool_key, "k1")))


async def settle() -> None:
    """Let what was started behind a caller's back come to its end."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_keys_are_fetched_once_for_all_who_wait(endpoint: Endpoint, clock: Clock) -> None:
    endpoint.gate = asyncio.Event()
    keys = RemoteKeys(endpoint, clock)
    waiting = [asyncio.create_task(keys.key("k1")) for _ in range(50)]
    await settle()
    endpoint.gate.set()

    assert all(key is not None for key in await asyncio.gather(*waiting))
    assert endpoint.fetches == 1


async def test_one_who_comes_late_waits_for_the_fetch_that_runs(endpoint: Endpoint, clock: Clock) -> None:
    endpoint.gate = asyncio.Event()
    keys = RemoteKeys(endpoint, clock)
    first = asyncio.create_task(keys.key("k1"))
    await settle()
    late = asyncio.create_task(keys.key("k1"))
    await settle()
    endpoint.gate.set()

    assert await first is not None
    assert await late is not None
    assert endpoint.fetches == 1


async def test_one_who_stops_waiting_stops_nobody_else(endpoint: Endpoint, clock: Clock) -> None:
    endpoint.gate = asyncio.Event()
    keys = RemoteKeys(endpoint, clock)
    first, second = asyncio.create_task(keys.key("k1")), asyncio.create_task(keys.key("k1"))
    await settle()
    first.cancel()
    await settle()
    endpoint.gate.set()

    assert await second is not None
    assert endpoint.fetches == 1


async def test_a_flood_of_unknown_kids_costs_one_fetch_in_ten_seconds(endpoint: Endpoint, clock: Clock) -> None:
    keys = RemoteKeys(endpoint, clock)
    for second in range(30):
        for n in range(100):
            assert await keys.key(f"k{second}-{n}") is None
        clock.time += 1
    assert endpoint.fetches == 30 / PAUSE_SECONDS
    assert await keys.key("k1") is not None


async def test_a_new_key_is_found_after_the_pause(
    endpoint: Endpoint, clock: Clock, strange_key: rsa.RSAPrivateKey, pool_key: rsa.RSAPrivateKey
) -> None:
    keys = RemoteKeys(endpoint, clock)
    assert await keys.key("k1") is not None
    endpoint.document = key_set(jwk(pool_key, "k1"), jwk(strange_key, "k2"))

    assert await keys.key("k2") is None
    clock.time += PAUSE_SECONDS
    assert await keys.key("k2") is not None


async def test_a_withdrawn_key_goes_when_keys_are_renewed(
    endpoint: Endpoint, clock: Clock, strange_key: rsa.RSAPrivateKey
) -> None:
    keys = RemoteKeys(endpoint, clock)
    assert await keys.key("k1") is not None
    endpoint.document = key_set(jwk(strange_key, "k2"))
    clock.time += FRESH_SECONDS

    await keys.key("k1")
    await settle()
    assert await keys.key("k1") is None


async def test_with_the_endpoint_down_known_keys_work_and_unknown_ones_do_not(endpoint: Endpoint, clock: Clock) -> None:
    keys = RemoteKeys(endpoint, clock)
    assert await keys.key("k1") is not None
    endpoint.down = True

    for _ in range(5):
        clock.time += FRESH_SECONDS
        assert await keys.key("k1") is not None
        await settle()
        assert await keys.key("k2") is None
    endpoint.down = False
    clock.time += PAUSE_SECONDS
    assert await keys.key("k1") is not None


async def test_an_endpoint_that_is_down_is_asked_once_in_ten_seconds(endpoint: Endpoint, clock: Clock) -> None:
    keys = RemoteKeys(endpoint, clock)
    assert await keys.key("k1") is not None
    endpoint.down = True
    clock.time += FRESH_SECONDS

    for _ in range(30):
        for kid in ("k1", "k2", "k1"):
            await keys.key(kid)
            await settle()
        clock.time += 1
    assert endpoint.fetches == 1 + 30 / PAUSE_SECONDS


async def test_a_known_key_never_waits_for_the_endpoint(endpoint: Endpoint, clock: Clock) -> None:
    keys = RemoteKeys(endpoint, clock)
    assert await keys.key("k1") is not None
    endpoint.gate = asyncio.Event()
    clock.time += FRESH_SECONDS

    assert await asyncio.wait_for(keys.key("k1"), 1) is not None
    endpoint.gate.set()


@pytest.mark.parametrize("document", [b"", b"{}", b'{"keys":[]}', b'{"keys":7}', b"<html>", b"\xff", b"[" * 5000])
async def test_an_answer_without_keys_leaves_the_old_ones(endpoint: Endpoint, clock: Clock, document: bytes) -> None:
    keys = RemoteKeys(endpoint, clock)
    assert await keys.key("k1") is not None
    endpoint.document = document
    clock.time += FRESH_SECONDS

    await keys.key("k1")
    await settle()
    assert await keys.key("k1") is not None


def test_only_keys_for_verifying_signatures_are_taken(
    pool_key: rsa.RSAPrivateKey, curve_key: ec.EllipticCurvePrivateKey
) -> None:
    good, curve = jwk(pool_key, "good"), jwk(curve_key, "curve")
    small = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505 - too small, which is the point
    unusable = [
        jwk(pool_key, "for-encryption", use="enc"),
        jwk(pool_key, "for-wrapping", key_ops=["wrapKey"]),
        jwk(pool_key, "for-oaep", alg="RSA-OAEP"),
        jwk(pool_key, "hmac", alg="HS256"),
        jwk(pool_key, "no-modulus", n=None),
        jwk(pool_key, "bad-modulus", n="!!!!"),
        jwk(pool_key, "number-modulus", n=7),
        jwk(small, "small"),
        {"kty": "oct", "kid": "secret", "k": "c2VjcmV0"},
        {"kty": "OKP", "kid": "edwards", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
        jwk(curve_key, "koblitz", crv="secp256k1"),
        jwk(curve_key, "off-curve", x=curve["y"]),
        {**good, "kid": None},
        {**good, "kid": 7},
        "text",
        None,
        [],
    ]

    assert set(parse_key_set(json.dumps({"keys": [*unusable, good, curve]}).encode())) == {"good", "curve"}


def test_a_private_member_in_a_key_set_is_not_even_read(pool_key: rsa.RSAPrivateKey) -> None:
    key = parse_key_set(key_set(jwk(pool_key, "k1", d="AQAB")))["k1"]

    assert isinstance(key.public_key, rsa.RSAPublicKey)


def test_of_two_keys_with_one_id_the_first_counts(pool_key: rsa.RSAPrivateKey, strange_key: rsa.RSAPrivateKey) -> None:
    key = parse_key_set(key_set(jwk(pool_key, "k1"), jwk(strange_key, "k1")))["k1"]

    assert key.public_key.public_numbers() == pool_key.public_key().public_numbers()


# Over HTTP

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def http(handlers: dict[str, Handler]) -> AsyncIterator[tuple[str, list[str]]]:
    """An issuer on this machine, and the paths that it was asked for."""
    asked: list[str] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        asked.append(request.path)
        return await handlers[request.path](request) if request.path in handlers else web.Response(status=404)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}", asked
    finally:
        await runner.cleanup()


def answers(document: Any, **options: Any) -> Handler:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(body=document if isinstance(document, bytes) else json.dumps(document).encode(), **options)

    return answer


async def test_keys_come_from_the_configured_address(pool_key: rsa.RSAPrivateKey) -> None:
    document = key_set(jwk(pool_key, "k1"))
    async with http({"/keys.json": answers(document)}) as (url, asked):
        assert await fetch_key_set("https://id.example.org", f"{url}/keys.json") == document
        assert asked == ["/keys.json"]


async def test_keys_are_discovered_when_no_address_is_configured(pool_key: rsa.RSAPrivateKey) -> None:
    document = key_set(jwk(pool_key, "k1"))
    handlers: dict[str, Handler] = {"/keys.json": answers(document)}
    async with http(handlers) as (url, asked):
        handlers["/.well-known/openid-configuration"] = answers({"issuer": url, "jwks_uri": f"{url}/keys.json"})
        assert await fetch_key_set(url, None) == document
        assert asked == ["/.well-known/openid-configuration", "/keys.json"]


@pytest.mark.parametrize(
    "discovery",
    [
        b"<html>",
        b"{}",
        b'{"issuer":"https://other","jwks_uri":"URL/keys.json"}',
        b'{"issuer":"URL/","jwks_uri":"URL/keys.json"}',
        b'{"issuer":"URL","jwks_uri":"file:///etc/passwd"}',
    ],
)
async def test_a_discovery_document_that_is_not_the_issuers_is_refused(
    discovery: bytes, pool_key: rsa.RSAPrivateKey
) -> None:
    handlers: dict[str, Handler] = {"/keys.json": answers(key_set(jwk(pool_key, "k1")))}
    async with http(handlers) as (url, asked):
        handlers["/.well-known/openid-configuration"] = answers(discovery.replace(b"URL", url.encode()))
        await refused(url, None)
        assert asked == ["/.well-known/openid-configuration"]


async def test_a_redirect_is_not_followed(pool_key: rsa.RSAPrivateKey) -> None:
    handlers: dict[str, Handler] = {
        "/keys.json": answers(b"", status=302, headers={"location": "/elsewhere"}),
        "/elsewhere": answers(key_set(jwk(pool_key, "k1"))),
    }
    async with http(handlers) as (url, asked):
        await refused(url, f"{url}/keys.json")
        assert asked == ["/keys.json"]


@pytest.mark.parametrize("status", [201, 204, 400, 404, 500, 503])
async def test_only_200_is_an_answer(status: int) -> None:
    async with http({"/keys.json": answers(b'{"keys":[]}' if status != 204 else b"", status=status)}) as (url, _):
        await refused(url, f"{url}/keys.json")


async def test_an_endless_answer_is_cut() -> None:
    sent = 0

    async def endless(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b" " * 65_536)
            sent += 65_536

    async with http({"/keys.json": endless}) as (url, _):
        await refused(url, f"{url}/keys.json")
    assert sent < 64 * 1024 * 1024


async def test_a_silent_endpoint_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jwks_fetch, "FETCH_SECONDS", 0.05)
    release = asyncio.Event()

    async def silent(_: web.Request) -> web.StreamResponse:
        await release.wait()
        return web.Response()

    async with http({"/keys.json": silent}) as (url, _):
        await refused(url, f"{url}/keys.json")
        release.set()


async def test_nobody_at_the_address_is_a_refusal() -> None:
    async with http({}) as (url, _):
        pass
    await refused(url, f"{url}/keys.json")


async def test_two_hundred_unknown_kids_are_refused_with_one_fetch(
    pool_key: rsa.RSAPrivateKey, strange_key: rsa.RSAPrivateKey, clock: Clock
) -> None:
    async with http({"/keys.json": answers(key_set(jwk(pool_key, "k1")))}) as (url, asked):
        provider = cognito("eu-west-1_Pool", clients=(CLIENT,))
        keys = RemoteKeys(lambda: fetch_key_set(provider.issuer, f"{url}/keys.json"), clock)
        verifier = TokenVerifier({provider: keys}, clock)
        tokens = [signed(access_claims(), strange_key, kid=f"kid{n}") for n in range(200)]
        results = await asyncio.gather(*(verifier.verify(token) for token in tokens), return_exceptions=True)

        assert [str(result) for result in results if isinstance(result, Unauthenticated)] == [BAD_TOKEN] * 200
        assert len(asked) == 1
        assert await verifier.verify(signed(access_claims(), pool_key)) is not None


async def refused(issuer: str, url: str | None) -> None:
    with pytest.raises(DomainError) as caught:
        await fetch_key_set(issuer, url)
    assert caught.value.code is Code.DEPENDENCY_FAILED
