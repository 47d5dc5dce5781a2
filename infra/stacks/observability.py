"""What people see and what wakes them: dashboards, alarms for each promise, and their way to the ops topic."""

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_xray as xray
from constructs import Construct

from app import sdl
from infra import dashboards
from infra.dashboards import NAMESPACE, Metric
from infra.environments import Environment
from infra.stacks.appsync import AppSyncStack
from infra.stacks.base import EnvironmentStack
from infra.stacks.cache import CacheStack
from infra.stacks.edge import GLOBAL_REGION, EdgeStack
from infra.stacks.messaging import MessagingStack
from infra.stacks.service import ServiceStack

TRACED = 0.05
"""The part of requests that is traced, besides one each second."""
MINUTE = cdk.Duration.minutes(1)
FIVE_MINUTES = cdk.Duration.minutes(5)
LATENCY_MS = 1_000
"""The 95th percentile that a request may take."""
ERROR_RATE = 0.001
"""The part of requests that may fail, as promised."""
COLD_RATE = 0.005
"""The part of calls that may find no warm function, as promised."""
LAG_SECONDS = 300
"""How old a change may be when a step handles it."""


class ObservabilityStack(EnvironmentStack):
    """Everything here looks at the other stacks, and none of them needs it."""

    def __init__(
        self,
        scope: Construct,
        environment: Environment,
        messaging: MessagingStack,
        edge: EdgeStack,
        *,
        api: AppSyncStack | None,
        service: ServiceStack | None,
        cache: CacheStack | None,
    ) -> None:
        super().__init__(scope, "observability", environment)
        self._parts: dict[str, list[Metric]] = {}
        self._stores()
        self._dead_letters(messaging)
        if api is not None:
            self._appsync(api)
        if service is not None:
            self._server(service)
        if cache is not None:
            self._cache(cache)
        self._product()
        self._cdn(edge)
        self._dashboards(api)
        self._tell(messaging)
        self._traces()

    def _alarm(
        self,
        name: str,
        why: str,
        metric: cloudwatch.IMetric,
        threshold: float,
        *,
        periods: int = 1,
    ) -> None:
        """Rings above the threshold; silence is no reason to."""
        cloudwatch.Alarm(
            self,
            name,
            alarm_name=f"{self.settings.prefix}{name}",
            alarm_description=why,
            metric=metric,
            threshold=threshold,
            evaluation_periods=periods,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )

    def _stores(self) -> None:
        for name, metric in {"TablesThrottle": "ThrottledRequests", "TablesFail": "SystemErrors"}.items():
            query = f'SELECT SUM({metric}) FROM SCHEMA("AWS/DynamoDB", TableName, Operation)'
            found = cloudwatch.MathExpression(expression=query, using_metrics={}, period=MINUTE, label=metric)
            self._alarm(name, f"DynamoDB tells of {metric} in this account.", found, 10, periods=3)
            grouped = f"{query} GROUP BY TableName ORDER BY SUM() DESC LIMIT 10"
            self._parts[f"Tables: {metric}"] = [[{"expression": grouped, "label": metric}]]
        consumed = 'SELECT SUM(ConsumedWriteCapacityUnits) FROM SCHEMA("AWS/DynamoDB", TableName) GROUP BY TableName'
        self._parts["Tables: written capacity"] = [[{"expression": consumed, "label": "written"}]]

    def _dead_letters(self, messaging: MessagingStack) -> None:
        charted = self._parts.setdefault("Dead letters", [])
        for name, queue in messaging.dead_letters.items():
            metric = queue.metric_approximate_number_of_messages_visible(period=FIVE_MINUTES, statistic="Maximum")
            self._alarm(
                f"{name}Dead", f"{name} has messages that nobody could handle. See docs/operations.md.", metric, 0
            )
            charted.append(["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", queue.queue_name])

    def _appsync(self, api: AppSyncStack) -> None:
        about = {"GraphQLAPIId": api.api.attr_api_id}

        def metric(name: str, statistic: str) -> cloudwatch.Metric:
            return cloudwatch.Metric(
                namespace="AWS/AppSync",
                metric_name=name,
                dimensions_map=about,
                statistic=statistic,
                period=FIVE_MINUTES,
            )

        failed, asked = metric("5XXError", "Sum"), metric("5XXError", "SampleCount")
        self._alarm(
            "AppSyncFails", "AppSync fails more often than promised.", _part(failed, asked), ERROR_RATE, periods=3
        )
        self._alarm(
            "AppSyncIsSlow", "AppSync answers slower than promised.", metric("Latency", "p95"), LATENCY_MS, periods=3
        )
        refused = metric("ConnectServerError", "Sum")
        self._alarm("AppSyncRefusesSockets", "Sockets cannot be opened at AppSync.", refused, 10)
        self._function(api.resolver)
        self._parts["AppSync: answers"] = [
            ["AWS/AppSync", name, "GraphQLAPIId", api.api.attr_api_id, {"stat": stat}]
            for name, stat in {"Latency": "p95", "4XXError": "Sum", "5XXError": "Sum"}.items()
        ]
        self._parts["AppSync: sockets"] = [
            ["AWS/AppSync", name, "GraphQLAPIId", api.api.attr_api_id, {"stat": "Sum"}]
            for name in ("ActiveConnections", "ActiveSubscriptions", "ConnectServerError", "PublishDataMessageSuccess")
        ]

    def _function(self, function: lambda_.Function) -> None:
        """Errors, throttles and cold starts of the function behind every field."""
        calls = function.metric_invocations(period=FIVE_MINUTES, statistic="Sum")
        errors = function.metric_errors(period=FIVE_MINUTES, statistic="Sum")
        self._alarm(
            "ResolverFails", "The resolver function ends with errors.", _part(errors, calls), ERROR_RATE, periods=3
        )
        throttled = function.metric_throttles(period=FIVE_MINUTES, statistic="Sum")
        self._alarm("ResolverThrottled", "Lambda's limit of concurrency holds calls back.", throttled, 0)
        cold = logs.MetricFilter(
            self,
            "ColdStarts",
            log_group=logs.LogGroup.from_log_group_name(self, "ResolverLog", function.log_group.log_group_name),
            filter_pattern=logs.FilterPattern.literal('{ $.type = "platform.initStart" }'),
            metric_namespace=NAMESPACE,
            metric_name="cold_starts",
        ).metric(period=FIVE_MINUTES, statistic="Sum")
        self._alarm(
            "ColdStartsOften",
            "More calls than promised find no warm function.",
            _part(cold, calls),
            COLD_RATE,
            periods=12,
        )
        self._parts["Resolver function"] = [
            ["AWS/Lambda", name, "FunctionName", function.function_name, {"stat": stat}]
            for name, stat in {
                "Duration": "p95",
                "Invocations": "Sum",
                "Errors": "Sum",
                "Throttles": "Sum",
                "ConcurrentExecutions": "Maximum",
            }.items()
        ]
        self._parts["Resolver function: cold starts"] = [[NAMESPACE, "cold_starts", {"stat": "Sum"}]]

    def _server(self, service: ServiceStack) -> None:
        measured = service.balancer.metrics
        asked = measured.request_count(period=FIVE_MINUTES, statistic="Sum")
        failed = measured.custom("HTTPCode_Target_5XX_Count", period=FIVE_MINUTES, statistic="Sum")
        self._alarm(
            "ServerFails", "The server fails more often than promised.", _part(failed, asked), ERROR_RATE, periods=3
        )
        slow = measured.target_response_time(period=FIVE_MINUTES, statistic="p95")
        self._alarm("ServerIsSlow", "The server answers slower than promised.", slow, LATENCY_MS / 1_000, periods=3)
        rejected = measured.rejected_connection_count(period=FIVE_MINUTES, statistic="Sum")
        self._alarm("ConnectionsRejected", "The load balancer takes no more connections.", rejected, 0)
        failing = measured.target_connection_error_count(period=FIVE_MINUTES, statistic="Sum")
        self._alarm("ConnectionsFail", "Tasks do not take connections.", failing, 10)
        for name, fargate in {"Server": service.server, "Worker": service.workers}.items():
            busy = fargate.metric_cpu_utilization(period=FIVE_MINUTES, statistic="Average")
            self._alarm(
                f"{name}sBusy", f"{name} tasks are at their limit, with all that scaling allows.", busy, 85, periods=6
            )
            full = fargate.metric_memory_utilization(period=FIVE_MINUTES, statistic="Maximum")
            self._alarm(f"{name}sFull", f"{name} tasks are about to run out of memory.", full, 90, periods=3)
        charted = ("RequestCount", "ActiveConnectionCount", "HTTPCode_Target_5XX_Count", "RejectedConnectionCount")
        self._parts["Server: load balancer"] = [
            ["AWS/ApplicationELB", name, "LoadBalancer", service.balancer.load_balancer_full_name, {"stat": "Sum"}]
            for name in charted
        ]
        of_service = ["ClusterName", service.cluster.cluster_name, "ServiceName", service.server.service_name]
        self._parts["Server: tasks and scaling"] = [
            ["ECS/ContainerInsights", name, *of_service] for name in ("RunningTaskCount", "DesiredTaskCount")
        ] + [["AWS/ECS", "CPUUtilization", *of_service]]

    def _cache(self, cache: CacheStack) -> None:
        for name, (metric, limit) in {
            "CacheBusy": ("EngineCPUUtilization", 80),
            "CacheFull": ("DatabaseMemoryUsagePercentage", 80),
        }.items():
            watched = cloudwatch.MathExpression(
                expression=f'SELECT MAX({metric}) FROM "AWS/ElastiCache"', using_metrics={}, period=FIVE_MINUTES
            )
            self._alarm(name, f"The cache of events: {metric}.", watched, limit, periods=3)

    def _product(self) -> None:
        """What the server tells of itself, app/telemetry/."""
        lag = cloudwatch.MathExpression(
            expression=f'SELECT MAX(worker_lag_seconds) FROM "{NAMESPACE}"', using_metrics={}, period=FIVE_MINUTES
        )
        self._alarm("WorkersLag", "What follows from changes comes late.", lag, LAG_SECONDS, periods=3)
        failed, begun = (_told("uploads", outcome=outcome) for outcome in ("failed", "begun"))
        self._alarm("UploadsFail", "More uploads fail than promised.", _part(failed, begun), 0.01, periods=6)
        self._parts["Sockets and subscriptions"] = [[NAMESPACE, name] for name in ("sockets", "subscriptions")]
        self._parts["Messages"] = [
            [NAMESPACE, name, {"stat": "Sum"}] for name in ("messages_in", "messages_out", "events")
        ]
        self._parts["Uploads"] = [
            [NAMESPACE, "uploads", "outcome", outcome, {"stat": "Sum"}] for outcome in ("begun", "completed", "failed")
        ] + [[NAMESPACE, "upload_bytes", {"stat": "Sum"}]]
        errors = f'SELECT SUM(errors) FROM SCHEMA("{NAMESPACE}", error_type) GROUP BY error_type'
        self._parts["Errors by type"] = [[{"expression": errors, "label": "errors"}]]
        self._parts["Workers' lag"] = [
            [{"expression": f'SELECT MAX(worker_lag_seconds) FROM SCHEMA("{NAMESPACE}", step) GROUP BY step'}]
        ]

    def _cdn(self, edge: EdgeStack) -> None:
        """CloudFront tells its metrics in one region only; charts reach there."""
        elsewhere = {"region": GLOBAL_REGION}
        for name, distribution in {"Api": edge.api, "Site": edge.site}.items():
            if distribution is not None:
                about = ["DistributionId", distribution.distribution_id, "Region", "Global", elsewhere]
                self._parts[f"CloudFront: {name}"] = [
                    ["AWS/CloudFront", metric, *about] for metric in ("Requests", "5xxErrorRate", "CacheHitRate")
                ]

    def _dashboards(self, api: AppSyncStack | None) -> None:
        schema = sdl.build(sdl.load())
        api_id = None if api is None else api.api.attr_api_id
        bodies = {"Overview": dashboards.of_everything(self._parts, self.region)}
        bodies |= {root: dashboards.of_root_fields(schema, root, self.region, api_id) for root in sdl.ROOTS}
        for name, body in bodies.items():
            cloudwatch.CfnDashboard(
                self, name, dashboard_name=f"{self.settings.prefix}{name}", dashboard_body=self.to_json_string(body)
            )

    def _tell(self, messaging: MessagingStack) -> None:
        """Every alarm of this environment, wherever it was made, reaches the topic of operations."""
        pattern = events.EventPattern(
            source=["aws.cloudwatch"],
            detail_type=["CloudWatch Alarm State Change"],
            detail={
                "alarmName": events.Match.prefix(self.settings.prefix),
                "state": {"value": ["ALARM"]},
            },
        )
        events.Rule(
            self,
            "Alarms",
            event_pattern=pattern,
            targets=[targets.SnsTopic(messaging.ops_topic)],
        )

    def _traces(self) -> None:
        xray.CfnSamplingRule(
            self,
            "Sampling",
            sampling_rule=xray.CfnSamplingRule.SamplingRuleProperty(
                rule_name=f"{self.settings.prefix}requests"[:32],
                priority=100,
                fixed_rate=TRACED,
                reservoir_size=1,
                host="*",
                http_method="*",
                url_path="*",
                resource_arn="*",
                service_name="*",
                service_type="*",
                version=1,
            ),
        )
        xray.CfnGroup(
            self,
            "Failing",
            group_name=f"{self.settings.prefix}failing",
            filter_expression="fault = true OR error = true",
        )


def _part(some: cloudwatch.IMetric, every: cloudwatch.IMetric) -> cloudwatch.MathExpression:
    """Which part of all that happens is of this kind."""
    return cloudwatch.MathExpression(
        expression="some / every", using_metrics={"some": some, "every": every}, period=FIVE_MINUTES
    )


def _told(name: str, **labels: str) -> cloudwatch.Metric:
    return cloudwatch.Metric(
        namespace=NAMESPACE, metric_name=name, dimensions_map=labels, statistic="Sum", period=FIVE_MINUTES
    )
