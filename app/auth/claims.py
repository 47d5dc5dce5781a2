"""From claims that were verified to the caller whom they name.

Claims are checked by type: what has the wrong one either makes the token bad or is as if absent.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final

import msgspec

from app.auth.config import JwtProvider
from domain.callers import Caller, Mode
from domain.times import Timestamp, from_epoch

MAX_TEXT_CHARACTERS = 320
USER_ID: Final = re.compile(r"[!-\"$-~]{1,128}")
"""Printable ASCII without blanks; `#` joins the parts of stored keys and so is in no part."""

_Epoch = Annotated[float, msgspec.Meta(ge=0, le=253_402_300_799)]


class Claims(msgspec.Struct, frozen=True):
    """The claims that every accepted token has, and those whose type matters to accept it."""

    iss: str
    sub: str
    exp: _Epoch
    iat: _Epoch
    nbf: _Epoch = 0.0
    auth_time: _Epoch | None = None
    aud: str | list[str] | None = None
    azp: str | None = None
    client_id: str | None = None
    use: str | None = msgspec.field(default=None, name="token_use")

    @property
    def audiences(self) -> frozenset[str]:
        if self.aud is None:
            return frozenset()
        return frozenset({self.aud}) if isinstance(self.aud, str) else frozenset(self.aud)


def caller_of(mode: Mode, claims: Claims, everything: Mapping[str, Any], groups_claim: str) -> Caller:
    """The caller whom a verified token names; `everything` are the same claims and the rest."""
    username = "cognito:username" if claims.use == "id" else "username"
    session = text(everything.get("origin_jti")) or text(everything.get("jti"))
    return Caller(
        mode,
        user_id=claims.sub,
        groups=group_names(claim_at(everything, groups_claim)),
        session_id=session if session and USER_ID.fullmatch(session) else None,
        issued_at=from_epoch(claims.iat),
        authenticated_at=_time(claims.auth_time),
        expires_at=from_epoch(claims.exp),
        username=text(everything.get(username if mode is Mode.COGNITO else "preferred_username")),
        name=text(everything.get("name")),
        email=text(everything.get("email")) if everything.get("email_verified") is True else None,
    )


def is_for_a_client(claims: Claims, provider: JwtProvider) -> bool:
    """Whether the token was made for one of the provider's clients, as its kind says that."""
    if provider.mode is Mode.OIDC:
        return bool(claims.audiences.intersection(provider.clients)) or claims.azp in provider.clients
    if claims.use == "access":
        return claims.client_id in provider.clients
    return claims.use == "id" and bool(claims.audiences.intersection(provider.clients))


def claim_at(claims: Mapping[str, Any], name: str) -> Any:
    """The claim of that name; else `a.b` is b inside of a. None when there is none."""
    if name in claims:
        return claims[name]
    found: Any = claims
    for part in name.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def group_names(claim: Any) -> frozenset[str]:
    """Exact names from a list of texts. Anything else, one text included, gives no group."""
    if isinstance(claim, list) and all(isinstance(name, str) for name in claim):
        return frozenset(claim)
    return frozenset()


def text(claim: Any) -> str | None:
    return claim if isinstance(claim, str) and 0 < len(claim) <= MAX_TEXT_CHARACTERS else None


def _time(seconds: float | None) -> Timestamp | None:
    return None if seconds is None else from_epoch(seconds)
