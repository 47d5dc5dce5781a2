"""The API on AWS AppSync: the exported schema, a resolver for each field that has one, the functions behind them."""

from collections.abc import Mapping
from datetime import UTC, datetime, time
from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_appsync as appsync
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_codedeploy as codedeploy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_route53 as route53
from aws_cdk import aws_s3_assets as assets
from aws_cdk import aws_wafv2 as waf
from constructs import Construct
from graphql import DocumentNode, ObjectTypeDefinitionNode

import resolvers
from app import sdl
from app.appsync.fields import FieldResolver, field_resolvers
from domain.callers import Mode
from infra import permissions
from infra.acknowledgements import acknowledge
from infra.environments import Environment
from infra.firewall import firewall
from infra.functions import function
from infra.product import user_modes
from infra.rights import Right, give
from infra.stacks.base import EnvironmentStack, retention
from infra.stacks.data import DataStack
from infra.stacks.identity import IdentityStack
from infra.stacks.media import MediaStack
from infra.stacks.secrets import SecretsStack
from infra.stacks.storage import StorageStack

CODE = Path(__file__).parent.parent / "appsync_js" / "resolver.js"
CACHED_SECONDS: Mapping[str, int] = {"Query.getServerInfo": 300, "Query.listUploadRules": 300}
"""What AppSync may answer by itself where it has a cache: the same for every caller, whoever asks."""
MOST_DEPTH = 10
"""As MAX_DEPTH of the server."""


class AppSyncStack(EnvironmentStack):
    """Offers the API to workers and to the dashboard.

    Attributes:
        api: the API itself; `api.attr_graph_ql_url` is its address.
        public_key: clients' key for public reads.
        resolver: the function behind every field.
        publishes: what a process may do that tells subscribers of events.
    """

    def __init__(
        self,
        scope: Construct,
        environment: Environment,
        settings: Mapping[str, str],
        data: DataStack,
        storage: StorageStack,
        known: SecretsStack,
        identity: IdentityStack,
        media: MediaStack,
        certificate: acm.ICertificate,
    ) -> None:
        super().__init__(scope, "appsync", environment)
        document = sdl.load()
        self.authorizer = self._authorizer(settings, known)
        self.api = self._api(identity)
        self.publishes = self._publishes(document)
        self.resolver = function(
            self,
            "Resolver",
            known=known,
            environment={**settings, "APPSYNC_URL": self.api.attr_graph_ql_url},
            may=[
                *permissions.records(data),
                *permissions.files(storage),
                *permissions.faces(media),
                *permissions.calls(self),
                *permissions.recordings(self),
                self.publishes,
            ],
        )
        self._resolvers(document, self._source(self._live()))
        self._protect()
        self._name(certificate)

    def _authorizer(self, settings: Mapping[str, str], known: SecretsStack) -> lambda_.Function | None:
        """It judges tokens and reads nothing of ours."""
        if self.settings.lambda_authorizer is None:
            return None
        return function(self, "Authorizer", environment=settings, known=known, may=[], seconds=10)

    def _api(self, identity: IdentityStack) -> appsync.CfnGraphQLApi:
        production = self.settings.keeps_data
        api = appsync.CfnGraphQLApi(
            self,
            "Api",
            name=f"{self.settings.prefix}api",
            authentication_type=Mode.COGNITO.value,
            user_pool_config=appsync.CfnGraphQLApi.UserPoolConfigProperty(
                user_pool_id=identity.pool.user_pool_id,
                aws_region=self.region,
                default_action="ALLOW",
                app_id_client_regex=identity.client.user_pool_client_id,
            ),
            additional_authentication_providers=self._further_modes(),
            introspection_config="DISABLED" if production else "ENABLED",
            query_depth_limit=MOST_DEPTH if production else 0,  # a full introspection is deeper
            xray_enabled=True,
            log_config=appsync.CfnGraphQLApi.LogConfigProperty(
                cloud_watch_logs_role_arn=self._log_role().role_arn,
                field_log_level="ERROR",
                exclude_verbose_content=True,  # arguments and answers hold what users said
            ),
            enhanced_metrics_config=appsync.CfnGraphQLApi.EnhancedMetricsConfigProperty(
                resolver_level_metrics_behavior="PER_RESOLVER_METRICS",
                data_source_level_metrics_behavior="FULL_REQUEST_DATA_SOURCE_METRICS",
                operation_level_metrics_config="ENABLED",
            ),
        )
        acknowledge(api, "ASC3", "Requests are logged, without arguments and answers: they hold what users say.")
        logs.LogGroup(
            self,
            "ApiLog",
            log_group_name=f"/aws/appsync/apis/{api.attr_api_id}",
            retention=retention(self.settings.log_days),
            removal_policy=self.removal,
        )
        if self.authorizer is not None:
            self.authorizer.add_permission(
                "AppSync", principal=iam.ServicePrincipal("appsync.amazonaws.com"), source_arn=api.attr_arn
            )
        ends = datetime.combine(self.settings.api_key_expires, time(), UTC)
        self.public_key = appsync.CfnApiKey(self, "PublicKey", api_id=api.attr_api_id, expires=int(ends.timestamp()))
        if self.settings.appsync_cache is not None:
            appsync.CfnApiCache(
                self,
                "Cache",
                api_id=api.attr_api_id,
                api_caching_behavior="PER_RESOLVER_CACHING",
                type=self.settings.appsync_cache,
                ttl=300,
                at_rest_encryption_enabled=True,
                transit_encryption_enabled=True,
            )
        return api

    def _further_modes(self) -> list[appsync.CfnGraphQLApi.AdditionalAuthenticationProviderProperty]:
        mode = appsync.CfnGraphQLApi.AdditionalAuthenticationProviderProperty
        modes = [mode(authentication_type=Mode.API_KEY.value), mode(authentication_type=Mode.IAM.value)]
        if self.authorizer is not None:
            asked = appsync.CfnGraphQLApi.LambdaAuthorizerConfigProperty(
                authorizer_uri=self.authorizer.function_arn, authorizer_result_ttl_in_seconds=300
            )
            modes.append(mode(authentication_type=Mode.LAMBDA.value, lambda_authorizer_config=asked))
        if self.settings.oidc_issuer is not None:
            issuer = appsync.CfnGraphQLApi.OpenIDConnectConfigProperty(
                issuer=self.settings.oidc_issuer, client_id="|".join(self.settings.oidc_client_ids)
            )
            modes.append(mode(authentication_type=Mode.OIDC.value, open_id_connect_config=issuer))
        return modes

    def _log_role(self) -> iam.Role:
        role = iam.Role(self, "LogRole", assumed_by=iam.ServicePrincipal("appsync.amazonaws.com"))
        groups = self.format_arn(
            service="logs",
            resource="log-group",
            resource_name="/aws/appsync/apis/*",
            arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
        )
        writes = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]
        why = "The log's name holds the API's id, and the API needs the role first."
        give(role, [Right(writes, [groups, f"{groups}:*"], why)])
        return role

    def _publishes(self, document: DocumentNode) -> Right:
        """The mutations that only backends may call: they have subscribers told."""
        fields = [
            field.name.value
            for definition in document.definitions
            if isinstance(definition, ObjectTypeDefinitionNode) and definition.name.value == "Mutation"
            for field in definition.fields or ()
            if field.name.value.startswith("publish") and Mode.IAM in sdl.gate(definition, field)
        ]
        return Right(["appsync:GraphQL"], [f"{self.api.attr_arn}/types/Mutation/fields/{name}" for name in fields])

    def _live(self) -> lambda_.Alias:
        """What AppSync calls. A new version takes a tenth of the calls for five minutes, and goes back on errors."""
        alias = lambda_.Alias(
            self,
            "Live",
            alias_name="live",
            version=self.resolver.current_version,
            provisioned_concurrent_executions=self.settings.provisioned_concurrency or None,
        )
        failing = cloudwatch.Alarm(
            self,
            "NewVersionFails",
            metric=alias.metric_errors(period=cdk.Duration.minutes(1)),
            threshold=5,
            evaluation_periods=1,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        group = codedeploy.LambdaDeploymentGroup(
            self,
            "Deployment",
            alias=alias,
            deployment_config=codedeploy.LambdaDeploymentConfig.CANARY_10_PERCENT_5_MINUTES,
            alarms=[failing],
        )
        policy = "Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AWSCodeDeployRoleForLambdaLimited"
        acknowledge(group, f"IAM4[{policy}]", "What CodeDeploy needs to shift calls between versions, kept by AWS.")
        return alias

    def _source(self, alias: lambda_.Alias) -> appsync.CfnDataSource:
        role = iam.Role(self, "SourceRole", assumed_by=iam.ServicePrincipal("appsync.amazonaws.com"))
        role.add_to_policy(iam.PolicyStatement(actions=["lambda:InvokeFunction"], resources=[alias.function_arn]))
        return appsync.CfnDataSource(
            self,
            "Source",
            api_id=self.api.attr_api_id,
            name="resolver",
            type="AWS_LAMBDA",
            service_role_arn=role.role_arn,
            lambda_config=appsync.CfnDataSource.LambdaConfigProperty(lambda_function_arn=alias.function_arn),
        )

    def _resolvers(self, document: DocumentNode, source: appsync.CfnDataSource) -> None:
        schema = appsync.CfnGraphQLSchema(
            self,
            "Schema",
            api_id=self.api.attr_api_id,
            definition=sdl.appsync_sdl(document, user_modes(self.settings)),
        )
        code = assets.Asset(self, "ResolverCode", path=str(CODE))
        for field in field_resolvers(resolvers.registry):
            self._resolver(field, source, code).add_resource_dependency(schema)

    def _resolver(self, field: FieldResolver, source: appsync.CfnDataSource, code: assets.Asset) -> appsync.CfnResolver:
        cached = CACHED_SECONDS.get(f"{field.type_name}.{field.field_name}")
        caching = (
            None
            if cached is None or self.settings.appsync_cache is None
            else appsync.CfnResolver.CachingConfigProperty(ttl=cached)
        )
        return appsync.CfnResolver(
            self,
            f"{field.type_name}{field.field_name[0].upper()}{field.field_name[1:]}",
            api_id=self.api.attr_api_id,
            type_name=field.type_name,
            field_name=field.field_name,
            kind="UNIT",
            data_source_name=source.attr_name,
            runtime=appsync.CfnResolver.AppSyncRuntimeProperty(name="APPSYNC_JS", runtime_version="1.0.0"),
            code_s3_location=code.s3_object_url,
            max_batch_size=field.max_batch_size or None,
            metrics_config="ENABLED" if field.type_name in sdl.ROOTS else "DISABLED",
            caching_config=caching,
        )

    def _protect(self) -> None:
        acl = firewall(self, "REGIONAL")
        waf.CfnWebACLAssociation(self, "Protected", resource_arn=self.api.attr_arn, web_acl_arn=acl.attr_arn)

    def _name(self, certificate: acm.ICertificate) -> None:
        name = appsync.CfnDomainName(
            self, "Name", domain_name=self.settings.appsync_name, certificate_arn=certificate.certificate_arn
        )
        appsync.CfnDomainNameApiAssociation(
            self, "Named", domain_name=name.attr_domain_name, api_id=self.api.attr_api_id
        )
        route53.CfnRecordSet(
            self,
            "NameRecord",
            hosted_zone_id=self.settings.hosted_zone_id,
            name=self.settings.appsync_name,
            type="A",
            alias_target=route53.CfnRecordSet.AliasTargetProperty(
                dns_name=name.attr_app_sync_domain_name, hosted_zone_id=name.attr_hosted_zone_id
            ),
        )
