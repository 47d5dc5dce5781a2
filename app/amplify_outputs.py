"""`amplify_outputs.json`, what `Amplify.configure` takes: written for this server here, and for AWS by infra/."""

from collections.abc import Iterable, Mapping
from typing import Any

from app.settings import Settings
from domain.callers import Group, Mode

FORMAT = "1.4"
"""Amplify's version of the file."""

Outputs = dict[str, Any]


def outputs(
    *,
    url: str,
    region: str,
    default: Mode,
    modes: Iterable[Mode],
    api_key: str | None = None,
    auth: Outputs | None = None,
) -> Outputs:
    """The whole file.

    Args:
        default: the mode of operations that choose none.
        modes: the others that the API takes.
        auth: see `user_pool`; None where people do not sign in by a user pool.
    """
    others = sorted(mode.value for mode in modes if mode is not default)
    data = {
        "url": url,
        "aws_region": region,
        "default_authorization_type": default.value,
        "authorization_types": others,
        **({} if api_key is None else {"api_key": api_key}),
    }
    return {"version": FORMAT, "data": data, **({} if auth is None else {"auth": auth})}


def user_pool(
    *, region: str, pool_id: str, client_id: str, identity_pool_id: str | None = None, **further: Any
) -> Outputs:
    """The part `auth`, of a Cognito user pool with our groups."""
    return {
        "aws_region": region,
        "user_pool_id": pool_id,
        "user_pool_client_id": client_id,
        **({} if identity_pool_id is None else {"identity_pool_id": identity_pool_id}),
        "unauthenticated_identities_enabled": False,
        "groups": [{group.value: {"precedence": place}} for place, group in enumerate(Group)],
        **further,
    }


def of_server(settings: Settings, api_key: str | None) -> Outputs:
    """For this server. Without a user pool, tokens of the built-in sign-in are passed as those of mode `lambda`."""
    modes = {Mode.IAM}
    if api_key is not None:
        modes.add(Mode.API_KEY)
    if settings.oidc_issuer is not None:
        modes.add(Mode.OIDC)
    auth = None
    if settings.cognito_user_pool_id is None:
        default = Mode.LAMBDA
    else:
        default = Mode.COGNITO
        pool_id = settings.cognito_user_pool_id
        region, client_id = pool_id.partition("_")[0], settings.cognito_client_ids[0]
        auth = user_pool(region=region, pool_id=pool_id, client_id=client_id)
    return outputs(
        url=_dialled(f"{settings.base_url}/graphql"),
        region=settings.aws_region,
        default=Mode.API_KEY if auth is None and api_key is not None else default,
        modes=modes | {default},
        api_key=api_key,
        auth=auth,
    )


def of_stacks(deployed: Mapping[str, Mapping[str, str]], api: str) -> str | None:
    """What `cdk deploy --outputs-file` wrote of this API ("appsync" or "server"); None where it is not deployed."""
    part = {"appsync": "-appsync", "server": "-service"}[api]
    found = (values for stack, values in deployed.items() if stack.endswith(part))
    return next((values[OUTPUT] for values in found if OUTPUT in values), None)


OUTPUT = "AmplifyOutputs"
"""The stacks' output that holds the file."""


def _dialled(url: str) -> str:
    """In capitals without TLS: Amplify would turn `http` into `wss` for subscriptions, and leaves `HTTP` alone."""
    return f"HTTP{url.removeprefix('http')}" if url.startswith("http:") else url
