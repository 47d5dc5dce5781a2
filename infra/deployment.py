"""All stacks of one environment, in the order in which they need each other."""

import aws_cdk as cdk
from cdk_nag import AwsSolutionsChecks

from infra import product
from infra.amplify import tell_clients
from infra.bundle import CONTEXT
from infra.environments import Environment
from infra.stacks.analytics import AnalyticsStack
from infra.stacks.appsync import AppSyncStack
from infra.stacks.audit import AuditStack
from infra.stacks.backup import BackupStack
from infra.stacks.budgets import BudgetsStack
from infra.stacks.cache import CacheStack
from infra.stacks.copies import CopiesStack
from infra.stacks.data import DataStack
from infra.stacks.edge import EdgeStack, GlobalStack
from infra.stacks.identity import IdentityStack
from infra.stacks.media import MediaStack
from infra.stacks.messaging import MessagingStack
from infra.stacks.network import NetworkStack
from infra.stacks.observability import ObservabilityStack
from infra.stacks.scanning import ScanningStack
from infra.stacks.secrets import SecretsStack
from infra.stacks.service import ServiceStack
from infra.stacks.storage import StorageStack
from infra.stacks.web import WebStack
from infra.stacks.workers import WorkersStack


def build(environment: Environment, *, folder: str | None = None, bundled: bool = False) -> cdk.App:
    """The app of one environment, ready for `synth()`, which fails on what cdk-nag finds.

    Args:
        folder: where the templates go; None is the CDK CLI's choice.
        bundled: functions have their libraries, from infra/bundle.py, so that they may be deployed.
    """
    app = cdk.App(outdir=folder, analytics_reporting=False, context={**FLAGS, CONTEXT: bundled})
    cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    network = NetworkStack(app, environment)
    identity = IdentityStack(app, environment)
    data = DataStack(app, environment)
    storage = StorageStack(app, environment)
    if environment.copy_region is not None:
        CopiesStack(app, environment, environment.copy_region)
    if environment.malware_scans:
        ScanningStack(app, environment, storage)
    AuditStack(app, environment, storage)
    BackupStack(app, environment)
    BudgetsStack(app, environment)
    messaging = MessagingStack(app, environment)
    known = SecretsStack(app, environment)
    media = MediaStack(app, environment, storage)
    shared = GlobalStack(app, environment)
    settings = product.settings(environment, data, storage, identity, messaging, media)
    service = api = cache = None
    if environment.appsync:
        api = AppSyncStack(app, environment, settings, data, storage, known, identity, media, shared.certificate)
        tell_clients(api, identity, f"https://{environment.appsync_name}/graphql", api.public_key.attr_api_key)
    if environment.fargate:
        cache = CacheStack(app, environment, network, known)
        service = ServiceStack(app, environment, settings, network, data, storage, messaging, media, known, cache)
        tell_clients(service, identity, f"https://{environment.server_name}/graphql")
    if api is not None:
        WorkersStack(app, environment, settings, data, storage, known, messaging, media, api)
        if not environment.fargate:
            WebStack(app, environment, settings, data, storage, known, api)
    edge = EdgeStack(app, environment, shared, storage, service.balancer if service else None)
    ObservabilityStack(app, environment, messaging, edge, api=api, service=service, cache=cache)
    if environment.analytics_database:
        AnalyticsStack(app, environment, network)
    _tag(app, environment)
    return app


FLAGS = {
    "@aws-cdk/aws-iam:minimizePolicies": True,
    "@aws-cdk/aws-s3:serverAccessLogsUseBucketPolicy": True,
}
"""What CDK does in new projects only, unless it is told."""


def _tag(app: cdk.App, environment: Environment) -> None:
    for name, value in {"Application": "educonnect", "Environment": environment.name, **environment.tags}.items():
        cdk.Tags.of(app).add(name, value)
