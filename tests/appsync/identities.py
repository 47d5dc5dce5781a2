"""`identity` of an event, as AppSync writes it in each of its five auth modes."""

from datetime import datetime
from typing import Any

from domain.callers import Caller, Mode
from domain.times import Timestamp

ISSUERS = {
    Mode.COGNITO: "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_EXAMPLE01",
    Mode.OIDC: "https://id.school.example",
}
CLIENT_ID = "app-of-the-school"
EDGE = "130.176.0.1"
"""The address of the proxy that AppSync is asked by."""
AN_HOUR = 3_600
"""How long a token lasts whose caller does not say it."""


def identity(caller: Caller) -> dict[str, Any] | None:
    """What AppSync tells of a caller whose credential names `caller`; None for an API key."""
    if caller.mode is Mode.API_KEY:
        return None
    if caller.mode is Mode.IAM:
        return _of_role(caller)
    if caller.mode is Mode.LAMBDA:
        return {"resolverContext": _told_by_authorizer(caller)}
    claims = _claims(caller)
    if caller.mode is Mode.OIDC:
        return {"sub": caller.user_id, "issuer": ISSUERS[Mode.OIDC], "claims": claims}
    return {
        "sub": caller.user_id,
        "issuer": ISSUERS[Mode.COGNITO],
        "username": caller.username or caller.user_id,
        "claims": claims,
        "sourceIp": _addresses(caller),
        "defaultAuthStrategy": "ALLOW",
        "groups": sorted(caller.groups) or None,
    }


def headers(caller: Caller) -> dict[str, str]:
    """`request.headers` as far as it tells of the caller; the edge adds whom it was asked by, AppSync the edge."""
    passed = [*_addresses(caller), EDGE] if caller.ip_address else []
    found = {"x-forwarded-for": ", ".join(passed), "user-agent": caller.user_agent}
    return {name: value for name, value in found.items() if value}


def _of_role(caller: Caller) -> dict[str, Any]:
    return {
        "accountId": "123456789012",
        "cognitoIdentityPoolId": None,
        "cognitoIdentityId": None,
        "sourceIp": _addresses(caller),
        "username": "AROAEXAMPLE:backend",
        "userArn": "arn:aws:sts::123456789012:assumed-role/backend/backend",
        "cognitoIdentityAuthType": None,
        "cognitoIdentityAuthProvider": None,
    }


def _told_by_authorizer(caller: Caller) -> dict[str, Any]:
    """A flat map, as an authorizer's `resolverContext` has to be."""
    found: dict[str, Any] = {
        "userId": caller.user_id,
        "groups": ",".join(sorted(caller.groups)),
        "username": caller.username,
        "name": caller.name,
        "email": caller.email,
        "email_verified": True if caller.email else None,
    }
    return {name: value for name, value in found.items() if value is not None}


def _claims(caller: Caller) -> dict[str, Any]:
    """A Cognito ID token's, which tells all that a caller may have; of another issuer's token the same in its words."""
    mine = caller.mode is Mode.COGNITO
    issued = _seconds(caller.issued_at) or 0
    found: dict[str, Any] = {
        "iss": ISSUERS[caller.mode],
        "sub": caller.user_id,
        "aud": CLIENT_ID,
        "token_use": "id" if mine else None,
        "cognito:username" if mine else "preferred_username": caller.username,
        "cognito:groups" if mine else "groups": sorted(caller.groups) or None,
        "origin_jti": caller.session_id,
        "iat": issued,
        "auth_time": _seconds(caller.authenticated_at),
        "exp": _seconds(caller.expires_at) or issued + AN_HOUR,
        "name": caller.name,
        "email": caller.email,
        "email_verified": True if caller.email else None,
    }
    return {name: value for name, value in found.items() if value is not None}


def _seconds(at: Timestamp | None) -> int | None:
    return None if at is None else int(datetime.fromisoformat(at).timestamp())


def _addresses(caller: Caller) -> list[str]:
    return [caller.ip_address] if caller.ip_address else []
