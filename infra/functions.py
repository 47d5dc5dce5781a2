"""A Lambda function of the product: how all of them are set up, and what each may do."""

from collections.abc import Mapping

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs

from infra.acknowledgements import acknowledge
from infra.bundle import PYTHON, code
from infra.permissions import Rights, secrets_of_functions, traces
from infra.rights import give
from infra.stacks.base import EnvironmentStack, retention
from infra.stacks.secrets import SecretsStack

HANDLERS = {
    "Resolver": "app.functions.resolver.handler",
    "Authorizer": "app.functions.authorizer.handler",
    "Changes": "app.functions.changes.handler",
    "Queue": "app.functions.queue.handler",
    "Schedule": "app.functions.schedule.handler",
    "Web": "app.functions.web.handler",
}


def function(
    stack: EnvironmentStack,
    name: str,
    *,
    environment: Mapping[str, str],
    known: SecretsStack,
    may: Rights,
    memory_mb: int = 1_024,
    seconds: int = 30,
) -> lambda_.Function:
    """One function with a role of its own, that may write its log, tell its traces, and do what `may` says."""
    log = logs.LogGroup(stack, f"{name}Log", retention=retention(stack.settings.log_days), removal_policy=stack.removal)
    role = iam.Role(stack, f"{name}Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
    log.grant_write(role)
    give(role, [*may, *secrets_of_functions(known), *traces()])
    made = lambda_.Function(
        stack,
        name,
        runtime=lambda_.Runtime(f"python{PYTHON}", lambda_.RuntimeFamily.PYTHON),
        architecture=lambda_.Architecture.ARM_64,
        code=code(stack),
        handler=HANDLERS[name],
        role=role,
        environment={**environment, "SECRETS_ARN": known.functions.secret_arn, "DATA_DIR": "/tmp"},  # noqa: S108 - Lambda's
        memory_size=memory_mb,
        timeout=cdk.Duration.seconds(seconds),
        tracing=lambda_.Tracing.ACTIVE,
        log_group=log,
        logging_format=lambda_.LoggingFormat.JSON,
    )
    acknowledge(made, "L1", f"Python {PYTHON} is what the image runs and the newest that every library has wheels for.")
    return made
