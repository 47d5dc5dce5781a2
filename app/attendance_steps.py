"""From calls and clocks to attendance; and faces whose time is over. Steps for the workers."""

from collections.abc import Callable, Sequence

from app.worker_steps import NOWHERE, FeedStep, Step, TimedStep, each
from datasources.attendance_evidence import Evidence
from datasources.attendance_settling import AttendanceSettling
from datasources.attendance_summaries import add_up
from datasources.ports import FeedEvent, RecordStore, Write
from datasources.tables import ATTENDANCE, MEETING_ATTENDEES, MEETINGS, USERS
from domain.attendance import AttendanceRecord
from domain.times import Timestamp
from resolvers.context import Publish, Sources

SECONDS = 5.0
LEFT_OVER_SECONDS = 600.0


def attendance_steps(
    store: RecordStore, sources: Sources, now: Callable[[], Timestamp], publish: Publish
) -> list[Step]:
    async def tell(record: AttendanceRecord) -> None:
        await publish("publishAttendance", meeting_id=record.meeting_id, user_id=record.user_id)

    evidence = Evidence(store, now, tell)
    settling = AttendanceSettling(store, now, evidence)

    async def follow_rosters(events: Sequence[FeedEvent]) -> Sequence[Write]:
        await evidence.follow_rosters(events)
        return ()

    async def follow_meetings(events: Sequence[FeedEvent]) -> Sequence[Write]:
        await evidence.follow_meetings(events)
        return ()

    async def sum_up(events: Sequence[FeedEvent]) -> Sequence[Write]:
        return add_up(events)

    async def settle(_: str | None) -> str:
        await settling.run()
        return NOWHERE

    async def forget_faces(_: str | None) -> str:
        await sources.faces.forget_due(now())
        return NOWHERE

    async def forget_left_over(last: str | None) -> str:
        """Once a day."""
        today = now()[:10]
        if last != today:
            await sources.faces.forget_left_over(now())
        return today

    async def forget_erased(event: FeedEvent) -> None:
        """The faces and their pictures of who has no account any more, whatever has ended it."""
        if _was_erased(event):
            user_id = event.key["userId"]
            await sources.faces.erase(user_id, now())
            await sources.face_pictures.destroy_all(user_id)

    return [
        FeedStep("attendance-windows", MEETINGS, follow_meetings),
        FeedStep("attendance-evidence", MEETING_ATTENDEES, follow_rosters),
        FeedStep("attendance-summaries", ATTENDANCE, sum_up),
        TimedStep("attendance-settling", SECONDS, settle),
        FeedStep("faces-of-the-erased", USERS, each(forget_erased)),
        TimedStep("faces-to-forget", SECONDS, forget_faces),
        TimedStep("faces-left-over", LEFT_OVER_SECONDS, forget_left_over),
    ]


def _was_erased(account: FeedEvent) -> bool:
    before, after = account.old, account.new
    if before is not None and before["status"] == "ERASED":
        return False
    return after is None or after["status"] == "ERASED"
