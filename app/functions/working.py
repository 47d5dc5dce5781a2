"""What the functions behind streams, queues and schedules keep open: the workers' steps, and three ways to run them.

The steps are those of the server. What differs is who calls them: here Lambda brings the changes and messages, so
nothing waits for any, and brings them again when a call fails.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from app.appsync.subscribing import ask_again
from app.auth_settings import auth_config
from app.change_route import ChangeRoute, followers, open_change_route
from app.clock import now
from app.functions.messages import ArrivedMessages
from app.functions.resolving import open_publisher, without_queues
from app.inbox import Inbox
from app.media_engines import open_media_engines
from app.process_name import holder
from app.product import bound_schema, open_product
from app.repairs import NothingHeard, repair_steps
from app.second_tries import second_tries
from app.settings import Settings
from app.steps import product_steps
from app.supervision import passes
from app.ways_out import open_senders
from app.worker_steps import FeedStep, TimedStep
from app.workers import Workers
from datasources import tables
from datasources.aws.change_queue import arrival_of
from datasources.aws.chime_events import ChimeEvents
from datasources.aws.mail_feedback import SesFeedback
from datasources.aws.malware_scans import MalwareScans
from datasources.aws.queue_messages import Queue
from datasources.aws.stream_records import event_of
from datasources.ports import Arrival, RecordStore
from datasources.tables import Table
from domain.callers import USER_MODES

TRIES = 5
"""Of a change that a step cannot handle, before it is set aside. Lambda does not say how often it brought one."""
PAUSE_SECONDS = 0.2

_log = logging.getLogger("educonnect.workers")

Answer = dict[str, list[dict[str, str]]]
"""Lambda's `batchItemFailures`: what it has to bring again."""


class Work:
    """
    Args:
        steps: that are run on the changes that streams bring.
        travelling: that are run on the changes that come through the queue of changes.
        timed: that are run on a clock. Those that `queues` names are run when messages come.
        arrived: what these take their messages from.
        queues: the step that empties each queue, by the queue's name.
    """

    def __init__(
        self,
        store: RecordStore,
        settings: Settings,
        route: ChangeRoute,
        steps: Sequence[FeedStep],
        travelling: Sequence[FeedStep],
        timed: Sequence[TimedStep],
        arrived: ArrivedMessages,
        queues: Mapping[str, str],
    ) -> None:
        self._store = store
        self._settings = settings
        self._route = route
        self._steps = steps
        self._timed = {step.name: step for step in timed if step.name not in queues.values()}
        self._emptying = {step.name: step for step in timed if step.name in queues.values()}
        self._arrived = arrived
        self._queues = queues
        self._streams = Inbox(store, steps, now)
        self._inbox = Inbox(store, travelling, now)

    async def changes(self, records: Sequence[Mapping[str, Any]]) -> Answer:
        """Records of DynamoDB Streams, in their order. Afterwards each is handled or set aside.

        Raises:
            DomainError: what we depend on is in trouble; all have to come again.
        """
        arrivals: Sequence[Arrival] = [
            Arrival(record["dynamodb"]["SequenceNumber"], step.name, event, 1)
            for record in records
            for table in [self._table(record["eventSourceARN"])]
            for event in [event_of(table, record)]
            for step in self._steps
            if step.table.name == table.name
        ]
        for number in range(1, TRIES + 1):
            arrivals = [msgspec.structs.replace(each, tries=number) for each in arrivals]
            arrivals = await self._streams.handle(arrivals, TRIES)
            if not arrivals:
                break
            await asyncio.sleep(PAUSE_SECONDS * 2**number if number < TRIES else 0)
        return _failures([])

    async def messages(self, records: Sequence[Mapping[str, Any]]) -> Answer:
        """Messages of one queue. Answers which of them have to come again. Raises ValueError for a strange queue."""
        if not records:
            return _failures([])
        queue = records[0]["eventSourceARN"].rpartition(":")[2]
        if queue == queue_name(self._settings.changes_queue_url):
            return _failures(await self._travelled(records))
        name = self._queues.get(queue)
        if name is None:
            raise ValueError(f"nothing reads messages of {queue}")
        self._arrived.take(records)
        try:
            await self._emptying[name].run(None)
        except Exception as error:
            _log.warning("%s failed", name, exc_info=None if passes(error) else error)
        return _failures(self._arrived.undone)

    async def _travelled(self, records: Sequence[Mapping[str, Any]]) -> list[str]:
        if self._route.queue is None:
            raise ValueError("there is no queue of changes")
        arrivals, undone = [], []
        for record in records:
            try:
                arrivals.append(arrival_of(record["messageId"], record["body"], record["attributes"]))
            except ValueError as error:
                _log.error("a message holds no change: %s", type(error).__name__)
                undone.append(record["messageId"])
        return [
            *undone,
            *(each.receipt for each in await self._handled(arrivals, await self._route.queue.most_tries())),
        ]

    async def _handled(self, arrivals: Sequence[Arrival], most_tries: int) -> Sequence[Arrival]:
        """Those that are not done: all of them, when what we depend on is in trouble."""
        try:
            return await self._inbox.handle(arrivals, most_tries)
        except Exception as error:
            _log.warning("changes wait", exc_info=None if passes(error) else error)
            return arrivals

    async def clock(self, names: Sequence[str] = ()) -> None:
        """Run timed steps once. Steps that are chosen together are one process's at a time.

        Args:
            names: beginnings of the steps' names; none is all that no other call of the clock names.
        """
        chosen = [step for step in self._timed.values() if step.name.startswith(tuple(names) or ("",))]
        lease = "-".join(["LEASE", "ON-LAMBDA", *names])
        await Workers(self._store, chosen, now, holder(), lease).once()

    def _table(self, arn: str) -> Table:
        """Of `arn:aws:dynamodb:REGION:ACCOUNT:table/NAME/stream/TIME`. Raises ValueError for none of ours."""
        name = arn.partition(":table/")[2].partition("/")[0]
        for table in tables.ALL:
            if name == self._settings.table_prefix + table.name:
                return table
        raise ValueError(f"no step follows {name}")


@asynccontextmanager
async def open_work(settings: Settings) -> AsyncIterator[Work]:
    """Open until the context ends. Raises SettingsFault, BindingError."""
    user_modes = auth_config(settings).modes & USER_MODES
    arrived, queues = ArrivedMessages(), _queues(settings)
    schema = bound_schema(user_modes)
    emptied = without_queues(settings)
    async with (
        open_product(emptied) as opened,
        open_senders(emptied, opened.store, now) as senders,
        open_change_route(settings) as route,
        open_media_engines(settings, opened.blobs) as media,
        open_publisher(settings, schema, user_modes, opened.aws) as publisher,
    ):
        queue = Queue(arrived, "", wait_seconds=0)
        chime = None if settings.meeting_events_queue_url is None else ChimeEvents(queue)
        calls = msgspec.structs.replace(opened.calls, events=chime)
        product = msgspec.structs.replace(opened, settings=settings, calls=calls)
        feedback = None if settings.mail_feedback_queue_url is None else SesFeedback(queue)
        scans = None if settings.malware_scan_queue_url is None else MalwareScans(queue, settings.s3_prefix)
        publish = publisher.publish_and_wait
        steps = [
            *product_steps(
                product,
                msgspec.structs.replace(senders, feedback=feedback),
                scans,
                media,
                publish=publish,
                recheck=ask_again,
                heard=_nothing_heard,
            ),
            *repair_steps(publish, NothingHeard(), now, seconds=0),
        ]
        following = followers(steps)
        led = [*route.led(steps), second_tries(product.store, following, now)]
        timed = [step for step in led if isinstance(step, TimedStep)]
        yield Work(product.store, settings, route, followers(led), following, timed, arrived, queues)


def queue_name(url: str | None) -> str | None:
    return None if url is None else url.rpartition("/")[2]


def _queues(settings: Settings) -> dict[str, str]:
    """Names of steps by the queue that each empties."""
    named = {
        "chime-events": settings.meeting_events_queue_url,
        "malware-scans": settings.malware_scan_queue_url,
        "mail-feedback": settings.mail_feedback_queue_url,
    }
    return {url.rpartition("/")[2]: step for step, url in named.items() if url is not None}


def _failures(ids: Sequence[str]) -> Answer:
    return {"batchItemFailures": [{"itemIdentifier": each} for each in ids]}


def _nothing_heard(_user_id: str, _status: str) -> bool:
    return False
