"""The local issuer: its tokens are Cognito's in form, and its key is made once."""

import base64
import hashlib
import json
import multiprocessing
import stat
import uuid
from pathlib import Path
from typing import Any

import jwt
import pytest

from app.auth.config import AuthConfig
from app.auth.local_issuer import CLIENT_ID, ISSUER, KEY_FILE, LocalIssuer, user_id
from app.auth.tokens import TokenVerifier
from app.key_file import KeyFileFault
from tests.app.auth.signing import NOW, SUB, Clock


def claims(token: str) -> dict[str, Any]:
    return jwt.decode(token, options={"verify_signature": False})


def test_an_access_token_has_cognitos_claims(issuer: LocalIssuer) -> None:
    token = claims(issuer.token("ada", ["Mentors", "Admins"], ttl=60))

    assert token == {
        "sub": user_id("ada"),
        "iss": ISSUER,
        "client_id": CLIENT_ID,
        "token_use": "access",
        "scope": "aws.cognito.signin.user.admin",
        "auth_time": int(NOW),
        "iat": int(NOW),
        "exp": int(NOW) + 60,
        "jti": token["jti"],
        "origin_jti": token["origin_jti"],
        "username": "ada",
        "cognito:groups": ["Admins", "Mentors"],
    }
    assert uuid.UUID(token["jti"]) != uuid.UUID(token["origin_jti"])


def test_an_id_token_has_cognitos_claims(issuer: LocalIssuer) -> None:
    token = claims(issuer.token("ada", token_use="id"))

    assert (token["aud"], token["token_use"], token["cognito:username"]) == (CLIENT_ID, "id", "ada")
    assert (token["email"], token["email_verified"]) == ("ada@educonnect.invalid", True)
    assert not {"client_id", "username", "scope", "cognito:groups"} & set(token)


def test_extra_claims_are_added_or_take_a_place(issuer: LocalIssuer) -> None:
    token = claims(issuer.token("ada", token_use="id", extra={"name": "Ada", "email": "ada@example.org"}))

    assert (token["name"], token["email"]) == ("Ada", "ada@example.org")


@pytest.mark.parametrize("token_use", ["access", "id"])
async def test_a_server_accepts_its_own_tokens(issuer: LocalIssuer, clock: Clock, token_use: Any) -> None:
    verifier = TokenVerifier({issuer.provider: issuer.keys}, clock)
    caller = await verifier.verify(issuer.token("ada", ["Mentors"], token_use=token_use))

    assert caller is not None
    assert (caller.user_id, caller.username, caller.groups) == (user_id("ada"), "ada", frozenset({"Mentors"}))


def test_a_users_id_follows_from_the_name() -> None:
    # Stored records hold ids that were made so: another value would orphan them.
    assert user_id("ada") == "082770f2-6be0-5122-84d6-70edec8874c6" != user_id("Ada")
    assert user_id(SUB) == user_id(SUB.upper()) == SUB


@pytest.mark.parametrize("username", ["", "a b", "a\n", "x" * 129, "\u200b"])
def test_a_name_that_no_user_has_is_refused(issuer: LocalIssuer, username: str) -> None:
    with pytest.raises(ValueError, match="username"):
        issuer.token(username)


@pytest.mark.parametrize("ttl", [0, -1, 366 * 86_400])
def test_a_token_lives_for_a_second_to_a_year(issuer: LocalIssuer, ttl: int) -> None:
    with pytest.raises(ValueError, match="seconds"):
        issuer.token("ada", ttl=ttl)


def test_the_key_set_is_public_and_named_by_its_thumbprint(issuer: LocalIssuer) -> None:
    (key,) = issuer.jwks()["keys"]

    assert set(key) == {"kty", "n", "e", "kid", "use", "alg"}
    canonical = json.dumps({name: key[name] for name in ("e", "kty", "n")}, separators=(",", ":")).encode()
    assert base64.urlsafe_b64decode(key["kid"] + "=") == hashlib.sha256(canonical).digest()
    assert jwt.get_unverified_header(issuer.token("ada"))["kid"] == key["kid"]


def test_the_discovery_document_points_at_the_key_set(issuer: LocalIssuer) -> None:
    document = issuer.openid_configuration("http://localhost:8123")

    assert document["issuer"] == ISSUER
    assert document["jwks_uri"] == "http://localhost:8123/.well-known/jwks.json"


async def test_tokens_outlive_a_restart(tmp_path: Path, clock: Clock) -> None:
    token = LocalIssuer.open(tmp_path / "data", clock).token("ada")
    restarted = LocalIssuer.open(tmp_path / "data", clock)

    assert await TokenVerifier({restarted.provider: restarted.keys}, clock).verify(token) is not None


def test_only_the_owner_may_read_the_key_and_no_draft_is_left(tmp_path: Path, clock: Clock) -> None:
    LocalIssuer.open(tmp_path, clock)

    assert [path.name for path in tmp_path.iterdir()] == [KEY_FILE]
    assert stat.S_IMODE((tmp_path / KEY_FILE).stat().st_mode) == 0o600


@pytest.mark.parametrize("content", [b"", b"no key", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])
def test_a_spoiled_key_is_an_error_and_stays(tmp_path: Path, clock: Clock, content: bytes) -> None:
    (tmp_path / KEY_FILE).write_bytes(content)

    with pytest.raises(KeyFileFault, match="RSA private key"):
        LocalIssuer.open(tmp_path, clock)
    assert (tmp_path / KEY_FILE).read_bytes() == content


def test_processes_that_start_at_once_have_one_key(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(3)
    with context.Pool(3, initializer=_meet, initargs=(barrier,)) as pool:
        kids = pool.map(_open, [str(tmp_path)] * 3, chunksize=1)

    assert len(set(kids)) == 1
    assert [path.name for path in tmp_path.iterdir()] == [KEY_FILE]


def _meet(barrier: Any) -> None:
    barrier.wait(30)


def _open(data_dir: str) -> str:
    kid: str = LocalIssuer.open(Path(data_dir), Clock()).jwks()["keys"][0]["kid"]
    return kid


def test_a_deployment_with_the_local_issuer_accepts_cognito_tokens(issuer: LocalIssuer) -> None:
    assert {str(mode) for mode in AuthConfig((issuer.provider,)).modes} == {"AMAZON_COGNITO_USER_POOLS"}
