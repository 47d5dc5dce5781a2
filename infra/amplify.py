"""The stacks' output that becomes `amplify_outputs.json` of front ends."""

import re

import aws_cdk as cdk
from aws_cdk import aws_cognito as cognito

from app.amplify_outputs import OUTPUT, outputs, user_pool
from domain.callers import Mode
from infra.product import user_modes
from infra.stacks.base import EnvironmentStack
from infra.stacks.identity import IdentityStack


def tell_clients(stack: EnvironmentStack, identity: IdentityStack, url: str, api_key: str | None = None) -> None:
    """`python -m app amplify-outputs --stacks FILE` reads it. The key is for public reads, and no secret."""
    auth = user_pool(
        region=identity.region,
        pool_id=identity.pool.user_pool_id,
        client_id=identity.client.user_pool_client_id,
        identity_pool_id=identity.identity_pool.ref,
        mfa_configuration="OPTIONAL",
        mfa_methods=["SMS", "TOTP"],
        username_attributes=["email"],
        standard_required_attributes=["email"],
        user_verification_types=["email"],
        password_policy=_password_policy(identity),
    )
    modes = {*user_modes(stack.settings), Mode.API_KEY, Mode.IAM}
    file = outputs(url=url, region=stack.region, default=Mode.COGNITO, modes=modes, api_key=api_key, auth=auth)
    cdk.CfnOutput(stack, OUTPUT, value=stack.to_json_string(file), description="amplify_outputs.json")


def _password_policy(identity: IdentityStack) -> dict[str, object]:
    """As the pool has it: `minimumLength` is Amplify's `min_length`, `requireSymbols` its `require_symbols`."""
    pool = identity.pool.node.default_child
    if not isinstance(pool, cognito.CfnUserPool):
        raise TypeError("the user pool is no resource of CloudFormation")
    policy = identity.resolve(pool.policies)["passwordPolicy"]
    named = {re.sub("([A-Z])", lambda found: f"_{found[1].lower()}", name): value for name, value in policy.items()}
    return {"min_length": named["minimum_length"]} | {
        name: value for name, value in named.items() if name.startswith("require_")
    }
