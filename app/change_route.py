"""How committed changes reach the steps that follow them, as the settings choose.

Without a topic and a queue the process with the lease reads the feeds and runs the steps. With a topic it reads the
feeds and tells it of each change, once for each step; with a queue every process runs the steps on what comes.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

import msgspec

from app.settings import Settings
from app.worker_steps import FeedStep, Step
from datasources.ports import ChangeQueue, ChangeTopic, FeedEvent, Write


class ChangeRoute(msgspec.Struct, frozen=True):
    """None: not this way."""

    topic: ChangeTopic | None = None
    queue: ChangeQueue | None = None

    def led(self, steps: Sequence[Step], traced: Callable[[Step], Step] | None = None) -> list[Step]:
        """What the process with the lease does of the steps: those that follow feeds only tell of changes, or are
        done elsewhere.

        Args:
            traced: puts a span around what tells, so that whoever hears it knows the trace.
        """
        if self.topic is None and self.queue is None:
            return list(steps)
        topic = self.topic
        travelling = [step for step in followers(steps) if not step.is_led]
        telling: list[Step] = [] if topic is None else [_telling(topic, step) for step in travelling]
        if traced is not None:
            telling = [traced(step) for step in telling]
        return [*(step for step in steps if step not in travelling), *telling]


@asynccontextmanager
async def open_change_route(settings: Settings) -> AsyncIterator[ChangeRoute]:
    """Open until the context ends."""
    async with AsyncExitStack() as stack:
        yield ChangeRoute(await _topic(settings, stack), await _queue(settings, stack))


def followers(steps: Sequence[Step]) -> list[FeedStep]:
    return [step for step in steps if isinstance(step, FeedStep)]


def _telling(topic: ChangeTopic, step: FeedStep) -> FeedStep:
    """In the place of the step, from where that stands in its feed."""

    async def tell(events: Sequence[FeedEvent]) -> Sequence[Write]:
        await topic.publish(step.name, events)
        return ()

    return FeedStep(step.name, step.table, tell)


async def _topic(settings: Settings, stack: AsyncExitStack) -> ChangeTopic | None:
    if settings.changes_topic_arn is None:
        return None
    from datasources.aws.change_topic import open_change_topic

    opened = open_change_topic(
        settings.changes_topic_arn, region=settings.aws_region, endpoint_url=settings.aws_endpoint_url
    )
    return await stack.enter_async_context(opened)


async def _queue(settings: Settings, stack: AsyncExitStack) -> ChangeQueue | None:
    if settings.changes_queue_url is None:
        return None
    from datasources.aws.change_queue import open_change_queue

    opened = open_change_queue(
        settings.changes_queue_url, region=settings.aws_region, endpoint_url=settings.aws_endpoint_url
    )
    return await stack.enter_async_context(opened)
