"""Which sign-ins a deployment accepts: from settings to app/auth."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.auth.authenticator import Authenticator
from app.auth.config import ApiKeyConfig, AuthConfig, AuthorizerConfig, IamConfig, IamKey, JwtProvider, cognito, oidc
from app.auth.local_issuer import LocalIssuer
from app.settings import Settings, SettingsFault
from datasources.api_keys import ApiKeys
from datasources.ports import LambdaAuthorizer, RecordStore


async def open_issuer(settings: Settings) -> LocalIssuer | None:
    """None when LOCAL_ISSUER is off. Raises OSError or KeyFileFault when its key cannot be made or read."""
    if not settings.local_issuer:
        return None
    return await asyncio.to_thread(LocalIssuer.open, settings.data_dir, time.time)


@asynccontextmanager
async def open_authenticator(
    settings: Settings, store: RecordStore, issuer: LocalIssuer | None
) -> AsyncIterator[Authenticator]:
    """Raises SettingsFault for what only shows when it is tried, such as a function that does not exist."""
    try:
        config = auth_config(settings, issuer)
    except ValueError as error:
        raise SettingsFault([str(error)]) from error
    async with _authorizer(settings) as authorizer:
        yield Authenticator(
            config,
            stored_keys=ApiKeys(store),
            lambda_authorizer=authorizer,
            key_sets={issuer.provider.issuer: issuer.keys} if issuer else {},
            clock=time.time,
        )


def auth_config(settings: Settings, issuer: LocalIssuer | None) -> AuthConfig:
    """A mode is on when it is configured; API keys always are. Raises ValueError for what does not fit."""
    providers: list[JwtProvider] = []
    if issuer is not None:
        providers.append(issuer.provider)
    if settings.cognito_user_pool_id is not None:
        providers.append(cognito(settings.cognito_user_pool_id, clients=settings.cognito_client_ids))
    if settings.oidc_issuer is not None:
        providers.append(
            oidc(
                settings.oidc_issuer,
                clients=settings.oidc_client_ids,
                jwks_url=settings.oidc_jwks_url,
                groups_claim=settings.oidc_groups_claim,
            )
        )
    authorizer = AuthorizerConfig(
        ttl_seconds=settings.lambda_authorizer_ttl_seconds,
        identity_expression=settings.lambda_authorizer_identity_regex,
        user_key=settings.lambda_authorizer_user_key,
        groups_key=settings.lambda_authorizer_groups_key,
    )
    keys = dict(pair.split(":", 1) for pair in settings.iam_keys)
    return AuthConfig(
        providers=tuple(providers),
        api_keys=ApiKeyConfig(settings.api_keys),
        iam=IamConfig({key_id: IamKey(text) for key_id, text in keys.items()}) if keys else None,
        lambda_authorizer=authorizer if settings.lambda_authorizer else None,
    )


@asynccontextmanager
async def _authorizer(settings: Settings) -> AsyncIterator[LambdaAuthorizer | None]:
    name = settings.lambda_authorizer
    if name is None:
        yield None
    elif ":" in name and not name.startswith("arn:"):
        from datasources.local.function_authorizer import FunctionAuthorizer

        try:
            function = FunctionAuthorizer.load(name)
        except ValueError as error:
            raise SettingsFault([f"LAMBDA_AUTHORIZER: {error}"]) from error
        yield function
    else:
        from datasources.aws.lambda_function import open_lambda

        async with open_lambda(name, region=settings.aws_region, endpoint_url=settings.aws_endpoint_url) as on_aws:
            yield on_aws
