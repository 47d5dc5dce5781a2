"""A token issuer of our own, in the place of a Cognito user pool: same claims, same kinds of token.

Its key is made once, in DATA_DIR. `iss` is a name that no port or host is part of, so that tokens survive
a restart on another port; the keys are read in process and never fetched.
"""

import base64
import contextlib
import hashlib
import uuid
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final, Literal

import jwt
import msgspec
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from app.auth.config import JwtProvider
from app.auth.jwks import FixedKeys, parse_key_set
from app.key_file import KeyFileFault, write_once
from domain.callers import Mode

ISSUER: Final = "https://cognito-idp.local.educonnect.invalid/local_EduConnect"
CLIENT_ID: Final = "educonnect-local"
KEY_FILE: Final = "issuer-key.pem"
MAX_TTL_SECONDS = 365 * 24 * 3600
MAX_USERNAME_CHARACTERS = 128
_USERS: Final = uuid.UUID("6f1d7c1e-5f0b-5a53-9d0a-0c1b6f2b9a11")
"""Namespace of user ids. It never changes: stored records hold what was made with it."""

TokenUse = Literal["access", "id"]


def user_id(username: str) -> str:
    """The `sub` of a local user: always the same for one name; a name that is a UUID is its own."""
    with contextlib.suppress(ValueError):
        return str(uuid.UUID(username))
    return str(uuid.uuid5(_USERS, username))


def email(username: str) -> str:
    """The address of a local user, in a domain that no mail reaches; a name that is an address is its own."""
    return username if "@" in username else f"{username}@educonnect.invalid"


class LocalIssuer:
    """Signs tokens with a key of its own.

    Args:
        key: RSA private key.
        clock: epoch seconds.
    """

    def __init__(self, key: rsa.RSAPrivateKey, clock: Callable[[], float]) -> None:
        self._key = key
        self._clock = clock
        jwk = jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
        public = {name: jwk[name] for name in ("kty", "n", "e")}
        self._jwk = public | {"kid": _thumbprint(public), "use": "sig", "alg": "RS256"}

    @classmethod
    def open(cls, data_dir: Path, clock: Callable[[], float]) -> "LocalIssuer":
        """With the key in `data_dir`, made when there is none. Blocks, for the making about 0.1 s.

        Raises:
            KeyFileFault: the file there is no RSA key.
            OSError: the folder cannot be written.
        """
        path = data_dir / KEY_FILE
        if not path.exists():
            _create_key(path)
        try:
            # Whether its primes are some takes longer to prove than to read it, and we have made it ourselves.
            key = serialization.load_pem_private_key(path.read_bytes(), None, unsafe_skip_rsa_key_validation=True)
        except (ValueError, TypeError):
            key = None
        if not isinstance(key, rsa.RSAPrivateKey):
            raise KeyFileFault(f"{path} is damaged: it should hold an RSA private key. Restore it or remove it.")
        return cls(key, clock)

    @property
    def provider(self) -> JwtProvider:
        """What makes a server accept these tokens, together with `keys`."""
        return JwtProvider(Mode.COGNITO, ISSUER, (CLIENT_ID,))

    @property
    def keys(self) -> FixedKeys:
        return FixedKeys(parse_key_set(msgspec.json.encode(self.jwks())))

    def token(
        self,
        username: str,
        groups: Iterable[str] = (),
        *,
        ttl: int = 3600,
        token_use: TokenUse = "access",  # noqa: S107 - a kind of token, no secret
        extra: Mapping[str, Any] | None = None,
    ) -> str:
        """A token as Cognito would issue it now, for `ttl` seconds (1 to a year).

        `extra` claims are added and take the place of those of the same name.

        Raises:
            ValueError: a name that no Cognito user can have, or another `ttl`.
        """
        if not (1 <= len(username) <= MAX_USERNAME_CHARACTERS and username.isprintable() and " " not in username):
            raise ValueError(f"A username has 1 to {MAX_USERNAME_CHARACTERS} visible characters.")
        if not 1 <= ttl <= MAX_TTL_SECONDS:
            raise ValueError(f"A token lives for 1 to {MAX_TTL_SECONDS} seconds.")
        now = int(self._clock())
        claims: dict[str, Any] = {
            "sub": user_id(username),
            "iss": ISSUER,
            "token_use": token_use,
            "origin_jti": str(uuid.uuid4()),
            "jti": str(uuid.uuid4()),
            "auth_time": now,
            "iat": now,
            "exp": now + ttl,
        }
        names = sorted(set(groups))
        if names:
            claims["cognito:groups"] = names
        if token_use == "access":  # noqa: S105 - a kind of token, no secret
            claims |= {"client_id": CLIENT_ID, "scope": "aws.cognito.signin.user.admin", "username": username}
        else:
            claims |= {"aud": CLIENT_ID, "cognito:username": username, "email": email(username), "email_verified": True}
        return jwt.encode(claims | dict(extra or {}), self._key, algorithm="RS256", headers={"kid": self._jwk["kid"]})

    def jwks(self) -> dict[str, Any]:
        """The key set document; public members only."""
        return {"keys": [dict(self._jwk)]}

    def openid_configuration(self, base_url: str) -> dict[str, Any]:
        """The discovery document. `base_url`: where clients reach this server, without a slash at the end."""
        return {
            "issuer": ISSUER,
            "jwks_uri": f"{base_url}/.well-known/jwks.json",
            "id_token_signing_alg_values_supported": ["RS256"],
            "response_types_supported": ["token"],
            "subject_types_supported": ["public"],
        }


def _thumbprint(public: Mapping[str, str]) -> str:
    """RFC 7638: one key has one id, wherever it is computed."""
    canonical = msgspec.json.encode(public, order="sorted")
    return base64.urlsafe_b64encode(hashlib.sha256(canonical).digest()).rstrip(b"=").decode()


def _create_key(path: Path) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    write_once(path, pem)
