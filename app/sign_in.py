"""What checks credentials, as the settings choose."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.auth.authenticator import Authenticator
from app.auth.local_issuer import LocalIssuer
from app.auth_settings import auth_config
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
        config = auth_config(settings, None if issuer is None else issuer.provider)
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
