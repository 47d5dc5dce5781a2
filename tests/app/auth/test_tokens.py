"""JWTs: what a good one says about its caller, and every way in which one is bad."""

import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from app.auth.config import JwtProvider, cognito, oidc
from app.auth.errors import BAD_TOKEN, EXPIRED_TOKEN, Unauthenticated
from app.auth.jwks import FixedKeys, parse_key_set
from app.auth.tokens import REMEMBERED_SECONDS, TokenVerifier
from domain.callers import Mode
from tests.app.auth.signing import (
    CLIENT,
    NOW,
    SUB,
    Clock,
    access_claims,
    handmade,
    id_claims,
    jwk,
    key_set,
    oidc_claims,
    signed,
)

OIDC = "https://id.example.org/"


def verifier(clock: Clock, *jwks: Mapping[str, Any], provider: JwtProvider | None = None) -> TokenVerifier:
    keys = FixedKeys(parse_key_set(key_set(*jwks)))
    return TokenVerifier({provider or cognito("eu-west-1_Pool", clients=(CLIENT,)): keys}, clock)


@pytest.fixture
def pool(clock: Clock, pool_key: rsa.RSAPrivateKey) -> TokenVerifier:
    return verifier(clock, jwk(pool_key, "k1", alg="RS256"))


async def refusal(checked: TokenVerifier, token: str) -> str:
    with pytest.raises(Unauthenticated) as caught:
        await checked.verify(token)
    return caught.value.message


async def test_an_access_token_names_its_user(pool: TokenVerifier, pool_key: rsa.RSAPrivateKey) -> None:
    caller = await pool.verify(signed(access_claims(), pool_key))

    assert caller is not None
    assert (caller.mode, caller.user_id, caller.username) == (Mode.COGNITO, SUB, "ada")
    assert caller.groups == {"Mentors"}
    assert caller.session_id == "0c5b8f30-5a0c-4a9b-8a07-5d0bb1e4f0aa"
    assert caller.issued_at == caller.authenticated_at == "2026-11-21T09:59:00.000Z"
    assert caller.expires_at == "2026-11-21T11:00:00.000Z"
    assert caller.email is None


async def test_an_id_token_also_says_name_and_address(pool: TokenVerifier, pool_key: rsa.RSAPrivateKey) -> None:
    caller = await pool.verify(signed(id_claims(), pool_key))

    assert caller is not None
    assert (caller.user_id, caller.username, caller.name, caller.email) == (SUB, "ada", "Ada", "ada@example.org")


@pytest.mark.parametrize("verified", [False, None, "true", 1])
async def test_an_address_counts_only_when_verified(
    pool: TokenVerifier, pool_key: rsa.RSAPrivateKey, verified: Any
) -> None:
    caller = await pool.verify(signed(id_claims(email_verified=verified), pool_key))

    assert caller is not None
    assert caller.email is None


async def test_without_a_sign_in_the_token_itself_is_the_session(
    pool: TokenVerifier, pool_key: rsa.RSAPrivateKey
) -> None:
    caller = await pool.verify(signed(access_claims(origin_jti=None, auth_time=None), pool_key))

    assert caller is not None
    assert caller.session_id == "5a0f8a04-2f25-44f8-8f6d-0f1ee1bb1f5c"
    assert caller.authenticated_at is None


@pytest.mark.parametrize("alg", ["RS256", "RS384", "RS512", "PS256", "PS512"])
async def test_oidc_takes_any_rsa_algorithm(clock: Clock, pool_key: rsa.RSAPrivateKey, alg: str) -> None:
    checked = verifier(clock, jwk(pool_key, "k1"), provider=oidc(OIDC, clients=(CLIENT,)))
    caller = await checked.verify(signed(oidc_claims(OIDC, preferred_username="grace"), pool_key, alg=alg))

    assert caller is not None
    assert (caller.mode, caller.user_id, caller.username) == (Mode.OIDC, "auth0|7", "grace")


async def test_oidc_takes_elliptic_curves(clock: Clock, curve_key: ec.EllipticCurvePrivateKey) -> None:
    checked = verifier(clock, jwk(curve_key, "k1"), provider=oidc(OIDC, clients=(CLIENT,)))

    assert await checked.verify(signed(oidc_claims(OIDC), curve_key, alg="ES256")) is not None


@pytest.mark.parametrize("audience", [{"aud": ["other", CLIENT]}, {"aud": "account", "azp": CLIENT}])
async def test_oidc_tokens_are_for_an_audience_or_an_authorized_party(
    clock: Clock, pool_key: rsa.RSAPrivateKey, audience: dict[str, Any]
) -> None:
    checked = verifier(clock, jwk(pool_key, "k1"), provider=oidc(OIDC, clients=(CLIENT,)))

    assert await checked.verify(signed(oidc_claims(OIDC, **audience), pool_key)) is not None


async def test_an_oidc_token_for_nobody_we_know_is_bad(clock: Clock, pool_key: rsa.RSAPrivateKey) -> None:
    checked = verifier(clock, jwk(pool_key, "k1"), provider=oidc(OIDC, clients=(CLIENT,)))

    for audience in ({"aud": None}, {"aud": "other"}, {"aud": []}, {"aud": "other", "azp": "other"}, {"aud": 7}):
        assert await refusal(checked, signed(oidc_claims(OIDC, **audience), pool_key)) == BAD_TOKEN


@pytest.mark.parametrize(
    ("claim", "claims"),
    [
        ("groups", {"groups": ["Admins"]}),
        ("realm_access.roles", {"realm_access": {"roles": ["Admins"]}}),
        ("https://educonnect.example/roles", {"https://educonnect.example/roles": ["Admins"]}),
    ],
)
async def test_oidc_groups_come_from_the_configured_claim(
    clock: Clock, pool_key: rsa.RSAPrivateKey, claim: str, claims: dict[str, Any]
) -> None:
    checked = verifier(clock, jwk(pool_key, "k1"), provider=oidc(OIDC, clients=(CLIENT,), groups_claim=claim))
    caller = await checked.verify(signed(oidc_claims(OIDC, **claims), pool_key))

    assert caller is not None
    assert caller.groups == {"Admins"}


@pytest.mark.parametrize(
    "groups", ["Admins", "Students,Admins", ["Admins", 7], {"Admins": True}, [["Admins"]], True, 7]
)
async def test_groups_that_are_no_list_of_texts_are_no_groups(
    pool: TokenVerifier, pool_key: rsa.RSAPrivateKey, groups: Any
) -> None:
    caller = await pool.verify(signed(access_claims(**{"cognito:groups": groups}), pool_key))

    assert caller is not None
    assert caller.groups == frozenset()


@pytest.mark.parametrize("name", ["admins", "ADMINS", " Admins", "Admins ", "Admins\n", "\u0410dmins"])
async def test_a_name_like_admins_is_not_admins(pool: TokenVerifier, pool_key: rsa.RSAPrivateKey, name: str) -> None:
    caller = await pool.verify(signed(access_claims(**{"cognito:groups": [name]}), pool_key))

    assert caller is not None
    assert not caller.is_admin


async def test_groups_elsewhere_in_a_cognito_token_do_not_count(
    pool: TokenVerifier, pool_key: rsa.RSAPrivateKey
) -> None:
    elsewhere = {
        "cognito:groups": None,
        "groups": ["Admins"],
        "cognito": {"groups": ["Admins"]},
        "custom:role": "Admins",
    }
    caller = await pool.verify(signed(access_claims(**elsewhere), pool_key))

    assert caller is not None
    assert caller.groups == frozenset()


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": "otherclient"},
        {"client_id": None},
        {"client_id": None, "aud": CLIENT},
        {"token_use": "id"},
        {"token_use": "refresh"},
        {"token_use": None},
        {"token_use": ["access"]},
        {"nbf": int(NOW) + 60},
        {"iat": int(NOW) + 60},
        {"iat": None},
        {"exp": None},
        {"exp": str(int(NOW) + 3600)},
        {"exp": True},
        {"exp": 1e300},
        {"exp": -1},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
        {"sub": "a" * 129},
        {"sub": "a b"},
        {"sub": "a#b"},
        {"sub": "a\n"},
    ],
)
async def test_a_claim_that_is_wrong_makes_the_token_bad(
    pool: TokenVerifier, pool_key: rsa.RSAPrivateKey, changes: dict[str, Any]
) -> None:
    assert await refusal(pool, signed(access_claims(**changes), pool_key)) == BAD_TOKEN


@pytest.mark.parametrize("changes", [{"aud": "other"}, {"aud": None}, {"aud": None, "client_id": CLIENT}])
async def test_an_id_token_is_for_its_audience(
    pool: TokenVerifier, pool_key: rsa.RSAPrivateKey, changes: dict[str, Any]
) -> None:
    assert await refusal(pool, signed(id_claims(**changes), pool_key)) == BAD_TOKEN


@pytest.mark.parametrize(
    "issuer",
    [
        "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Other",
        "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Pool/",
        "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_pool",
        "http://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Pool",
        "",
        None,
        7,
        ["https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Pool"],
    ],
)
async def test_another_issuers_token_is_no_token_of_ours(
    pool: TokenVerifier, pool_key: rsa.RSAPrivateKey, issuer: Any
) -> None:
    claims = {**access_claims(), "iss": issuer}

    assert await pool.verify(handmade({"alg": "RS256", "kid": "k1"}, claims, b"x")) is None


async def test_a_token_ends_at_its_second(pool: TokenVerifier, pool_key: rsa.RSAPrivateKey, clock: Clock) -> None:
    token = signed(access_claims(exp=int(NOW) + 5), pool_key)
    clock.time = NOW + 4.999
    assert await pool.verify(token) is not None
    clock.time = NOW + 5
    assert await refusal(pool, token) == EXPIRED_TOKEN
    assert await refusal(pool, signed(access_claims(exp=int(NOW) - 1), pool_key)) == EXPIRED_TOKEN


async def test_an_issuers_clock_may_be_a_little_ahead(pool: TokenVerifier, pool_key: rsa.RSAPrivateKey) -> None:
    assert await pool.verify(signed(access_claims(iat=int(NOW) + 9, nbf=int(NOW) + 9), pool_key)) is not None


async def test_a_token_that_is_remembered_is_checked_anew_in_time(clock: Clock, pool_key: rsa.RSAPrivateKey) -> None:
    keys = parse_key_set(key_set(jwk(pool_key, "k1")))
    checked = TokenVerifier({cognito("eu-west-1_Pool", clients=(CLIENT,)): FixedKeys(keys)}, clock)
    token = signed(access_claims(), pool_key)
    assert await checked.verify(token) is not None
    keys.clear()

    assert await checked.verify(token) is not None
    clock.time += REMEMBERED_SECONDS
    assert await refusal(checked, token) == BAD_TOKEN


async def test_forgetting_checks_every_token_anew(clock: Clock, pool_key: rsa.RSAPrivateKey) -> None:
    keys = parse_key_set(key_set(jwk(pool_key, "k1")))
    checked = TokenVerifier({cognito("eu-west-1_Pool", clients=(CLIENT,)): FixedKeys(keys)}, clock)
    token = signed(access_claims(), pool_key)
    assert await checked.verify(token) is not None
    keys.clear()
    checked.forget()

    assert await refusal(checked, token) == BAD_TOKEN


# Forged signatures


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "nOnE", ""])
async def test_an_unsigned_token_is_bad(pool: TokenVerifier, alg: str) -> None:
    assert await refusal(pool, handmade({"alg": alg, "kid": "k1"}, access_claims())) == BAD_TOKEN


@pytest.mark.parametrize("form", ["pem", "der", "jwk", "n"])
async def test_the_public_key_is_no_shared_secret(pool: TokenVerifier, pool_key: rsa.RSAPrivateKey, form: str) -> None:
    public = pool_key.public_key()
    info = serialization.PublicFormat.SubjectPublicKeyInfo
    secret = {
        "pem": public.public_bytes(serialization.Encoding.PEM, info),
        "der": public.public_bytes(serialization.Encoding.DER, info),
        "jwk": json.dumps(jwk(pool_key, "k1")).encode(),
        "n": jwk(pool_key, "k1")["n"].encode(),
    }[form]
    unsigned = handmade({"alg": "HS256", "kid": "k1", "typ": "JWT"}, access_claims()).rstrip(".")
    mac = hmac.new(secret, unsigned.encode(), hashlib.sha256).digest()
    token = f"{unsigned}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"

    assert await refusal(pool, token) == BAD_TOKEN


async def test_a_strangers_signature_is_bad(pool: TokenVerifier, strange_key: rsa.RSAPrivateKey) -> None:
    assert await refusal(pool, signed(access_claims(), strange_key)) == BAD_TOKEN


async def test_a_changed_token_is_bad(pool: TokenVerifier, pool_key: rsa.RSAPrivateKey) -> None:
    header, _, signature = signed(access_claims(), pool_key).split(".")
    _, payload, _ = handmade({}, access_claims(**{"cognito:groups": ["Admins"]})).split(".")

    assert await refusal(pool, f"{header}.{payload}.{signature}") == BAD_TOKEN
    assert await refusal(pool, f"{header}.{payload}.") == BAD_TOKEN


async def test_a_good_token_does_not_vouch_for_a_forged_one(
    pool: TokenVerifier, pool_key: rsa.RSAPrivateKey, strange_key: rsa.RSAPrivateKey
) -> None:
    assert await pool.verify(signed(access_claims(), pool_key)) is not None
    assert await refusal(pool, signed(access_claims(), strange_key)) == BAD_TOKEN


@pytest.mark.parametrize("alg", ["RS384", "RS512", "PS256"])
async def test_cognito_signs_with_rs256_only(clock: Clock, pool_key: rsa.RSAPrivateKey, alg: str) -> None:
    checked = verifier(clock, jwk(pool_key, "k1"))

    assert await refusal(checked, signed(access_claims(), pool_key, alg=alg)) == BAD_TOKEN


async def test_a_key_verifies_only_its_own_algorithm(clock: Clock, pool_key: rsa.RSAPrivateKey) -> None:
    checked = verifier(clock, jwk(pool_key, "k1", alg="RS512"), provider=oidc(OIDC, clients=(CLIENT,)))

    assert await refusal(checked, signed(oidc_claims(OIDC), pool_key, alg="RS256")) == BAD_TOKEN


@pytest.mark.parametrize(
    "kid",
    [
        None,
        "",
        "k2",
        "K1",
        "../../../../dev/null",
        "k1'--",
        "k1\x00",
        "http://127.0.0.1/",
        7,
        ["k1"],
        {"k1": 1},
        "k" * 300,
    ],
)
async def test_a_kid_that_is_no_key_of_the_pool_is_bad(
    pool: TokenVerifier, strange_key: rsa.RSAPrivateKey, kid: Any
) -> None:
    header = {"alg": "RS256"} if kid is None else {"alg": "RS256", "kid": kid}

    assert await refusal(pool, handmade(header, access_claims(), b"x" * 256)) == BAD_TOKEN


async def test_nothing_about_the_key_is_taken_from_the_token(
    pool: TokenVerifier, strange_key: rsa.RSAPrivateKey
) -> None:
    async with listener() as (url, hits):
        own = jwk(strange_key, "k1")
        headers: list[dict[str, Any]] = [
            {"jku": url},
            {"x5u": url},
            {"jwk": own},
            {"x5c": [base64.b64encode(b"certificate").decode()]},
            {"jku": url, "x5u": url, "jwk": own, "iss": url},
        ]
        for header in headers:
            for kid in ("k1", url, "k9"):
                assert await refusal(pool, signed(access_claims(), strange_key, kid=kid, **header)) == BAD_TOKEN
    assert hits == []


async def test_extensions_that_have_to_be_understood_are_not(pool: TokenVerifier, pool_key: rsa.RSAPrivateKey) -> None:
    for header in ({"crit": ["exp"], "exp": 1}, {"crit": []}, {"crit": ["b64"], "b64": False}):
        header_part, payload_part, _ = handmade({"alg": "RS256", "kid": "k1"} | header, access_claims()).split(".")
        signature = pool_key.sign(f"{header_part}.{payload_part}".encode(), padding.PKCS1v15(), hashes.SHA256())
        token = f"{header_part}.{payload_part}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"
        assert await refusal(pool, token) == BAD_TOKEN


# Hostile texts


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "..",
        "...",
        "a.b.c",
        "opaque",
        "é.é.é",
        "e30.e30.e30",
        "\x00.\x00.\x00",
        handmade({}, b"[" * 5000),
        handmade({}, b'{"iss":' * 800),
        handmade({}, b"\xff\xfe"),
        handmade({}, b'{"iss":"https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Pool"') + "." + "x",
        "a" * 100_000,
        "." * 8_000,
    ],
)
async def test_a_text_that_is_no_jwt_of_ours_is_left_to_others(pool: TokenVerifier, text: str) -> None:
    assert await pool.verify(text) is None


async def test_a_deep_header_is_bad(pool: TokenVerifier) -> None:
    header = base64.urlsafe_b64encode(b'{"alg":"RS256","kid":"k1","x":' + b"[" * 3000).decode().rstrip("=")
    _, payload, _ = handmade({}, access_claims()).split(".")

    assert await refusal(pool, f"{header}.{payload}.eA") == BAD_TOKEN


async def test_a_signed_but_deep_payload_is_bad(pool: TokenVerifier, pool_key: rsa.RSAPrivateKey) -> None:
    deep: Any = []
    for _ in range(900):
        deep = [deep]
    token = signed(access_claims(deep=deep), pool_key)
    assert len(token) < 8 * 1024

    # Deep, but within what the parser takes: the claim is ignored as any other that nobody asks for.
    assert await pool.verify(token) is not None


async def test_a_token_over_8_kib_is_not_even_parsed(pool: TokenVerifier, pool_key: rsa.RSAPrivateKey) -> None:
    assert await pool.verify(signed(access_claims(pad="x" * 8_000), pool_key)) is None


async def test_no_error_tells_the_token(pool: TokenVerifier, strange_key: rsa.RSAPrivateKey) -> None:
    token = signed(access_claims(), strange_key)
    with pytest.raises(Unauthenticated) as caught:
        await pool.verify(token)

    chain = [caught.value, caught.value.__cause__]
    assert all(part not in repr(error) for error in chain for part in token.split("."))
    assert caught.value.__suppress_context__


@asynccontextmanager
async def listener() -> AsyncIterator[tuple[str, list[str]]]:
    """A server on this machine that notes who calls."""
    hits: list[str] = []

    async def note(request: web.Request) -> web.Response:
        hits.append(request.path)
        return web.json_response({"keys": []})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", note)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/keys.json", hits
    finally:
        await runner.cleanup()
