"""From changes to people: who is told of what, and how that leaves the house. Steps for the workers."""

from collections.abc import Callable, Sequence

from app.worker_steps import BATCH, LARGE_BATCH, NOWHERE, FeedStep, Step, TimedStep
from datasources import meeting_reminders, noteworthy, noteworthy_meetings, noteworthy_messages
from datasources.announcements import FanOut
from datasources.noteworthy import Noteworthy
from datasources.notifications import Notifications, shown_change
from datasources.notifier import Notifier
from datasources.ports import FeedEvent, RecordStore, Write
from datasources.senders import Senders
from datasources.sending import Sending
from datasources.tables import (
    AUDIT_EVENTS,
    ENROLLMENTS,
    MEETING_ATTENDEES,
    MEETINGS,
    NOTIFICATIONS,
    ROOM_LOG,
    ROOM_MEMBERS,
    Table,
)
from domain.times import Timestamp, later
from resolvers.context import Publish

SECONDS = 1.0
REMINDER_SECONDS = 20.0
FEEDBACK_SECONDS = 10.0
ANNOUNCED_PER_SECOND = 200


def notification_steps(
    store: RecordStore,
    now: Callable[[], Timestamp],
    publish: Publish,
    senders: Senders,
    *,
    site: str | None = None,
    announced_per_second: int = ANNOUNCED_PER_SECOND,
) -> list[Step]:
    """
    Args:
        site: where the clients are; see `Sending`.
        announced_per_second: learners told of announcements, in all courses together.
    """
    notifier, notifications = Notifier(store, now), Notifications(store)
    fan_out, sending = FanOut(store, notifier), Sending(store, senders, now, site)

    def telling(name: str, table: Table, find: Noteworthy, batch: int = BATCH) -> FeedStep:
        async def tell(events: Sequence[FeedEvent]) -> Sequence[Write]:
            await notifier.tell(await find(store, events))
            return ()

        return FeedStep(name, table, tell, batch)

    async def clear(events: Sequence[FeedEvent]) -> Sequence[Write]:
        for event in events:
            await notifications.clear_read(event)
        return ()

    async def show(events: Sequence[FeedEvent]) -> Sequence[Write]:
        """New ones; who reads one tells of that."""
        for event in events:
            key = shown_change(event)
            if key is not None and event.old is None:
                await publish("publishNotification", **key)
        return ()

    async def announce(_: str | None) -> str:
        await fan_out.run(announced_per_second)
        return NOWHERE

    async def remind(since: str | None) -> str:
        moment = now()
        async for drafts in meeting_reminders.beginning(store, Timestamp(since or moment), moment):
            await notifier.tell(drafts)
        return later(moment, seconds=meeting_reminders.AHEAD_SECONDS)

    async def send(_: str | None) -> str:
        await sending.run()
        return NOWHERE

    async def read_feedback(_: str | None) -> str:
        await sending.read_feedback()
        return NOWHERE

    return [
        telling("enrollment-notifications", ENROLLMENTS, noteworthy.in_enrollments),
        telling("security-notifications", AUDIT_EVENTS, noteworthy.in_audit),
        telling("invitation-notifications", ROOM_MEMBERS, noteworthy.in_room_members),
        telling("meeting-invitation-notifications", MEETING_ATTENDEES, noteworthy_meetings.in_rosters),
        telling("meeting-notifications", MEETINGS, noteworthy_meetings.in_meetings),
        telling("message-notifications", ROOM_LOG, noteworthy_messages.in_room_log, LARGE_BATCH),
        TimedStep("meeting-reminders", REMINDER_SECONDS, remind),
        TimedStep("announcements", SECONDS, announce),
        FeedStep("notification-events", NOTIFICATIONS, show),
        FeedStep("read-notifications", NOTIFICATIONS, clear),
        TimedStep("deliveries", SECONDS, send),
        TimedStep("mail-feedback", FEEDBACK_SECONDS, read_feedback),
    ]
