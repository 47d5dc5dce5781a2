"""Exports are made, told of, and removed in time. Steps for the workers."""

from collections.abc import Sequence

from app.worker_steps import NOWHERE, FeedStep, Step, TimedStep
from datasources.ports import FeedEvent, Write
from datasources.tables import JOBS
from resolvers.context import Publish, Sources

EXPORT_SECONDS = 1.0
REMOVAL_SECONDS = 60.0


def export_steps(sources: Sources, publish: Publish) -> list[Step]:
    async def make(_: str | None) -> str:
        while await sources.attendance_exports.run():
            pass
        return NOWHERE

    async def remove(_: str | None) -> str:
        await sources.export_jobs.remove_old_files()
        return NOWHERE

    async def tell(events: Sequence[FeedEvent]) -> Sequence[Write]:
        for event in events:
            if event.new is not None and (event.old is None or event.old["status"] != event.new["status"]):
                await publish("publishExportJob", id=event.key["jobId"])
        return ()

    return [
        TimedStep("exports", EXPORT_SECONDS, make),
        TimedStep("export-removal", REMOVAL_SECONDS, remove),
        FeedStep("export-events", JOBS, tell),
    ]
