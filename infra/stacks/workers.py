"""What follows from changes and what is due, on Lambda: for an environment without the server's worker tasks."""

from collections.abc import Mapping

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_event_sources as sources
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from datasources.ports import HANDLING_SECONDS
from datasources.tables import ALL
from infra import permissions
from infra.environments import Environment
from infra.functions import function
from infra.stacks.appsync import AppSyncStack
from infra.stacks.base import EnvironmentStack
from infra.stacks.data import DataStack
from infra.stacks.media import MediaStack
from infra.stacks.messaging import MessagingStack
from infra.stacks.secrets import SecretsStack
from infra.stacks.storage import StorageStack

BATCH = 10
FEED_BATCH = 100


class WorkersStack(EnvironmentStack):
    """Offers the functions: `changes` reads the feeds of tables, `queue` the queues, `schedule` does what is due."""

    def __init__(
        self,
        scope: Construct,
        environment: Environment,
        settings: Mapping[str, str],
        data: DataStack,
        storage: StorageStack,
        known: SecretsStack,
        messaging: MessagingStack,
        media: MediaStack,
        api: AppSyncStack,
    ) -> None:
        super().__init__(scope, "workers", environment)
        common = {**settings, "APPSYNC_URL": api.api.attr_graph_ql_url}
        working = [
            *permissions.records(data),
            *permissions.files(storage),
            *permissions.calls(self),
            *permissions.recordings(self),
            *permissions.conversions(media),
            *permissions.faces(media),
            *permissions.mail(self),
            api.publishes,
        ]
        queues = [
            messaging.changes_queue, messaging.meeting_events, messaging.malware_scans, messaging.mail_feedback,
        ]  # fmt: skip
        self.changes = function(
            self,
            "Changes",
            environment=common,
            known=known,
            may=[*permissions.records(data), *permissions.tells(messaging, messaging.changes_topic), api.publishes],
            seconds=60,
        )
        self.queue = function(
            self,
            "Queue",
            environment=common,
            known=known,
            may=[*working, *permissions.receives(messaging, queues)],
            seconds=HANDLING_SECONDS,
        )
        self.schedule = function(self, "Schedule", environment=common, known=known, may=working, seconds=300)
        self._feeds(data, messaging)
        self._queues(queues)
        self._clock(messaging)

    def _feeds(self, data: DataStack, messaging: MessagingStack) -> None:
        """Batches are brought again as long as their changes last: one that cannot be handled is set aside by the
        function itself, so what fails is what that depends on."""
        lost = sqs.Queue(
            self,
            "ChangesLost",
            encryption=sqs.QueueEncryption.KMS,
            encryption_master_key=messaging.key,
            enforce_ssl=True,
            retention_period=cdk.Duration.days(14),
        )
        for table in ALL:
            if table.feed:
                source = sources.DynamoEventSource(
                    data.tables[table.name],
                    starting_position=lambda_.StartingPosition.TRIM_HORIZON,
                    batch_size=FEED_BATCH,
                    report_batch_item_failures=True,
                    on_failure=sources.SqsDlq(lost),
                )
                self.changes.add_event_source(source)

    def _queues(self, queues: list[sqs.Queue]) -> None:
        for queue in queues:
            self.queue.add_event_source(
                sources.SqsEventSource(queue, batch_size=BATCH, report_batch_item_failures=True)
            )

    def _clock(self, messaging: MessagingStack) -> None:
        lost = sqs.Queue(
            self,
            "ScheduleLost",
            encryption=sqs.QueueEncryption.KMS,
            encryption_master_key=messaging.key,
            enforce_ssl=True,
            retention_period=cdk.Duration.days(14),
        )
        target = targets.LambdaFunction(self.schedule, dead_letter_queue=lost, retry_attempts=2)
        every = events.Schedule.rate(cdk.Duration.minutes(1))
        events.Rule(self, "EveryMinute", schedule=every, targets=[target])
