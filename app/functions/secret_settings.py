"""Settings that are secret, from AWS Secrets Manager: then they stand in no function's configuration."""

from collections.abc import Mapping

import msgspec

from app.settings import SettingsFault

SECRET = "SECRETS_ARN"  # noqa: S105 - a variable's name, no secret


async def with_secrets(environ: Mapping[str, str]) -> Mapping[str, str]:
    """The environment, and what the secret that SECRETS_ARN names holds: a JSON object of settings.

    Raises:
        SettingsFault: it cannot be read, or holds something else.
    """
    arn = environ.get(SECRET)
    if not arn:
        return environ
    import aioboto3  # takes long, and not every process has a secret

    from datasources.aws.vendor_errors import FAULTS, code_of

    where = {"region_name": environ.get("AWS_REGION"), "endpoint_url": environ.get("AWS_ENDPOINT_URL")}
    try:
        async with aioboto3.Session().client("secretsmanager", **where) as client:
            answer = await client.get_secret_value(SecretId=arn)
    except FAULTS as error:
        raise SettingsFault([f"{SECRET}: cannot be read: {code_of(error) or type(error).__name__}"]) from None
    try:
        return {**environ, **msgspec.json.decode(answer["SecretString"], type=dict[str, str])}
    except msgspec.DecodeError:
        raise SettingsFault([f"{SECRET}: holds no JSON object of settings"]) from None
