"""Secrets of functions, as moto's Secrets Manager keeps them."""

import pytest
from ulid import ULID

from app.functions.secret_settings import with_secrets
from app.settings import SettingsFault
from tests import moto_services
from tests.moto_services import REGION


async def kept(url: str, text: str) -> dict[str, str]:
    """The environment of a function whose secret holds this text."""
    async with moto_services.clients(url, "secretsmanager") as [client]:
        made = await client.create_secret(Name=ULID().hex, SecretString=text)
    return {"AWS_REGION": REGION, "AWS_ENDPOINT_URL": url, "SECRETS_ARN": made["ARN"], "TABLE_PREFIX": "x-"}


async def test_what_the_secret_holds_is_added(aws: str) -> None:
    environ = await with_secrets(await kept(aws, '{"CURSOR_SECRET": "s3cret"}'))
    assert (environ["CURSOR_SECRET"], environ["TABLE_PREFIX"]) == ("s3cret", "x-")


async def test_without_a_secret_nothing_is_asked() -> None:
    assert await with_secrets({"TABLE_PREFIX": "x-"}) == {"TABLE_PREFIX": "x-"}


@pytest.mark.parametrize("text", ["no json", '["a list"]', '{"a": 1}'])
async def test_something_else_is_said_so_without_telling_it(aws: str, text: str) -> None:
    with pytest.raises(SettingsFault, match="SECRETS_ARN: holds no JSON object") as raised:
        await with_secrets(await kept(aws, text))
    assert text not in str(raised.value)


async def test_a_secret_that_is_not_there_is_said_so(aws: str) -> None:
    environ = await kept(aws, "{}")
    with pytest.raises(SettingsFault, match="SECRETS_ARN: cannot be read: ResourceNotFoundException"):
        await with_secrets({**environ, "SECRETS_ARN": "no-such-secret"})
