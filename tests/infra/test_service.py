"""Our server on Fargate: private, patient with sockets, replaced without a gap."""

import re
from typing import Any

import pytest

from app.realtime.sockets import KEEP_ALIVE_SECONDS
from app.settings import Settings
from tests.infra.conftest import ROOT
from tests.infra.policies import actions
from tests.infra.templates import Deployed, Resource


def tasks(deployed: Deployed) -> list[Resource]:
    return deployed.resources("AWS::ECS::TaskDefinition")


def container(task: Resource) -> dict[str, Any]:
    [only] = task.properties["ContainerDefinitions"]
    return only


def environment(task: Resource) -> dict[str, Any]:
    return {each["Name"]: each["Value"] for each in container(task)["Environment"]}


def services(deployed: Deployed) -> dict[str, dict[str, Any]]:
    return {each.name[:6]: each.properties for each in deployed.resources("AWS::ECS::Service")}


def balancer_attributes(deployed: Deployed) -> dict[str, str]:
    balancer = deployed.one("AWS::ElasticLoadBalancingV2::LoadBalancer").properties
    return {each["Key"]: each["Value"] for each in balancer["LoadBalancerAttributes"]}


@pytest.mark.requirement("K27")
def test_there_are_tasks_that_serve_and_tasks_that_work(deployed: Deployed) -> None:
    works = {environment(task)["WORKERS"] for task in tasks(deployed)}
    assert works == {"true", "false"}


def test_the_settings_make_sense_to_the_server(deployed: Deployed) -> None:
    secrets = {"CURSOR_SECRET": "s" * 64, "WEB_PUSH_KEY": "k" * 43, "REDIS_URL": "rediss://:x@cache:6380"}
    for task in tasks(deployed):
        assert {each["Name"] for each in container(task)["Secrets"]} == secrets.keys()
        values = {name: value if isinstance(value, str) else "reference" for name, value in environment(task).items()}
        known = {
            "COGNITO_USER_POOL_ID": "eu-central-1_a",
            "CHANGES_TOPIC_ARN": "arn:aws:sns:eu-central-1:1:changes.fifo",
            "CHANGES_QUEUE_URL": "https://sqs.example/changes.fifo",
        }
        for name, value in values.items():
            if value == "reference":
                values[name] = known.get(name, "https://queue.example/q" if name.endswith("_URL") else "reference")
        values["S3_BUCKETS"] = ""
        settings = Settings.load({**values, **secrets})
        assert (settings.records, settings.blobs, settings.environment) == ("dynamodb", "s3", "production")


@pytest.mark.requirement("Y18", "Y22")
def test_what_is_secret_comes_from_secrets_manager(deployed: Deployed) -> None:
    for task in tasks(deployed):
        assert not {"CURSOR_SECRET", "REDIS_URL", "WEB_PUSH_KEY", "API_KEYS", "IAM_KEYS"} & environment(task).keys()
    for secret in deployed.resources("AWS::SecretsManager::Secret"):
        assert "KmsKeyId" in secret.properties


@pytest.mark.requirement("K73", "V34", "V18")
def test_no_task_has_a_public_address(deployed: Deployed) -> None:
    for service in services(deployed).values():
        assert service["NetworkConfiguration"]["AwsvpcConfiguration"]["AssignPublicIp"] == "DISABLED"


def test_tasks_write_nowhere_but_in_two_folders(deployed: Deployed) -> None:
    for task in tasks(deployed):
        assert container(task)["ReadonlyRootFilesystem"] is True
        assert container(task)["User"] == "10001:10001"
        assert container(task)["LinuxParameters"]["Capabilities"]["Drop"] == ["ALL"]
        assert {each["ContainerPath"] for each in container(task)["MountPoints"]} == {"/tmp", "/data"}  # noqa: S108


@pytest.mark.requirement("K89")
def test_a_stopping_task_has_longer_than_it_needs(deployed: Deployed) -> None:
    image = dict(re.findall(r"(DRAIN_\w+)=(\d+)", (ROOT / "Dockerfile").read_text()))
    needed = int(image["DRAIN_NOTICE_SECONDS"]) + int(image["DRAIN_SECONDS"])
    for task in tasks(deployed):
        assert needed + 10 <= container(task)["StopTimeout"] <= 120


@pytest.mark.requirement("K89", "K106")
def test_only_ready_tasks_are_sent_requests(deployed: Deployed) -> None:
    for group in deployed.resources("AWS::ElasticLoadBalancingV2::TargetGroup"):
        assert group.properties["HealthCheckPath"] == "/readyz"
    for task in tasks(deployed):
        assert container(task)["HealthCheck"]["Command"] == ["CMD", "python", "-m", "app.probe"]


@pytest.mark.requirement("K89")
def test_a_quiet_socket_stays_open(deployed: Deployed) -> None:
    idle = int(balancer_attributes(deployed)["idle_timeout.timeout_seconds"])
    assert idle > KEEP_ALIVE_SECONDS
    # The server closes idle connections later than the load balancer, which would else send into a closed one.
    assert all(int(environment(task)["KEEP_ALIVE_SECONDS"]) > idle for task in tasks(deployed))


@pytest.mark.requirement("E2", "K75")
def test_the_load_balancer_speaks_tls(deployed: Deployed) -> None:
    listener = deployed.one("AWS::ElasticLoadBalancingV2::Listener").properties
    assert (listener["Port"], listener["Protocol"]) == (443, "HTTPS")
    assert listener["SslPolicy"].startswith("ELBSecurityPolicy-TLS13")


@pytest.mark.requirement("V18", "K73")
def test_the_load_balancer_hears_cloudfront_only(deployed: Deployed) -> None:
    rules = [each.properties for each in deployed.resources("AWS::EC2::SecurityGroupIngress", stack="service")]
    assert rules
    for rule in rules:
        assert "CidrIp" not in rule
        assert "SourcePrefixListId" in rule or "SourceSecurityGroupId" in rule
    for group in deployed.resources("AWS::EC2::SecurityGroup", stack="service"):
        assert "SecurityGroupIngress" not in group.properties


@pytest.mark.requirement("K100")
def test_a_new_version_stands_beside_the_old_one_until_it_has_proved_itself(deployed: Deployed) -> None:
    deployment = services(deployed)["Server"]["DeploymentConfiguration"]
    assert deployment["Strategy"] == "BLUE_GREEN"
    assert deployment["BakeTimeInMinutes"] >= 5
    assert deployment["Alarms"]["Enable"]
    assert deployment["Alarms"]["Rollback"]
    assert len(deployed.resources("AWS::ElasticLoadBalancingV2::TargetGroup")) == 2


@pytest.mark.requirement("E55", "C28", "Y21", "K95")
def test_one_task_may_go(deployed: Deployed) -> None:
    assert services(deployed)["Server"]["DesiredCount"] >= 2
    [target] = deployed.resources("AWS::ApplicationAutoScaling::ScalableTarget", stack="service")
    assert target.properties["MinCapacity"] >= 2


@pytest.mark.requirement("E57", "K17", "K93", "K88", "Y23", "C23")
def test_the_server_scales_by_sockets_and_by_cpu(deployed: Deployed) -> None:
    configurations = [
        each.properties["TargetTrackingScalingPolicyConfiguration"]
        for each in deployed.resources("AWS::ApplicationAutoScaling::ScalingPolicy", stack="service")
    ]
    custom = [
        each["CustomizedMetricSpecification"] for each in configurations if "CustomizedMetricSpecification" in each
    ]
    predefined = [each.get("PredefinedMetricSpecification", {}) for each in configurations]
    assert [(each["Namespace"], each["MetricName"]) for each in custom] == [("EduConnect", "sockets")]
    assert "ECSServiceAverageCPUUtilization" in {each.get("PredefinedMetricType") for each in predefined}


@pytest.mark.requirement("K91", "Y24")
def test_workers_run_on_spot(deployed: Deployed) -> None:
    strategy = services(deployed)["Worker"]["CapacityProviderStrategy"]
    assert [each["CapacityProvider"] for each in strategy] == ["FARGATE_SPOT"]


@pytest.mark.requirement("K31", "K75")
def test_the_cache_is_private_encrypted_and_asks_for_a_password(deployed: Deployed) -> None:
    cache = deployed.one("AWS::ElastiCache::ReplicationGroup").properties
    assert cache["TransitEncryptionMode"] == "required"
    assert cache["AtRestEncryptionEnabled"]
    assert cache["KmsKeyId"]
    assert "resolve:secretsmanager" in str(cache["AuthToken"])
    assert cache["AutomaticFailoverEnabled"]
    assert cache["MultiAZEnabled"]
    for group in deployed.resources("AWS::EC2::SecurityGroup", stack="cache"):
        assert "SecurityGroupIngress" not in group.properties


@pytest.mark.requirement("E15", "K76", "C33")
def test_tasks_that_serve_read_no_queue_and_send_no_mail(deployed: Deployed) -> None:
    serving, working = actions(deployed, "ServerRole"), actions(deployed, "WorkerRole")
    assert {"sqs:ReceiveMessage", "ses:SendEmail", "mediaconvert:CreateJob", "sns:Publish"} <= working
    assert not {action for action in serving if action.startswith(("sqs:", "ses:", "mediaconvert:", "sns:", "iam:"))}
    assert "dynamodb:Scan" not in serving | working
