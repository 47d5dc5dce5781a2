"""Names by which stacks of different regions know each other's resources, which cannot be referred to otherwise."""

import aws_cdk as cdk

from infra.environments import Environment


def copy_bucket(stack: cdk.Stack, environment: Environment, purpose: str) -> str:
    """The bucket of copies. Its name holds the account: names of buckets are the world's."""
    return f"{environment.prefix}{purpose.lower()}-copies-{stack.account}"


def copy_key_alias(environment: Environment) -> str:
    return f"alias/{environment.prefix}copies"
