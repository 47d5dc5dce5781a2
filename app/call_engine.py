"""Which engine carries meetings' calls, as the settings choose."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import msgspec

from app.aws_session import AwsSession
from app.buckets import s3_buckets
from app.settings import Settings
from datasources.local.meetings import REGION, LocalMeetings
from datasources.meeting_engine import EventQueue, MeetingEngine
from datasources.ports import RecordStore
from domain.file_keys import RECORDINGS
from domain.times import Timestamp


class CallEngine(msgspec.Struct, frozen=True):
    """An engine, the media regions that it may use, and where its events come from.

    Attributes:
        local: the engine, where it is our own: its events stand in the store, and nobody else ends its calls in time.
        events: None where none come through a queue.
    """

    engine: MeetingEngine
    regions: tuple[str, ...]
    local: LocalMeetings | None = None
    events: EventQueue | None = None


def local_calls(store: RecordStore, now: Callable[[], Timestamp], url: str = "http://localhost") -> CallEngine:
    """
    Args:
        url: where clients reach this server.
    """
    engine = LocalMeetings(store, now, url=url)
    return CallEngine(engine, (REGION,), local=engine)


@asynccontextmanager
async def open_call_engine(
    settings: Settings, store: RecordStore, now: Callable[[], Timestamp], aws: AwsSession
) -> AsyncIterator[CallEngine]:
    """Open until the context ends."""
    if settings.meetings == "local":
        yield local_calls(store, now, settings.base_url)
        return
    from datasources.aws.chime import open_chime
    from datasources.aws.chime_events import ChimeEvents
    from datasources.aws.queue_messages import open_queue

    region, endpoint = settings.aws_region, settings.aws_endpoint_url
    recordings = s3_buckets(settings).url(RECORDINGS).removeprefix("s3://").rstrip("/")
    async with AsyncExitStack() as stack:
        engine = await stack.enter_async_context(
            open_chime(
                region=region,
                recordings=recordings if settings.meeting_recordings else None,
                endpoint_url=endpoint,
                session=aws.get(),
            )
        )
        events = None
        if settings.meeting_events_queue_url is not None:
            opened = open_queue(settings.meeting_events_queue_url, region=region, endpoint_url=endpoint)
            events = ChimeEvents(await stack.enter_async_context(opened))
        yield CallEngine(engine, settings.meeting_media_regions or (region,), events=events)
