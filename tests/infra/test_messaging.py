"""Queues and topics: nothing is lost, nothing is readable on the way."""

import json
from typing import Any

import pytest

from datasources.ports import HANDLING_SECONDS
from tests.infra.templates import Deployed, Resource

QUEUE, TOPIC, RULE = "AWS::SQS::Queue", "AWS::SNS::Topic", "AWS::Events::Rule"


def queue(deployed: Deployed, name: str) -> Resource:
    """The one whose name in the template begins so, its dead letters' queue aside."""
    [found] = [
        each
        for each in deployed.resources(QUEUE, stack="messaging")
        if each.name.startswith(name) and not each.name.startswith(f"{name}Dead")
    ]
    return found


def target(deployed: Deployed, pattern: dict[str, Any]) -> Any:
    [rule] = [
        each for each in deployed.resources(RULE, stack="messaging") if each.properties["EventPattern"] == pattern
    ]
    [only] = rule.properties["Targets"]
    return only["Arn"]["Fn::GetAtt"][0]


@pytest.mark.requirement("C29")
def test_every_queue_of_any_stack_has_one_for_its_dead_letters(deployed: Deployed) -> None:
    queues = deployed.resources(QUEUE)
    dead = {
        each.properties["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0]
        for each in queues
        if "RedrivePolicy" in each.properties
    }
    for each in queues:
        assert ("RedrivePolicy" in each.properties) is not (each.name in dead), each
        if each.name in dead:
            assert each.properties["MessageRetentionPeriod"] == 14 * 86_400


@pytest.mark.requirement("E40", "V12", "K75")
def test_every_queue_and_topic_is_encrypted_with_a_key_of_ours(deployed: Deployed) -> None:
    for each in (*deployed.resources(QUEUE), *deployed.resources(TOPIC)):
        assert "KmsMasterKeyId" in each.properties, each


@pytest.mark.requirement("K75", "C32")
def test_every_queue_and_topic_refuses_what_comes_without_tls(deployed: Deployed) -> None:
    for kind, policies, field in (
        (QUEUE, "AWS::SQS::QueuePolicy", "Queues"),
        (TOPIC, "AWS::SNS::TopicPolicy", "Topics"),
    ):
        closed = {
            each["Ref"]
            for policy in deployed.resources(policies)
            if '"aws:SecureTransport": "false"' in json.dumps(policy.properties["PolicyDocument"])
            for each in policy.properties[field]
        }
        assert {each.name for each in deployed.resources(kind)} <= closed


def test_changes_travel_in_order_once_and_whole(deployed: Deployed) -> None:
    [topic] = [each for each in deployed.resources(TOPIC) if each.properties.get("FifoTopic")]
    changes = queue(deployed, "ChangesQueue").properties
    assert topic.properties["ContentBasedDeduplication"] is False, "each message brings the name of its change"
    assert changes["FifoQueue"] is True
    assert (changes["DeduplicationScope"], changes["FifoThroughputLimit"]) == ("messageGroup", "perMessageGroupId")
    assert changes["RedrivePolicy"]["maxReceiveCount"] == 5
    assert changes["VisibilityTimeout"] == HANDLING_SECONDS
    [subscription] = [
        each
        for each in deployed.resources("AWS::SNS::Subscription")
        if each.properties["TopicArn"] == {"Ref": topic.name}
    ]
    assert subscription.properties["RawMessageDelivery"] is True
    assert subscription.properties["Endpoint"]["Fn::GetAtt"][0] == queue(deployed, "ChangesQueue").name


@pytest.mark.requirement("E48")
def test_what_chime_tells_of_meetings_reaches_its_queue(deployed: Deployed) -> None:
    assert target(deployed, {"source": ["aws.chime"]}) == queue(deployed, "MeetingEvents").name


@pytest.mark.requirement("V31", "E48")
def test_what_guardduty_found_reaches_its_queue(deployed: Deployed) -> None:
    pattern = {"source": ["aws.guardduty"], "detail-type": ["GuardDuty Malware Protection Object Scan Result"]}
    assert target(deployed, pattern) == queue(deployed, "MalwareScans").name


def test_bounces_of_mail_reach_their_queue_and_only_ses_tells_of_them(deployed: Deployed) -> None:
    [subscription] = [
        each
        for each in deployed.resources("AWS::SNS::Subscription")
        if each.properties["Endpoint"] == {"Fn::GetAtt": [queue(deployed, "MailFeedback").name, "Arn"]}
    ]
    topic = subscription.properties["TopicArn"]
    [policy] = [
        each
        for each in deployed.resources("AWS::SNS::TopicPolicy", stack="messaging")
        if topic in each.properties["Topics"]
    ]
    allowed = [each for each in policy.properties["PolicyDocument"]["Statement"] if each["Effect"] == "Allow"]
    assert [each["Principal"] for each in allowed] == [{"Service": "ses.amazonaws.com"}]


@pytest.mark.requirement("E48")
def test_there_is_a_bus_for_events_of_our_own(deployed: Deployed) -> None:
    assert "KmsKeyIdentifier" in deployed.one("AWS::Events::EventBus", stack="messaging").properties


@pytest.mark.requirement("E45", "K101")
def test_alarms_reach_people(deployed: Deployed) -> None:
    mailed = [each for each in deployed.resources("AWS::SNS::Subscription") if each.properties["Protocol"] == "email"]
    assert [each.properties["Endpoint"] for each in mailed] == ["ops@educonnect.example"]
