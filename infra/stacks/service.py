"""Our own server on Fargate: tasks behind an internal load balancer that CloudFront reaches, and tasks for the workers.

A new version comes beside the old one, takes over at once, and the old one stays for the bake time: an alarm turns
back to it. ECS does this by itself; under CodeDeploy's controller a stack could not change its own service.
"""

from collections.abc import Mapping
from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecr_assets as images
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_elasticloadbalancingv2 as balancing
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_secretsmanager as secrets
from constructs import Construct

from infra import permissions
from infra.acknowledgements import acknowledge
from infra.dashboards import NAMESPACE
from infra.environments import Environment
from infra.rights import give
from infra.stacks import cache as cache_of_events
from infra.stacks.base import EnvironmentStack, retention
from infra.stacks.cache import CacheStack
from infra.stacks.data import DataStack
from infra.stacks.edge import hosted_zone
from infra.stacks.media import MediaStack
from infra.stacks.messaging import MessagingStack
from infra.stacks.network import NetworkStack
from infra.stacks.secrets import SecretsStack
from infra.stacks.storage import StorageStack

ROOT = Path(__file__).parent.parent.parent
PORT = 8000
STOP_SECONDS = 60
"""Before a stopping task is killed; more than both drain times of the Dockerfile together."""
IDLE_SECONDS = 120
"""Before the load balancer ends a silent connection; sockets say something every 60 seconds."""
KEEP_ALIVE_SECONDS = 150
"""Before the server does: later than the load balancer, which would otherwise send into a closed connection."""
BAKE_MINUTES = 10
CPU_PERCENT = 55
SOCKETS_A_TASK = 5_000
"""What scaling aims at; a task takes MAX_SOCKETS."""


class ServiceStack(EnvironmentStack):
    """Offers the `balancer` and the two services, `server` and `workers`, with the `target_groups` of the server."""

    def __init__(
        self,
        scope: Construct,
        environment: Environment,
        settings: Mapping[str, str],
        network: NetworkStack,
        data: DataStack,
        storage: StorageStack,
        messaging: MessagingStack,
        media: MediaStack,
        known: SecretsStack,
        cache: CacheStack,
    ) -> None:
        super().__init__(scope, "service", environment)
        self._network = network
        self._cache = cache
        self._settings = {
            **settings,
            "AWS_REGION": environment.region,
            "KEEP_ALIVE_SECONDS": str(KEEP_ALIVE_SECONDS),
            "METRICS_EMF": "true",
        }
        self._secrets_key = known.key.key_arn
        secret_arns = {
            "CURSOR_SECRET": known.cursor.secret_arn,
            "WEB_PUSH_KEY": known.web_push.secret_arn,
            "REDIS_URL": cache.url.secret_arn,
        }
        self._secrets = {
            # By their ARNs: as objects they would have the key's policy name this stack's roles, and so depend on it.
            name: ecs.Secret.from_secrets_manager(secrets.Secret.from_secret_complete_arn(self, name, arn))
            for name, arn in secret_arns.items()
        }
        self._image = ecs.ContainerImage.from_docker_image_asset(
            images.DockerImageAsset(
                self, "Image", directory=str(ROOT), target="server", platform=images.Platform.LINUX_ARM64
            )
        )
        self.cluster = ecs.Cluster(
            self,
            "Cluster",
            vpc=network.vpc,
            container_insights_v2=ecs.ContainerInsights.ENHANCED,
            enable_fargate_capacity_providers=True,
        )
        serving = [
            *permissions.records(data),
            *permissions.files(storage),
            *permissions.faces(media),
            *permissions.calls(self),
            *permissions.recordings(self),
        ]
        queues = [
            messaging.changes_queue, messaging.meeting_events, messaging.malware_scans, messaging.mail_feedback,
        ]  # fmt: skip
        working = [
            *serving,
            *permissions.streams(data),
            *permissions.conversions(media),
            *permissions.mail(self),
            *permissions.receives(messaging, queues),
            *permissions.tells(messaging, messaging.changes_topic),
        ]
        self.balancer, rule, self.target_groups = self._balancer(storage)
        self.server = self._server(self._task("Server", serving, memory_mb=2_048, works=False), rule)
        self.workers = self._workers(self._task("Worker", working, memory_mb=4_096, works=True))

    def _balancer(
        self, storage: StorageStack
    ) -> tuple[
        balancing.ApplicationLoadBalancer, balancing.ApplicationListenerRule, list[balancing.ApplicationTargetGroup]
    ]:
        group = ec2.SecurityGroup(
            self, "BalancerGroup", vpc=self._network.vpc, description="The load balancer", allow_all_outbound=False
        )
        group.add_ingress_rule(
            ec2.Peer.prefix_list(self.settings.cloudfront_prefix_list), ec2.Port.tcp(443), "CloudFront"
        )
        balancer = balancing.ApplicationLoadBalancer(
            self,
            "Balancer",
            vpc=self._network.vpc,
            internet_facing=False,
            security_group=group,
            idle_timeout=cdk.Duration.seconds(IDLE_SECONDS),
            drop_invalid_header_fields=True,
            deletion_protection=self.settings.keeps_data,
        )
        balancer.log_access_logs(storage.logs, prefix="balancer")
        listener = balancer.add_listener(
            "Https",
            port=443,
            open=False,
            certificates=[self._certificate()],
            ssl_policy=balancing.SslPolicy.TLS13_RES,
            default_action=balancing.ListenerAction.fixed_response(404),
        )
        targets = [self._target_group(name) for name in ("Blue", "Green")]
        rule = balancing.ApplicationListenerRule(
            self,
            "Server",
            listener=listener,
            priority=1,
            conditions=[balancing.ListenerCondition.host_headers([self.settings.server_name])],
            action=balancing.ListenerAction.weighted_forward(
                [
                    balancing.WeightedTargetGroup(target_group=target, weight=weight)
                    for target, weight in zip(targets, (100, 0), strict=True)
                ]
            ),
        )
        return balancer, rule, targets

    def _certificate(self) -> acm.Certificate:
        validation = acm.CertificateValidation.from_dns(hosted_zone(self))
        return acm.Certificate(self, "Certificate", domain_name=self.settings.server_name, validation=validation)

    def _target_group(self, name: str) -> balancing.ApplicationTargetGroup:
        return balancing.ApplicationTargetGroup(
            self,
            name,
            vpc=self._network.vpc,
            port=PORT,
            protocol=balancing.ApplicationProtocol.HTTP,
            target_type=balancing.TargetType.IP,
            # Sockets live long, so a task with few is better than the next in turn.
            load_balancing_algorithm_type=balancing.TargetGroupLoadBalancingAlgorithmType.LEAST_OUTSTANDING_REQUESTS,
            deregistration_delay=cdk.Duration.seconds(30),
            health_check=balancing.HealthCheck(
                path="/readyz",
                interval=cdk.Duration.seconds(10),
                timeout=cdk.Duration.seconds(5),
                healthy_threshold_count=2,
                unhealthy_threshold_count=2,
            ),
        )

    def _task(
        self,
        name: str,
        may: permissions.Rights,
        *,
        memory_mb: int,
        works: bool,
    ) -> ecs.FargateTaskDefinition:
        log = logs.LogGroup(
            self, f"{name}Log", retention=retention(self.settings.log_days), removal_policy=self.removal
        )
        role = iam.Role(self, f"{name}Role", assumed_by=iam.ServicePrincipal("ecs-tasks.amazonaws.com"))
        give(role, may)
        task = ecs.FargateTaskDefinition(
            self,
            f"{name}Task",
            cpu=1_024,
            memory_limit_mib=memory_mb,
            task_role=role,
            runtime_platform=ecs.RuntimePlatform(
                cpu_architecture=ecs.CpuArchitecture.ARM64, operating_system_family=ecs.OperatingSystemFamily.LINUX
            ),
            volumes=[ecs.Volume(name="tmp"), ecs.Volume(name="data")],
        )
        task.add_to_execution_role_policy(iam.PolicyStatement(actions=["kms:Decrypt"], resources=[self._secrets_key]))
        acknowledge(task, "IAM5[Resource::*]", "ECR gives its token for all repositories or for none.")
        limits = ecs.LinuxParameters(self, f"{name}Linux", init_process_enabled=True)
        limits.drop_capabilities(ecs.Capability.ALL)
        container = task.add_container(
            "server",
            image=self._image,
            user="10001:10001",
            readonly_root_filesystem=True,
            linux_parameters=limits,
            environment={**self._settings, "WORKERS": str(works).lower()},
            secrets=self._secrets,
            logging=ecs.LogDrivers.aws_logs(stream_prefix=name.lower(), log_group=log),
            stop_timeout=cdk.Duration.seconds(STOP_SECONDS),
            health_check=ecs.HealthCheck(
                command=["CMD", "python", "-m", "app.probe"],
                interval=cdk.Duration.seconds(15),
                timeout=cdk.Duration.seconds(5),
                start_period=cdk.Duration.seconds(30),
            ),
            port_mappings=[ecs.PortMapping(container_port=PORT)],
            ulimits=[ecs.Ulimit(name=ecs.UlimitName.NOFILE, soft_limit=65_536, hard_limit=65_536)],
        )
        container.add_mount_points(
            ecs.MountPoint(source_volume="tmp", container_path="/tmp", read_only=False),  # noqa: S108 - the container's
            ecs.MountPoint(source_volume="data", container_path="/data", read_only=False),
        )
        acknowledge(task, "ECS2", "Names and addresses only; what is secret comes from Secrets Manager.")
        return task

    def _security_group(self, name: str) -> ec2.SecurityGroup:
        """Tasks reach AWS, push services and the cache; nobody reaches them but the load balancer."""
        group = ec2.SecurityGroup(
            self, f"{name}Group", vpc=self._network.vpc, description=f"Tasks: {name}", allow_all_outbound=False
        )
        group.add_egress_rule(ec2.Peer.any_ipv4(), ec2.Port.tcp(443), "AWS and push services")
        group.add_egress_rule(self._cache.security_group, ec2.Port.tcp(cache_of_events.PORT), "The cache")
        ec2.CfnSecurityGroupIngress(
            self,
            f"{name}ToCache",
            group_id=self._cache.security_group.security_group_id,
            source_security_group_id=group.security_group_id,
            ip_protocol="tcp",
            from_port=cache_of_events.PORT,
            to_port=cache_of_events.PORT,
            description=f"Tasks: {name}",
        )
        return group

    def _server(self, task: ecs.FargateTaskDefinition, rule: balancing.ApplicationListenerRule) -> ecs.FargateService:
        least, most = self.settings.tasks
        blue, green = self.target_groups
        group = self._security_group("Server")
        group.connections.allow_from(self.balancer, ec2.Port.tcp(PORT), "The load balancer")
        service = ecs.FargateService(
            self,
            "ServerService",
            cluster=self.cluster,
            task_definition=task,
            desired_count=least,
            assign_public_ip=False,
            vpc_subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS),
            security_groups=[group],
            min_healthy_percent=100,
            max_healthy_percent=200,
            health_check_grace_period=cdk.Duration.seconds(60),
            deployment_strategy=ecs.DeploymentStrategy.BLUE_GREEN,
            bake_time=cdk.Duration.minutes(BAKE_MINUTES),
            deployment_alarms=ecs.DeploymentAlarmConfig(
                alarm_names=[self._failing(blue, "Blue").alarm_name, self._failing(green, "Green").alarm_name],
                behavior=ecs.AlarmBehavior.ROLLBACK_ON_ALARM,
            ),
            propagate_tags=ecs.PropagatedTagSource.SERVICE,
        )
        target = service.load_balancer_target(
            container_name="server",
            container_port=PORT,
            alternate_target=ecs.AlternateTarget(
                "Alternate",
                alternate_target_group=green,
                production_listener=ecs.ListenerRuleConfiguration.application_listener_rule(rule),
            ),
        )
        blue.add_target(target)
        policy = "Policy::arn:<AWS::Partition>:iam::aws:policy/AmazonECSInfrastructureRolePolicyForLoadBalancers"
        acknowledge(service, f"IAM4[{policy}]", "What ECS needs to turn the listener from blue to green, kept by AWS.")
        self._scale(service, least, most)
        return service

    def _failing(self, target_group: balancing.ApplicationTargetGroup, name: str) -> cloudwatch.Alarm:
        metric = target_group.metrics.http_code_target(
            balancing.HttpCodeTarget.TARGET_5XX_COUNT, period=cdk.Duration.minutes(1), statistic="Sum"
        )
        return cloudwatch.Alarm(
            self,
            f"{name}Fails",
            alarm_name=f"{self.settings.prefix}{name.lower()}-fails",
            metric=metric,
            threshold=20,
            evaluation_periods=2,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )

    def _scale(self, service: ecs.FargateService, least: int, most: int) -> None:
        scaling = service.auto_scale_task_count(min_capacity=least, max_capacity=most)
        out, back = cdk.Duration.seconds(60), cdk.Duration.minutes(10)  # a task that goes cuts its sockets
        scaling.scale_on_cpu_utilization(
            "Cpu", target_utilization_percent=CPU_PERCENT, scale_out_cooldown=out, scale_in_cooldown=back
        )
        sockets = cloudwatch.Metric(
            namespace=NAMESPACE,
            metric_name="sockets",
            statistic="Average",
            period=cdk.Duration.minutes(1),
        )
        scaling.scale_to_track_custom_metric(
            "Sockets", metric=sockets, target_value=SOCKETS_A_TASK, scale_out_cooldown=out, scale_in_cooldown=back
        )

    def _workers(self, task: ecs.FargateTaskDefinition) -> ecs.FargateService:
        """On Spot: what they are at is in the store, so whoever comes next goes on."""
        return ecs.FargateService(
            self,
            "WorkerService",
            cluster=self.cluster,
            task_definition=task,
            desired_count=self.settings.worker_tasks,
            assign_public_ip=False,
            vpc_subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS),
            security_groups=[self._security_group("Worker")],
            min_healthy_percent=0,
            max_healthy_percent=200,
            capacity_provider_strategies=[ecs.CapacityProviderStrategy(capacity_provider="FARGATE_SPOT", weight=1)],
            circuit_breaker=ecs.DeploymentCircuitBreaker(rollback=True),
            propagate_tags=ecs.PropagatedTagSource.SERVICE,
        )
