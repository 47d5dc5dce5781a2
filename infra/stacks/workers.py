"""What follows from changes and what is due, on Lambda.

Where AppSync is, `changes` always runs: it publishes events to AppSync's subscribers. The other functions run where no
worker tasks of the server do their work.
"""

from collections.abc import Mapping

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from datasources.ports import HANDLING_SECONDS
from datasources.tables import ALL
from infra import permissions
from infra.acknowledgements import acknowledge
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
SCHEDULES: Mapping[str, tuple[str, ...]] = {"EveryMinute": (), "Slow": ("media-p", "exports")}
"""The steps of each rule by how their names begin; none is all. Slow ones have a lease of their own."""
SCHEDULE_SECONDS = 300


class WorkersStack(EnvironmentStack):
    """The functions read by the rights that they have, and not by grants, which would name them in others' policies."""

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
        self._environment = {**settings, "APPSYNC_URL": api.api.attr_graph_ql_url}
        self._known = known
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
        telling = [
            *permissions.records(data),
            *permissions.streams(data),
            *permissions.tells(messaging, messaging.changes_topic),
            api.publishes,
        ]
        self._feeds(data, self._function("Changes", telling, seconds=120))
        if not environment.fargate:
            queues = [messaging.changes_queue, messaging.meeting_events, messaging.mail_feedback]
            if environment.malware_scans:
                queues.append(messaging.malware_scans)
            reading = permissions.receives(messaging, queues)
            self._queues(queues, self._function("Queue", [*working, *reading], seconds=HANDLING_SECONDS))
            self._clock(messaging, self._function("Schedule", working, seconds=SCHEDULE_SECONDS))

    def _function(self, name: str, may: permissions.Rights, *, seconds: int) -> lambda_.Function:
        return function(self, name, environment=self._environment, known=self._known, may=may, seconds=seconds)

    def _feeds(self, data: DataStack, changes: lambda_.Function) -> None:
        """What cannot be handled is set aside by the function itself, so a batch comes again for as long as it must."""
        for table in ALL:
            if table.feed:
                lambda_.EventSourceMapping(
                    self,
                    f"{table.name}Feed",
                    target=changes,
                    event_source_arn=data.tables[table.name].table_stream_arn,
                    starting_position=lambda_.StartingPosition.TRIM_HORIZON,
                    batch_size=FEED_BATCH,
                    report_batch_item_failures=True,
                )

    def _queues(self, queues: list[sqs.Queue], reader: lambda_.Function) -> None:
        for queue in queues:
            lambda_.EventSourceMapping(
                self,
                f"{queue.node.id}Source",
                target=reader,
                event_source_arn=queue.queue_arn,
                batch_size=BATCH,
                report_batch_item_failures=True,
            )

    def _clock(self, messaging: MessagingStack, schedule: lambda_.Function) -> None:
        lost = sqs.Queue(
            self,
            "ScheduleLost",
            encryption=sqs.QueueEncryption.SQS_MANAGED,  # it holds the hour of a call, and nothing of anybody
            enforce_ssl=True,
            retention_period=cdk.Duration.days(14),
        )
        acknowledge(lost, "SQS3", "It is where calls go that a rule could not make.")
        every = events.Schedule.rate(cdk.Duration.minutes(1))
        for name, steps in SCHEDULES.items():
            target = targets.LambdaFunction(
                schedule,
                event=events.RuleTargetInput.from_object({"steps": list(steps)}),
                dead_letter_queue=lost,
                retry_attempts=2,
            )
            events.Rule(self, name, schedule=every, targets=[target])
