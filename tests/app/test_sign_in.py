"""From settings to the sign-ins that a deployment accepts."""

from pathlib import Path

import pytest

from app.auth.local_issuer import ISSUER
from app.auth_settings import auth_config
from app.settings import Settings, SettingsFault
from app.sign_in import open_authenticator, open_issuer
from datasources.aws.lambda_function import LambdaFunction
from datasources.local.sqlite import SQLiteStore
from domain.callers import Mode

OIDC = {"OIDC_ISSUER": "https://id.example", "OIDC_CLIENT_IDS": "web,app", "OIDC_GROUPS_CLAIM": "roles"}
POOL = {"COGNITO_USER_POOL_ID": "eu-west-1_AbCdEf123", "COGNITO_CLIENT_IDS": "web"}


async def test_a_laptop_accepts_its_own_tokens_and_api_keys(tmp_path: Path):
    settings = Settings.load({"DATA_DIR": str(tmp_path)})
    issuer = await open_issuer(settings)
    assert issuer is not None
    config = auth_config(settings, issuer.provider)
    assert config.modes == {Mode.COGNITO, Mode.API_KEY}
    assert [provider.issuer for provider in config.providers] == [ISSUER]


async def test_every_mode_is_on_when_it_is_configured(tmp_path: Path):
    settings = Settings.load({**OIDC, **POOL, "LAMBDA_AUTHORIZER": "a:b", "IAM_KEYS": "AKIDA:one,AKIDB:two"})
    assert await open_issuer(settings) is None
    config = auth_config(settings)
    assert config.modes == set(Mode)
    pool, oidc = config.providers
    assert (pool.mode, pool.clients) == (Mode.COGNITO, ("web",))
    assert pool.issuer == "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbCdEf123"
    assert (oidc.mode, oidc.clients, oidc.groups_claim) == (Mode.OIDC, ("web", "app"), "roles")
    assert config.iam is not None
    assert {name: key.secret for name, key in config.iam.keys.items()} == {"AKIDA": "one", "AKIDB": "two"}


@pytest.mark.parametrize(
    "name", ["no.such.module:function", "tests.clients.authorizer:nothing", "tests.clients.authorizer:__doc__"]
)
async def test_an_authorizer_that_does_not_exist_is_a_fault_at_start(sqlite_store: SQLiteStore, name: str):
    settings = Settings.load({"LAMBDA_AUTHORIZER": name})
    with pytest.raises(SettingsFault, match="LAMBDA_AUTHORIZER"):
        async with open_authenticator(settings, sqlite_store, None):
            pass


@pytest.mark.parametrize(
    ("name", "is_on_aws"),
    [
        ("tests.clients.authorizer:authorize", False),
        ("authorize", True),
        ("arn:aws:lambda:eu-west-1:123456789012:function:authorize", True),
    ],
)
async def test_an_authorizer_is_a_function_here_or_a_lambda(sqlite_store: SQLiteStore, name: str, is_on_aws: bool):
    settings = Settings.load({"LAMBDA_AUTHORIZER": name})
    async with open_authenticator(settings, sqlite_store, None) as authenticator:
        assert authenticator.user_modes == {Mode.LAMBDA}
        asked = authenticator._authorizer._authorizer  # type: ignore[union-attr] # nobody is asked by this test
        assert isinstance(asked, LambdaFunction) is is_on_aws
