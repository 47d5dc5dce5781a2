"""From uploads to media: files are taken in and looked at, what has ended loses its bytes. Steps for the workers."""

from collections.abc import Callable, Sequence

from app.worker_steps import NOWHERE, FeedStep, Step, TimedStep
from datasources import media_expiry
from datasources.course_media import left_behind
from datasources.malware import ScanResults
from datasources.media_intake import Intake
from datasources.media_work import MediaWork
from datasources.ports import FeedEvent, RecordStore, Write
from datasources.tables import COURSES, MEDIA
from datasources.upload_sweeps import START, UploadSweeps
from domain.errors import Code, DomainError
from domain.file_keys import media_id_of
from domain.times import Timestamp
from resolvers.context import Publish, Sources

INTAKE_SECONDS = 1.0
EXPIRY_SECONDS = 60.0
ORPHAN_SECONDS = 60.0
SCAN_SECONDS = 5.0


def media_steps(
    store: RecordStore,
    sources: Sources,
    now: Callable[[], Timestamp],
    publish: Publish,
    scans: ScanResults | None = None,
) -> list[Step]:
    """
    Args:
        scans: what a scanner for malware found; None where there is none.
    """
    media, deletion = sources.media, sources.media_deletion
    intake = Intake(MediaWork(store, now), sources.blobs, media)
    sweeps = UploadSweeps(store, sources.blobs, sources.uploads, now)

    async def take_in(_: str | None) -> str:
        while await intake.run():
            pass
        return NOWHERE

    async def show(events: Sequence[FeedEvent]) -> Sequence[Write]:
        for event in events:
            if event.new is not None and (event.old is None or event.old["version"] != event.new["version"]):
                await publish("publishMedia", id=event.key["mediaId"])
        return ()

    async def remove(events: Sequence[FeedEvent]) -> Sequence[Write]:
        for event in events:
            await deletion.follow(event)
        return ()

    async def forget_uses(events: Sequence[FeedEvent]) -> Sequence[Write]:
        return [write for event in events for write in left_behind(event)]

    async def expire_uploads(_: str | None) -> str:
        await sweeps.expire()
        return NOWHERE

    async def expire_media(_: str | None) -> str:
        await media_expiry.expire(store, media, now())
        return NOWHERE

    async def remove_orphan_parts(position: str | None) -> str:
        return await sweeps.remove_orphan_parts(position or START)

    async def remove_orphan_files(position: str | None) -> str:
        return await sweeps.remove_orphan_files(position or START)

    async def judge(key: str, malware: str | None) -> None:
        media_id = media_id_of(key)
        if media_id is None:
            return
        try:
            if malware is None:
                await media.passed(media_id, "SCAN")
            else:
                await media.quarantined(media_id, malware)
        except DomainError as refusal:
            if refusal.code is not Code.NOT_FOUND:
                raise

    async def read_scans(_: str | None) -> str:
        if scans is not None:
            await scans.read(judge)
        return NOWHERE

    return [
        TimedStep("media-intake", INTAKE_SECONDS, take_in),
        TimedStep("upload-expiry", EXPIRY_SECONDS, expire_uploads),
        TimedStep("media-expiry", EXPIRY_SECONDS, expire_media),
        TimedStep("orphan-parts", ORPHAN_SECONDS, remove_orphan_parts),
        TimedStep("orphan-files", ORPHAN_SECONDS, remove_orphan_files),
        TimedStep("malware-scans", SCAN_SECONDS, read_scans),
        FeedStep("media-events", MEDIA, show),
        FeedStep("media-removal", MEDIA, remove),
        FeedStep("course-media", COURSES, forget_uses),
    ]
