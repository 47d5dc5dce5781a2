"""Which sign-ins a deployment accepts: from settings to app/auth/config.py."""

from app.auth.config import ApiKeyConfig, AuthConfig, AuthorizerConfig, IamConfig, IamKey, JwtProvider, cognito, oidc
from app.settings import Settings


def auth_config(settings: Settings, local: JwtProvider | None = None) -> AuthConfig:
    """A mode is on when it is configured; API keys always are.

    Args:
        local: the built-in issuer.

    Raises:
        ValueError: for what does not fit.
    """
    providers: list[JwtProvider] = []
    if local is not None:
        providers.append(local)
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
    keys = dict(pair.split(":", 1) for pair in settings.iam_keys)
    return AuthConfig(
        providers=tuple(providers),
        api_keys=ApiKeyConfig(settings.api_keys),
        iam=IamConfig({key_id: IamKey(text) for key_id, text in keys.items()}) if keys else None,
        lambda_authorizer=authorizer_config(settings) if settings.lambda_authorizer else None,
    )


def authorizer_config(settings: Settings) -> AuthorizerConfig:
    """Raises ValueError."""
    return AuthorizerConfig(
        ttl_seconds=settings.lambda_authorizer_ttl_seconds,
        identity_expression=settings.lambda_authorizer_identity_regex,
        user_key=settings.lambda_authorizer_user_key,
        groups_key=settings.lambda_authorizer_groups_key,
    )
