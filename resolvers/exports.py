"""Exports: asked for here, made by workers. URLs of their files are signed only here, for who asked for them."""

import asyncio
from collections.abc import Sequence
from typing import Any

from datasources.export_files import CONTENT_TYPES
from datasources.export_jobs import file_key, job_id
from datasources.idempotency import request
from domain import text
from domain.errors import bad_request, forbidden
from domain.exports import ExportJob, attendance_export
from resolvers.access import require_staff, staff_among
from resolvers.context import Context
from resolvers.inputs import ExportFormat, TimeRangeInput
from resolvers.paging import Connection, page
from resolvers.ranges import check_range
from resolvers.registry import registry

DOWNLOAD_SECONDS = 15 * 60


@registry.field("Query.getExportJob")
async def get_export_job(ctx: Context, *, id: str) -> ExportJob | None:
    job = await ctx.sources.export_jobs.get(text.identifier(id, "id"))
    return job if job is not None and (job.requested_by_id == ctx.caller.id or ctx.caller.is_admin) else None


@registry.field("Query.listMyExportJobs")
async def list_my_export_jobs(
    ctx: Context, *, limit: int | None = None, next_token: str | None = None
) -> Connection[ExportJob]:
    async def read(position: Any, size: int) -> tuple[Sequence[ExportJob], Any]:
        return await ctx.sources.export_jobs.of_user(ctx.caller.id, position, size)

    return await page(ctx, "Query.listMyExportJobs", {}, limit, next_token, read)


@registry.field("Mutation.exportAttendance")
async def export_attendance(
    ctx: Context,
    *,
    course_id: str,
    format: ExportFormat,
    range: TimeRangeInput | None = None,
    client_token: str | None = None,
) -> ExportJob:
    course = await require_staff(ctx, text.identifier(course_id, "courseId"))
    check_range(range)
    if client_token is not None:
        text.identifier(client_token, "clientToken")
    arguments = {"course_id": course.id, "format": format, "range": range}
    repeatable = request(ctx.caller.id, "exportAttendance", client_token, arguments)
    asked = attendance_export(
        course.id,
        format,
        None if range is None else (range["from"], range["to"]),
        id=job_id(repeatable, ctx.new_id()),
        by=ctx.caller.id,
        request_hash=None if repeatable is None else repeatable.hash,
        now=ctx.now(),
    )
    job = await ctx.sources.export_jobs.create(asked)
    await ctx.publish("publishExportJob", id=job.id)
    return job


@registry.field("Mutation.publishExportJob")
async def publish_export_job(ctx: Context, *, id: str) -> ExportJob | None:
    """Writes nothing: the stored job is the payload, without the URL, which only its reader gets."""
    return await ctx.sources.export_jobs.get(text.identifier(id, "id"))


@registry.field("Subscription.onExportJobUpdated")
async def on_export_job_updated(ctx: Context, *, requested_by_id: str | None = None, id: str | None = None) -> None:
    if requested_by_id is None:
        raise bad_request("requestedById", "REQUIRED", "The filter requestedById is required.")
    if requested_by_id != ctx.caller.id:
        raise forbidden("One hears only of one's own exports.")


@registry.batch("ExportJob.downloadUrl", whole=True)
async def download_urls(ctx: Context, jobs: Sequence[ExportJob]) -> list[str | None]:
    """For who asked for the file, while they still are staff of the course."""
    now = ctx.now()
    own = [job for job in jobs if job.requested_by_id == ctx.caller.user_id and job.has_file(now)]
    taught = await staff_among(ctx, {job.course_id for job in own}) if own else frozenset()

    async def sign(job: ExportJob) -> str | None:
        if job not in own or job.course_id not in taught:
            return None
        return await ctx.sources.blobs.sign_get(
            file_key(job),
            seconds=DOWNLOAD_SECONDS,
            download_name=f"attendance-{job.created_at[:10]}.{job.format.lower()}",
            content_type=CONTENT_TYPES[job.format],
        )

    return list(await asyncio.gather(*map(sign, jobs)))
