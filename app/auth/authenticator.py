"""Who is asking: decides which mode a request speaks, and has that mode check it.

    authenticator = Authenticator(config, stored_keys=ApiKeys(store), lambda_authorizer=None,
                                  key_sets={ISSUER: issuer.keys}, clock=time.time)
    caller = await authenticator.authenticate(credentials, operation=read_operation)

A signature wins over an API key, an API key over a token: one request is checked in one mode only, so a
bad credential is never rescued by a second one.
"""

from collections.abc import Callable, Mapping
from functools import partial

import msgspec

from app.auth.api_keys import ApiKeyVerifier
from app.auth.config import AuthConfig, JwtProvider
from app.auth.credentials import Credentials, ReadOperation
from app.auth.errors import BAD_SIGNATURE, BAD_TOKEN, MISSING, REFUSED, Unauthenticated
from app.auth.jwks import KeySet, RemoteKeys
from app.auth.lambda_authorizer import AuthorizerVerifier
from app.auth.recent_callers import RecentCallers, Sender, sender_of
from app.auth.sigv4 import ALGORITHM, SignatureVerifier
from app.auth.tokens import MAX_TOKEN_CHARACTERS, TokenVerifier
from datasources.api_keys import ApiKeys
from datasources.ports import LambdaAuthorizer
from domain.callers import USER_MODES, Caller, Mode
from domain.times import moment

_BEARER = "bearer "


class Authenticator:
    """Checks credentials in the modes that a deployment has on.

    Args:
        stored_keys: API keys of the store; used when the API key mode is on.
        lambda_authorizer: needed when the Lambda mode is on.
        key_sets: keys of issuers that need not be fetched, by issuer.
        clock: epoch seconds.

    Raises:
        ValueError: the Lambda mode is on without an authorizer.
    """

    def __init__(
        self,
        config: AuthConfig,
        *,
        stored_keys: ApiKeys,
        lambda_authorizer: LambdaAuthorizer | None,
        key_sets: Mapping[str, KeySet],
        clock: Callable[[], float],
    ) -> None:
        self.modes = config.modes
        self.user_modes = config.modes & USER_MODES
        self._api_keys: ApiKeyVerifier | None = None
        self._signatures: SignatureVerifier | None = None
        self._tokens: TokenVerifier | None = None
        self._authorizer: AuthorizerVerifier | None = None
        if config.api_keys is not None:
            self._api_keys = ApiKeyVerifier(config.api_keys.keys, stored_keys, clock)
        if config.iam is not None:
            self._signatures = SignatureVerifier(config.iam, clock)
        if config.providers:
            keys = {provider: _keys_of(provider, key_sets, clock) for provider in config.providers}
            self._tokens = TokenVerifier(keys, clock)
        if config.lambda_authorizer is not None:
            if lambda_authorizer is None:
                raise ValueError("The Lambda mode needs an authorizer to ask.")
            self._authorizer = AuthorizerVerifier(config.lambda_authorizer, lambda_authorizer, clock)
        self._recent = RecentCallers(clock)

    def recognize(self, sender: Sender, ip_address: str | None) -> Caller | None:
        """The caller who showed the same token or API key a moment ago; None: `authenticate` has to look at it."""
        return self._recent.find(sender, ip_address)

    async def authenticate(self, credentials: Credentials, *, operation: ReadOperation) -> Caller:
        """The verified caller, with the address and user agent of this request.

        Raises:
            Unauthenticated: no credential, or one that is not good here and now.
            DomainError: the store of API keys does not answer.
            whatever `operation` raises, when a Lambda authorizer has to be told of it.
        """
        authorization = credentials.value("authorization")
        api_key = credentials.value("x-api-key")
        if authorization is not None and authorization.startswith(ALGORITHM):
            caller = self._backend(credentials)
        elif api_key is not None:
            caller = await self._application(api_key)
        elif authorization is not None:
            caller = await self._person(authorization, credentials, operation)
        else:
            raise Unauthenticated(MISSING)
        until = self._until(caller)
        caller = msgspec.structs.replace(caller, ip_address=credentials.ip_address, user_agent=credentials.user_agent)
        if until is not None:
            self._recent.remember(sender_of(credentials.wire), caller, until)
        return caller

    async def accepts(self, caller: Caller) -> bool:
        """Whether a credential that was good before was not taken back since: an API key may be.

        Raises:
            DomainError: the store of API keys does not answer.
        """
        if caller.key_id is None:
            return True
        return self._api_keys is not None and await self._api_keys.accepts(caller.key_id)

    def forget(self) -> None:
        """Check every credential anew from now on, whatever was remembered of it."""
        self._recent.forget()
        for verifier in (self._api_keys, self._tokens, self._authorizer):
            if verifier is not None:
                verifier.forget()

    def _until(self, caller: Caller) -> float | None:
        """Until when the credential of a caller is good wherever it is sent; None: a request has to be seen whole."""
        if caller.mode is Mode.API_KEY and self._api_keys is not None:
            return self._api_keys.good_until(caller)
        if caller.mode in (Mode.COGNITO, Mode.OIDC) and caller.expires_at is not None:
            return moment(caller.expires_at).timestamp()
        return None

    def _backend(self, credentials: Credentials) -> Caller:
        caller = self._signatures.verify(credentials) if self._signatures is not None else None
        if caller is None:
            raise Unauthenticated(BAD_SIGNATURE)
        return caller

    async def _application(self, api_key: str) -> Caller:
        caller = None if self._api_keys is None else await self._api_keys.verify(api_key)
        if caller is None:
            raise Unauthenticated(REFUSED)
        return caller

    async def _person(self, authorization: str, credentials: Credentials, operation: ReadOperation) -> Caller:
        """A provider's JWT; any other text is for the Lambda authorizer, which is given it as it came."""
        bearer = authorization[: len(_BEARER)].lower() == _BEARER
        token = authorization[len(_BEARER) :].strip() if bearer else authorization
        if len(token) <= MAX_TOKEN_CHARACTERS:
            if self._tokens is not None and (caller := await self._tokens.verify(token)) is not None:
                return caller
            if self._authorizer is not None:
                caller = await self._authorizer.verify(authorization, credentials, operation)
                if caller is None:
                    raise Unauthenticated(REFUSED)
                return caller
        raise Unauthenticated(REFUSED if self._tokens is None else BAD_TOKEN)


def _keys_of(provider: JwtProvider, known: Mapping[str, KeySet], clock: Callable[[], float]) -> KeySet:
    if provider.issuer in known:
        return known[provider.issuer]
    from app.auth.jwks_fetch import fetch_key_set  # only now: it takes a third of a second to import

    return RemoteKeys(partial(fetch_key_set, provider.issuer, provider.jwks_url), clock)
