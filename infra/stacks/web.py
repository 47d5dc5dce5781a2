"""HTTP beside GraphQL where AppSync answers and no server of ours: links to playlists, and uploads over plain HTTP."""

import json
from collections.abc import Mapping

from aws_cdk import aws_apigatewayv2 as gateway
from aws_cdk import aws_apigatewayv2_integrations as integrations
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_logs as logs
from aws_cdk import aws_route53 as route53
from aws_cdk import aws_route53_targets as targets
from constructs import Construct

from infra import permissions
from infra.acknowledgements import acknowledge
from infra.environments import Environment
from infra.functions import function
from infra.stacks.appsync import AppSyncStack
from infra.stacks.base import EnvironmentStack, retention
from infra.stacks.data import DataStack
from infra.stacks.edge import hosted_zone
from infra.stacks.secrets import SecretsStack
from infra.stacks.storage import StorageStack

PATHS = ("/playback/{rest+}", "/multipart/{rest+}")
MOST_PER_SECOND = 500
LOGGED = {
    "requestId": "$context.requestId",
    "method": "$context.httpMethod",
    "route": "$context.routeKey",  # never the path: a playlist's holds its signature
    "status": "$context.status",
    "ms": "$context.responseLatency",
}


class WebStack(EnvironmentStack):
    """An HTTP API under the name that our server would have, and the `web` function behind it."""

    def __init__(
        self,
        scope: Construct,
        environment: Environment,
        settings: Mapping[str, str],
        data: DataStack,
        storage: StorageStack,
        known: SecretsStack,
        api: AppSyncStack,
    ) -> None:
        super().__init__(scope, "web", environment)
        answering = function(
            self,
            "Web",
            environment={**settings, "APPSYNC_URL": api.api.attr_graph_ql_url},
            known=known,
            may=[*permissions.records(data), *permissions.files(storage), api.publishes],
        )
        http = gateway.HttpApi(self, "Http", create_default_stage=False, disable_execute_api_endpoint=True)
        to_function = integrations.HttpLambdaIntegration("Function", answering)
        for path in PATHS:
            http.add_routes(path=path, methods=[gateway.HttpMethod.ANY], integration=to_function)
        acknowledge(http, "APIG4", "The function asks who calls, as our server does; a playlist's link is signed.")
        self._stage(http)

    def _stage(self, http: gateway.HttpApi) -> None:
        zone = hosted_zone(self)
        name = self.settings.server_name
        certificate = acm.Certificate(
            self, "Certificate", domain_name=name, validation=acm.CertificateValidation.from_dns(zone)
        )
        domain = gateway.DomainName(
            self,
            "Name",
            domain_name=name,
            certificate=certificate,
            security_policy=gateway.SecurityPolicy.TLS_1_2,
        )
        log = logs.LogGroup(self, "AccessLog", retention=retention(self.settings.log_days), removal_policy=self.removal)
        stage = gateway.HttpStage(
            self,
            "Stage",
            http_api=http,
            stage_name="$default",
            auto_deploy=True,
            throttle=gateway.ThrottleSettings(rate_limit=MOST_PER_SECOND, burst_limit=MOST_PER_SECOND),
            domain_mapping=gateway.DomainMappingOptions(domain_name=domain),
        )
        resource = stage.node.default_child
        if not isinstance(resource, gateway.CfnStage):
            raise TypeError("the stage is no resource of CloudFormation")
        resource.access_log_settings = gateway.CfnStage.AccessLogSettingsProperty(
            destination_arn=log.log_group_arn, format=json.dumps(LOGGED)
        )
        alias = targets.ApiGatewayv2DomainProperties(domain.regional_domain_name, domain.regional_hosted_zone_id)
        route53.ARecord(self, "Record", zone=zone, record_name=name, target=route53.RecordTarget.from_alias(alias))
