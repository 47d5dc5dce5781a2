"""SES, SNS and SQS as moto's server plays them."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from moto.core import DEFAULT_ACCOUNT_ID
from moto.ses.models import ses_backends
from moto.sns.models import sns_backends

from datasources.aws.mail_feedback import SesFeedback, unwanted
from datasources.aws.queue_messages import open_queue
from datasources.aws.ses import Ses
from datasources.aws.sns import SnsPush, SnsTexts
from datasources.senders import Mail, Push, Refused
from domain.errors import DomainError
from domain.push_tokens import registered
from domain.times import Timestamp
from tests import moto_services
from tests.moto_services import REGION

MAIL = Mail("01ARZ3NDEKTSV4RRFFQ69G5FAV", "ben@example.org", "Room\nchange", "We meet outside.\n")
PUSH = Push(MAIL.id, "Room change", "We meet outside.", "/courses/c1")
NOW = Timestamp("2036-09-01T08:00:00.000Z")


@pytest.fixture
async def clients(aws: str) -> AsyncIterator[dict[str, Any]]:
    async with moto_services.clients(aws, "sesv2", "sns", "sqs") as (ses, sns, sqs):
        yield {"ses": ses, "sns": sns, "sqs": sqs}


async def test_a_mail_goes_out_over_ses(clients: dict[str, Any]) -> None:
    await clients["ses"].create_email_identity(EmailIdentity="school@example.org")

    await Ses(clients["ses"], "school@example.org").send(MAIL)

    [sent] = ses_backends[DEFAULT_ACCOUNT_ID][REGION].sent_messages
    assert (sent.source, sent.destinations["ToAddresses"]) == ("school@example.org", ["ben@example.org"])
    assert (sent.subject, sent.body) == ("Room change", MAIL.body)


async def test_what_ses_refuses_may_work_later_and_names_nobody(clients: dict[str, Any]) -> None:
    with pytest.raises(DomainError, match="Amazon SES") as refused:
        await Ses(clients["ses"], "unverified@elsewhere.org").send(MAIL)
    assert "ben" not in str(refused.value)


async def test_a_text_message_goes_out_over_sns(clients: dict[str, Any]) -> None:
    await SnsTexts(clients["sns"]).send("+4915112345678", "Room change")

    assert list(sns_backends[DEFAULT_ACCOUNT_ID][REGION].sms_messages.values()) == [("+4915112345678", "Room change")]
    with pytest.raises(Refused):
        await SnsTexts(clients["sns"]).send("no number", "Room change")


@pytest.mark.parametrize("is_apple", [True, False])
async def test_a_push_reaches_the_same_endpoint_of_a_phone_each_time(clients: dict[str, Any], is_apple: bool) -> None:
    platform = "APNS" if is_apple else "GCM"
    application = await clients["sns"].create_platform_application(Name=platform, Platform=platform, Attributes={})
    device = registered({"platform": "APNS", "token": f"a phone of {platform}"}, "ben", NOW)
    sender = SnsPush(clients["sns"], application["PlatformApplicationArn"], is_apple=is_apple)

    await sender.send(device, PUSH)
    await sender.send(device, PUSH)

    listed = await clients["sns"].list_endpoints_by_platform_application(
        PlatformApplicationArn=application["PlatformApplicationArn"]
    )
    [endpoint] = listed["Endpoints"]
    stored = sns_backends[DEFAULT_ACCOUNT_ID][REGION].platform_endpoints[endpoint["EndpointArn"]]
    payloads = [json.loads(json.loads(message)[platform]) for message in stored.messages.values()]
    assert len(payloads) == 2
    assert "Room change" in str(payloads[0])
    await clients["sns"].set_endpoint_attributes(
        EndpointArn=endpoint["EndpointArn"], Attributes={"Enabled": "false", "Token": device.token}
    )
    with pytest.raises(Refused):
        await sender.send(device, PUSH)


BOUNCE = {
    "notificationType": "Bounce",
    "bounce": {"bounceType": "Permanent", "bouncedRecipients": [{"emailAddress": "ben@example.org"}]},
}
COMPLAINT = {"eventType": "Complaint", "complaint": {"complainedRecipients": [{"emailAddress": "eve@example.org"}]}}
PASSING = {**BOUNCE, "bounce": {**BOUNCE["bounce"], "bounceType": "Transient"}}  # type: ignore[dict-item]  # a dict, above


async def test_bounces_and_complaints_leave_the_queue_once_they_are_suppressed(
    aws: str, clients: dict[str, Any]
) -> None:
    url = (await clients["sqs"].create_queue(QueueName="feedback"))["QueueUrl"]
    for told in (BOUNCE, COMPLAINT, PASSING):
        await clients["sqs"].send_message(QueueUrl=url, MessageBody=json.dumps({"Message": json.dumps(told)}))
    await clients["sqs"].send_message(QueueUrl=url, MessageBody="no JSON")
    suppressed: list[tuple[str, str]] = []

    async def suppress(address: str, why: str) -> None:
        suppressed.append((address, why))

    async with open_queue(url, region=REGION, endpoint_url=aws, wait_seconds=0) as queue:
        feedback = SesFeedback(queue)
        assert await feedback.read(suppress) == 4
        assert await feedback.read(suppress) == 0

    assert sorted(suppressed) == [("ben@example.org", "BOUNCE"), ("eve@example.org", "COMPLAINT")]


@pytest.mark.parametrize(
    "body", ["", "[]", "1", '{"Message": 1}', '{"notificationType": "Bounce"}', '{"Message": "{"}']
)
def test_messages_of_other_kinds_say_nothing(body: str) -> None:
    assert list(unwanted(body)) == []
