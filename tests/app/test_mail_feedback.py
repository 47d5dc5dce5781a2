"""Mail that bounces or that its reader complains about, from SES through SNS and SQS to the list of the suppressed."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from moto.core import DEFAULT_ACCOUNT_ID
from moto.ses.models import SESFeedback, ses_backends
from ulid import ULID

from app.settings import Settings
from app.ways_out import open_senders
from datasources.local.sqlite import SQLiteStore
from datasources.sending import Sending
from tests.moto_services import REGION, clients
from tests.notifying import House, draft

SENDER = "school@example.net"
COMES_BACK = {"Bounce": "bounce@simulator.amazonses.com", "Complaint": "complaint@simulator.amazonses.com"}


def report(account_id: str, kind: str) -> str:
    """As AWS documents it; moto's own names others, in a form that SNS does not have."""
    recipients = [{"emailAddress": COMES_BACK[kind]}]
    told = {
        "Bounce": {"bounce": {"bounceType": "Permanent", "bounceSubType": "General", "bouncedRecipients": recipients}},
        "Complaint": {"complaint": {"complaintFeedbackType": "abuse", "complainedRecipients": recipients}},
    }
    return json.dumps({"notificationType": kind, "mail": {"source": SENDER}, **told[kind]})


@dataclass
class Post:
    """A school that sends over SES, and hears of what comes back."""

    house: House
    sending: Sending

    async def write_to(self, user_id: str) -> tuple[str, str | None]:
        """How a mail to the user ends."""
        event = draft(user_id)
        await self.house.notifier.tell([event])
        await self.sending.run()
        return (await self.house.ends(event))["EMAIL"]


@pytest.fixture
async def post(
    aws: str, sqlite_store: SQLiteStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Post]:
    monkeypatch.setattr(SESFeedback, "generate_message", report)
    house = House(sqlite_store)
    async with clients(aws, "ses", "sns", "sqs") as (ses, sns, sqs):
        queue = await feedback_queue(ses, sns, sqs)
        chosen = {"MAIL": "ses", "MAIL_FROM": SENDER, "MAIL_FEEDBACK_QUEUE_URL": queue}
        ours = {"DATA_DIR": str(tmp_path), "AWS_ENDPOINT_URL": aws, "AWS_REGION": REGION}
        async with open_senders(Settings.load({**ours, **chosen}), sqlite_store, house.clock.now) as senders:
            yield Post(house, Sending(sqlite_store, senders, house.clock.now))


async def feedback_queue(ses: Any, sns: Any, sqs: Any) -> str:
    """Its URL; SES tells a topic of what comes back, and the topic tells the queue."""
    await ses.verify_domain_identity(Domain=SENDER.partition("@")[2])
    topic = (await sns.create_topic(Name=str(ULID())))["TopicArn"]
    queue = (await sqs.create_queue(QueueName=str(ULID())))["QueueUrl"]
    arn = (await sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"]))["Attributes"]["QueueArn"]
    await sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    for kind in COMES_BACK:
        await ses.set_identity_notification_topic(
            Identity=SENDER.partition("@")[2], NotificationType=kind, SnsTopic=topic
        )
    return str(queue)


@pytest.mark.parametrize("kind", COMES_BACK)
async def test_an_address_that_mail_came_back_from_gets_no_more(post: Post, kind: str) -> None:
    await post.house.add_user("eve", email=COMES_BACK[kind])
    await post.house.add_user("ben")
    assert await post.write_to("eve") == ("SENT", None)
    assert await post.write_to("ben") == ("SENT", None)

    assert await post.sending.read_feedback() == 1

    assert await post.write_to("eve") == ("SKIPPED", "SUPPRESSED")
    assert await post.write_to("ben") == ("SENT", None)
    written_to = [
        message.destinations["ToAddresses"] for message in ses_backends[DEFAULT_ACCOUNT_ID][REGION].sent_messages
    ]
    assert written_to.count([COMES_BACK[kind]]) == 1
