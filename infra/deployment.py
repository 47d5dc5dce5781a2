"""All stacks of one environment, in the order in which they need each other."""

import aws_cdk as cdk
from cdk_nag import AwsSolutionsChecks

from infra.environments import Environment
from infra.stacks.audit import AuditStack
from infra.stacks.backup import BackupStack
from infra.stacks.budgets import BudgetsStack
from infra.stacks.copies import CopiesStack
from infra.stacks.data import DataStack
from infra.stacks.identity import IdentityStack
from infra.stacks.messaging import MessagingStack
from infra.stacks.network import NetworkStack
from infra.stacks.scanning import ScanningStack
from infra.stacks.storage import StorageStack


def build(environment: Environment, *, folder: str | None = None) -> cdk.App:
    """The app of one environment, ready for `synth()`, which fails on what cdk-nag finds.

    Args:
        folder: where the templates go; None is the CDK CLI's choice.
    """
    app = cdk.App(outdir=folder, analytics_reporting=False, context=_FLAGS)
    cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    NetworkStack(app, environment)
    IdentityStack(app, environment)
    DataStack(app, environment)
    storage = StorageStack(app, environment)
    if environment.copy_region is not None:
        CopiesStack(app, environment, environment.copy_region)
    if environment.malware_scans:
        ScanningStack(app, environment, storage)
    AuditStack(app, environment, storage)
    BackupStack(app, environment)
    BudgetsStack(app, environment)
    MessagingStack(app, environment)
    _tag(app, environment)
    return app


_FLAGS = {
    "@aws-cdk/aws-iam:minimizePolicies": True,
    "@aws-cdk/aws-s3:serverAccessLogsUseBucketPolicy": True,
}
"""What CDK does in new projects only, unless it is told."""


def _tag(app: cdk.App, environment: Environment) -> None:
    for name, value in {"Application": "educonnect", "Environment": environment.name, **environment.tags}.items():
        cdk.Tags.of(app).add(name, value)
