"""What only the product's processes may know. Secrets Manager makes the values; nobody has to see them."""

import json

import aws_cdk as cdk
from aws_cdk import aws_kms as kms
from aws_cdk import aws_secretsmanager as secrets
from constructs import Construct

from infra.acknowledgements import acknowledge
from infra.environments import Environment
from infra.stacks.base import EnvironmentStack


class SecretsStack(EnvironmentStack):
    """Offers the secrets and the `key` that encrypts them.

    Attributes:
        cursor: seals positions of lists and links to playlists (CURSOR_SECRET).
        web_push: signs pushes to browsers (WEB_PUSH_KEY).
        cache: opens the Redis between tasks.
        functions: the secret settings of functions, as one JSON object.
    """

    def __init__(self, scope: Construct, environment: Environment) -> None:
        super().__init__(scope, "secrets", environment)
        self.key = kms.Key(self, "Key", description="Secrets", enable_key_rotation=True, removal_policy=self.removal)
        self.cursor = self._secret("Cursor", 64, "A new one ends all lists that are being read; it is changed by hand.")
        # 43 letters and digits are a private key of P-256 in base64url.
        self.web_push = self._secret(
            "WebPush", 43, "Browsers are subscribed to its public half, for as long as it lives."
        )
        self.cache = self._secret("Cache", 64, "It is changed together with the tasks that use it, by hand.")

        self.functions = self._of_functions()

    def _of_functions(self) -> secrets.Secret:
        references = {
            # References that CloudFormation resolves, not the values.
            "CURSOR_SECRET": self.cursor.secret_value.unsafe_unwrap(),
            "WEB_PUSH_KEY": self.web_push.secret_value.unsafe_unwrap(),
        }
        made = secrets.Secret(
            self,
            "Functions",
            secret_name=f"{self.settings.prefix}functions",
            encryption_key=self.key,
            secret_string_value=cdk.SecretValue.unsafe_plain_text(json.dumps(references)),
            removal_policy=self.removal,
        )
        acknowledge(made, "SMG4", "It is made of the others and follows them.")
        return made

    def _secret(self, name: str, length: int, unrotated: str) -> secrets.Secret:
        made = secrets.Secret(
            self,
            name,
            secret_name=f"{self.settings.prefix}{name}",
            encryption_key=self.key,
            generate_secret_string=secrets.SecretStringGenerator(
                password_length=length, exclude_punctuation=True, require_each_included_type=False
            ),
            removal_policy=self.removal,
        )
        acknowledge(made, "SMG4", unrotated)
        return made
