"""AppSync's five kinds of identity -> the `Caller` that the server makes of the same credential.

AppSync has checked the credential. Its kind shows in its shape; whose it is has to fit what this deployment
accepts, so that an API with one more user pool than ours gives no rights here.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from app.appsync.event import Event
from app.auth.claims import USER_ID, Claims, caller_of, is_for_a_client
from app.auth.config import AuthConfig
from app.auth.credentials import MAX_USER_AGENT_CHARACTERS
from app.auth.errors import REFUSED
from app.auth.lambda_authorizer import caller_of_context
from datasources.api_keys import key_hash, key_id
from domain.callers import Caller, Mode
from domain.errors import Code, DomainError


class Identities:
    """Args: config: the sign-ins of this deployment; signatures and keys in it are not used, AppSync has its own."""

    def __init__(self, config: AuthConfig) -> None:
        self._providers = {provider.issuer: provider for provider in config.providers}
        self._authorizer = config.lambda_authorizer

    def caller(self, event: Event) -> Caller:
        """Who asks, as the credential says: not yet admitted.

        Raises:
            DomainError: UnauthorizedException for an identity that this deployment does not know.
        """
        caller = self._caller(event)
        agent = event.header("user-agent")
        return msgspec.structs.replace(
            caller,
            ip_address=_address(event),
            user_agent=None if agent is None else agent[:MAX_USER_AGENT_CHARACTERS],
        )

    def _caller(self, event: Event) -> Caller:
        identity = event.identity
        if identity is None:
            key = event.header("x-api-key")
            return Caller(Mode.API_KEY, key_id=None if key is None else key_id(key_hash(key)))
        if "claims" in identity:
            return self._person(identity["claims"])
        if "resolverContext" in identity:
            return self._authorized(identity["resolverContext"])
        if identity.get("userArn") and identity.get("accountId"):
            return _backend(identity)
        raise _refused()

    def _person(self, everything: Any) -> Caller:
        """A user pool's or an issuer's token; which of them, its issuer says."""
        try:
            claims = msgspec.convert(everything, Claims, strict=False)  # AppSync writes some numbers as text
        except msgspec.ValidationError:
            raise _refused() from None
        provider = self._providers.get(claims.iss)
        if provider is None or not is_for_a_client(claims, provider) or not USER_ID.fullmatch(claims.sub):
            raise _refused()
        return caller_of(provider.mode, claims, everything, provider.groups_claim)

    def _authorized(self, context: Any) -> Caller:
        if self._authorizer is None or not isinstance(context, Mapping):
            raise _refused()
        caller = caller_of_context(context, self._authorizer)
        if caller is None:
            raise _refused()
        return caller


def _backend(identity: Mapping[str, Any]) -> Caller:
    """A role or user that IAM lets call the API: our backend. People who come through an identity pool are none."""
    if identity.get("cognitoIdentityId") or identity.get("cognitoIdentityPoolId"):
        raise _refused()
    return Caller(Mode.IAM)


def _address(event: Event) -> str | None:
    """The client's, as AppSync saw it. Each proxy adds whom it was asked by: the last but one is what the edge saw,
    and all before it a client may have written itself."""
    addresses = (event.identity or {}).get("sourceIp")
    if isinstance(addresses, list) and addresses and isinstance(addresses[0], str):
        return addresses[0]
    seen = (event.header("x-forwarded-for") or "").split(",")
    return seen[-2].strip() or None if len(seen) > 1 else None


def _refused() -> DomainError:
    return DomainError(Code.UNAUTHORIZED_REQUEST, REFUSED)
