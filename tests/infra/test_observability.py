"""What people see, and what wakes them."""

import json
from typing import Any

import pytest

from app import sdl
from tests.infra.templates import Deployed

MOST_WIDGETS = 500
"""CloudWatch's limit on a dashboard."""


def dashboard(deployed: Deployed, name: str) -> list[dict[str, Any]]:
    """The widgets; what CloudFormation fills in is left empty."""
    [found] = [each for each in deployed.resources("AWS::CloudWatch::Dashboard") if each.name == name]
    body = found.properties["DashboardBody"]
    text = body if isinstance(body, str) else "".join(part for part in body["Fn::Join"][1] if isinstance(part, str))
    widgets: list[dict[str, Any]] = json.loads(text)["widgets"]
    return widgets


def alarms(deployed: Deployed) -> dict[str, dict[str, Any]]:
    return {each.name: each.properties for each in deployed.resources("AWS::CloudWatch::Alarm", stack="observability")}


def alarmed(deployed: Deployed, name: str) -> bool:
    return any(each.startswith(name) for each in alarms(deployed))


@pytest.mark.requirement("E46", "E54", "K47")
@pytest.mark.parametrize("root", sdl.ROOTS)
def test_each_root_field_of_the_schema_has_its_row(prod: Deployed, root: str) -> None:
    widgets = dashboard(prod, root)
    fields = sdl.build(sdl.load()).type_map[root].fields  # type: ignore[attr-defined] # a root is an object type
    shown = {each["properties"]["title"].partition(":")[0] for each in widgets}
    assert shown == {f"{root}.{name}" for name in fields}
    assert len(widgets) <= MOST_WIDGETS


@pytest.mark.requirement("V14", "V48", "V49", "E54", "Y17")
def test_the_overview_shows_uploads_the_cdn_and_scaling(prod: Deployed) -> None:
    titles = {each["properties"]["title"] for each in dashboard(prod, "Overview")}
    assert {"Uploads", "CloudFront: Api", "Server: tasks and scaling", "Sockets and subscriptions"} <= titles
    assert any("CacheHitRate" in json.dumps(each) for each in dashboard(prod, "Overview"))


@pytest.mark.requirement("E45", "C36", "K106")
def test_each_promise_has_its_alarm(deployed: Deployed) -> None:
    for name in ("AppSyncFails", "AppSyncIsSlow", "ServerFails", "ServerIsSlow", "UploadsFail", "WorkersLag"):
        assert alarmed(deployed, name), name


@pytest.mark.requirement("C36", "Y17", "K47")
def test_throttling_capacity_and_failed_connections_wake_somebody(deployed: Deployed) -> None:
    for name in (
        "TablesThrottle", "TablesFail", "ResolverThrottled", "ConnectionsRejected", "ConnectionsFail",
        "AppSyncRefusesSockets", "ServersBusy", "WorkersFull", "CacheFull",
    ):  # fmt: skip
        assert alarmed(deployed, name), name


@pytest.mark.requirement("C29", "E45")
def test_a_dead_letter_wakes_somebody(deployed: Deployed) -> None:
    for queue in ("ChangesQueue", "MeetingEvents", "MalwareScans", "MailFeedback"):
        [alarm] = [each for name, each in alarms(deployed).items() if name.startswith(f"{queue}Dead")]
        assert (alarm["Threshold"], alarm["ComparisonOperator"]) == (0, "GreaterThanThreshold")


@pytest.mark.requirement("V45")
def test_cold_starts_are_counted_and_ring_above_the_promised_rate(deployed: Deployed) -> None:
    [alarm] = [each for name, each in alarms(deployed).items() if name.startswith("ColdStartsOften")]
    assert alarm["Threshold"] == 0.005
    assert deployed.one("AWS::Logs::MetricFilter").properties["MetricTransformations"][0]["MetricName"] == "cold_starts"


@pytest.mark.requirement("E45", "E48", "K101")
def test_alarms_go_by_eventbridge_to_the_topic_of_operations(deployed: Deployed) -> None:
    rule = deployed.one("AWS::Events::Rule", stack="observability").properties
    assert rule["EventPattern"]["detail-type"] == ["CloudWatch Alarm State Change"]
    assert rule["EventPattern"]["detail"]["alarmName"] == [{"prefix": f"educonnect-{deployed.environment}-"}]
    assert "Operations" in json.dumps(rule["Targets"][0]["Arn"])
    named = deployed.resources("AWS::CloudWatch::Alarm", stack="observability")
    assert all(each.properties["AlarmName"].startswith(f"educonnect-{deployed.environment}-") for each in named)


@pytest.mark.requirement("E47", "K48")
def test_a_part_of_requests_is_traced(deployed: Deployed) -> None:
    rule = deployed.one("AWS::XRay::SamplingRule").properties["SamplingRule"]
    assert 0 < rule["FixedRate"] <= 1
    assert deployed.one("AWS::XRay::Group").properties["FilterExpression"]


@pytest.mark.requirement("E54", "C35")
def test_the_server_writes_its_metrics(deployed: Deployed) -> None:
    for task in deployed.resources("AWS::ECS::TaskDefinition"):
        [container] = task.properties["ContainerDefinitions"]
        assert {"Name": "METRICS_EMF", "Value": "true"} in container["Environment"]
