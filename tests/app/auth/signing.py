"""What clients do to sign in, honestly or not."""

import base64
import json
from collections.abc import Mapping
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from app.auth.credentials import Credentials, Operation
from domain.times import Timestamp, from_epoch

NOW = 1_795_255_200.0  # 2026-11-21T10:00:00Z
POOL = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Pool"
CLIENT = "webclient"
SUB = "8d1f5a52-6a41-4a3e-8a51-3a7b0f0c4b11"


class Clock:
    """Epoch seconds, moved by the test."""

    def __init__(self) -> None:
        self.time = NOW

    def __call__(self) -> float:
        return self.time

    def now(self) -> Timestamp:
        return from_epoch(self.time)


def access_claims(**changes: Any) -> dict[str, Any]:
    """An access token's claims as Cognito writes them; a change to None removes one."""
    claims = {
        "sub": SUB,
        "iss": POOL,
        "client_id": CLIENT,
        "token_use": "access",
        "scope": "aws.cognito.signin.user.admin",
        "auth_time": int(NOW) - 60,
        "iat": int(NOW) - 60,
        "exp": int(NOW) + 3600,
        "jti": "5a0f8a04-2f25-44f8-8f6d-0f1ee1bb1f5c",
        "origin_jti": "0c5b8f30-5a0c-4a9b-8a07-5d0bb1e4f0aa",
        "username": "ada",
        "cognito:groups": ["Mentors"],
    }
    return {name: value for name, value in (claims | changes).items() if value is not None}


def id_claims(**changes: Any) -> dict[str, Any]:
    claims = access_claims(token_use="id", client_id=None, username=None, scope=None)
    own = {"aud": CLIENT, "cognito:username": "ada", "name": "Ada", "email": "ada@example.org", "email_verified": True}
    return {name: value for name, value in (claims | own | changes).items() if value is not None}


def oidc_claims(issuer: str, **changes: Any) -> dict[str, Any]:
    claims = {"sub": "auth0|7", "iss": issuer, "aud": CLIENT, "iat": int(NOW) - 1, "exp": int(NOW) + 600}
    return {name: value for name, value in (claims | changes).items() if value is not None}


def signed(
    claims: Mapping[str, Any],
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey,
    *,
    kid: Any = "k1",
    alg: str = "RS256",
    **headers: Any,
) -> str:
    named = {} if kid is None else {"kid": kid}
    return jwt.encode(dict(claims), key, algorithm=alg, headers=named | headers)


def handmade(header: Mapping[str, Any], claims: Mapping[str, Any] | bytes, signature: bytes = b"") -> str:
    """A token with exactly these parts, which no library would make."""
    payload = claims if isinstance(claims, bytes) else json.dumps(claims).encode()
    parts = (json.dumps(header).encode(), payload, signature)
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


def jwk(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, kid: str, **changes: Any) -> dict[str, Any]:
    maker = jwt.algorithms.RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else jwt.algorithms.ECAlgorithm
    public = maker.to_jwk(key.public_key(), as_dict=True)  # type: ignore[arg-type]
    public.pop("key_ops", None)
    return {name: value for name, value in (public | {"kid": kid, "use": "sig"} | changes).items() if value is not None}


def key_set(*jwks: Mapping[str, Any]) -> bytes:
    return json.dumps({"keys": jwks}).encode()


def post(headers: Mapping[str, str], body: bytes = b'{"query":"{ __typename }"}') -> Credentials:
    pairs = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    return Credentials.of_request("POST", b"/graphql", b"", pairs, body, ip_address="192.0.2.7", request_id="r1")


def operation() -> Operation:
    return Operation("query Me { getMe { id } }", {"a": 1}, "Me")
