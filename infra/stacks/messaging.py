"""Topics, queues and rules through which changes, events and alarms travel. Nothing is lost: each queue has another for
its dead letters."""

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from datasources.ports import HANDLING_SECONDS
from infra.environments import Environment
from infra.stacks.base import EnvironmentStack

MOST_TRIES = 5
"""Deliveries of a message before it lies among the dead letters."""
_KEPT = cdk.Duration.days(14)


class MessagingStack(EnvironmentStack):
    """Offers topics, queues and the bus.

    Attributes:
        key: encrypts all of them.
        changes_topic, changes_queue: committed changes on their way to the steps that follow (FIFO).
        meeting_events: what Chime tells of meetings.
        malware_scans: what GuardDuty found in files.
        mail_topic, mail_feedback: SES's bounces and complaints; SES's configuration set tells the topic.
        ops_topic: alarms, for people.
        dead_letters: the queue of dead letters of each queue above, by its id.
        bus: for events of our own.
    """

    def __init__(self, scope: Construct, environment: Environment) -> None:
        super().__init__(scope, "messaging", environment)
        self.key = kms.Key(self, "Key", description="Messages", enable_key_rotation=True, removal_policy=self.removal)
        self.dead_letters: dict[str, sqs.Queue] = {}
        self.bus = events.EventBus(self, "Bus", event_bus_name=f"{environment.prefix}events", kms_key=self.key)
        self.changes_topic, self.changes_queue = self._changes()
        self.meeting_events = self._queue("MeetingEvents")
        self._rule("ChimeEvents", events.EventPattern(source=["aws.chime"]), self.meeting_events)
        self.malware_scans = self._queue("MalwareScans")
        scanned = events.EventPattern(
            source=["aws.guardduty"], detail_type=["GuardDuty Malware Protection Object Scan Result"]
        )
        self._rule("ScanResults", scanned, self.malware_scans)
        self.mail_topic, self.mail_feedback = self._mail()
        self.ops_topic = self._ops()

    def _changes(self) -> tuple[sns.Topic, sqs.Queue]:
        topic = sns.Topic(
            self,
            "Changes",
            topic_name=f"{self.settings.prefix}changes.fifo",
            fifo=True,
            content_based_deduplication=False,
            master_key=self.key,
            enforce_ssl=True,
        )
        queue = self._queue(
            "ChangesQueue",
            fifo=True,
            deduplication_scope=sqs.DeduplicationScope.MESSAGE_GROUP,
            fifo_throughput_limit=sqs.FifoThroughputLimit.PER_MESSAGE_GROUP_ID,
        )
        topic.add_subscription(subscriptions.SqsSubscription(queue, raw_message_delivery=True))
        return topic, queue

    def _mail(self) -> tuple[sns.Topic, sqs.Queue]:
        topic = sns.Topic(self, "Mail", master_key=self.key, enforce_ssl=True)
        service = iam.ServicePrincipal(
            "ses.amazonaws.com", conditions={"StringEquals": {"aws:SourceAccount": self.account}}
        )
        topic.grant_publish(service)
        queue = self._queue("MailFeedback")
        topic.add_subscription(subscriptions.SqsSubscription(queue))
        return topic, queue

    def _ops(self) -> sns.Topic:
        topic = sns.Topic(self, "Operations", master_key=self.key, enforce_ssl=True)
        topic.add_subscription(subscriptions.EmailSubscription(self.settings.ops_mail))
        services = (
            "cloudwatch.amazonaws.com",
            "events.amazonaws.com",
            "budgets.amazonaws.com",
            "costalerts.amazonaws.com",
        )
        for service in services:
            topic.grant_publish(
                iam.ServicePrincipal(service, conditions={"StringEquals": {"aws:SourceAccount": self.account}})
            )
        return topic

    def _queue(
        self,
        name: str,
        *,
        fifo: bool | None = None,
        deduplication_scope: sqs.DeduplicationScope | None = None,
        fifo_throughput_limit: sqs.FifoThroughputLimit | None = None,
    ) -> sqs.Queue:
        """With one for its dead letters, which keeps them for 14 days."""
        dead = sqs.Queue(
            self,
            f"{name}Dead",
            fifo=fifo,
            encryption=sqs.QueueEncryption.KMS,
            encryption_master_key=self.key,
            enforce_ssl=True,
            retention_period=_KEPT,
        )
        self.dead_letters[name] = dead
        return sqs.Queue(
            self,
            name,
            fifo=fifo,
            deduplication_scope=deduplication_scope,
            fifo_throughput_limit=fifo_throughput_limit,
            encryption=sqs.QueueEncryption.KMS,
            encryption_master_key=self.key,
            enforce_ssl=True,
            retention_period=_KEPT,
            visibility_timeout=cdk.Duration.seconds(HANDLING_SECONDS),
            dead_letter_queue=sqs.DeadLetterQueue(queue=dead, max_receive_count=MOST_TRIES),
        )

    def _rule(self, name: str, pattern: events.EventPattern, queue: sqs.Queue) -> None:
        """Events of AWS's services, which come over the account's own bus."""
        events.Rule(self, name, event_pattern=pattern, targets=[targets.SqsQueue(queue)])
