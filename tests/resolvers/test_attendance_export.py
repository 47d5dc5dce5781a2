"""Exports of attendance: asked for by a course's staff, made by workers, read by who asked."""

import csv
import io
import json
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from datasources.blobs import Blob
from domain.errors import DomainError, dependency_failed
from domain.times import later
from resolvers import registry
from tests.attending import comes_in, ended, opened, was_seen
from tests.learning import published_course
from tests.races import at_once, successes
from tests.resolvers.attendance import lesson_by_call, override
from tests.resolvers.chat import error, meet
from tests.resolvers.meeting import new_meeting, result
from tests.school import Client, School

JOB = "id kind format status requestedById rowCount downloadUrl expiresAt errorMessage createdAt completedAt"
EXPORT = f"""mutation ($course: ID!, $range: TimeRangeInput, $format: ExportFormat!, $token: ID) {{
  exportAttendance(courseId: $course, range: $range, format: $format, clientToken: $token) {{ {JOB} }} }}"""
GET = f"query ($id: ID!) {{ getExportJob(id: $id) {{ {JOB} }} }}"
MINE = "query { listMyExportJobs { items { id } nextToken } }"
PUBLISH = f"mutation ($id: ID!) {{ publishExportJob(id: $id) {{ {JOB} }} }}"
TOLD = "publishExportJob"


@pytest.fixture
def school(school_with_files: School) -> School:
    return school_with_files


@pytest.fixture
def ada(school: School) -> Client:
    return school.as_("ada", "Mentors")


async def asked(client: Client, course: str, format: str = "CSV", **given: Any) -> dict[str, Any]:
    job: dict[str, Any] = await result(client, EXPORT, course=course, format=format, **given)
    return job


async def made(school: School, client: Client, course: str, format: str = "CSV", **given: Any) -> dict[str, Any]:
    """The job once the workers have done what they can."""
    job = await asked(client, course, format, **given)
    await school.drain("export")
    after: dict[str, Any] = await result(client, GET, id=job["id"])
    return after


async def body(job: dict[str, Any]) -> str:
    async with aiohttp.ClientSession() as web, web.get(job["downloadUrl"]) as answer:
        assert answer.status == 200
        assert "attachment" in answer.headers["Content-Disposition"]
        return await answer.text()


async def rows(job: dict[str, Any]) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(await body(job), newline="")))


async def held(school: School, *learners: Client, **given: Any) -> dict[str, Any]:
    """A meeting of a course that is over and settled: the first was in it, the others were not."""
    meeting = await lesson_by_call(school, *learners, **given)
    await take_place(school, meeting, *learners[:1])
    return meeting


async def take_place(school: School, meeting: dict[str, Any], *present: Client) -> None:
    await opened(school, meeting["id"])
    for client in present:
        await comes_in(school, meeting["id"], client.id)
        await was_seen(school, meeting["id"], client.id, (5, 55))
    school.clock.advance(seconds=3600)
    await ended(school, meeting["id"])
    school.clock.advance(seconds=2 * 3600)
    await school.drain("attendance")


class TestFile:
    async def test_each_status_is_explained(self, school: School, ada: Client) -> None:
        ben, cleo, dan = (school.as_(name) for name in ("ben", "cleo", "dan"))
        await meet(ada)
        meeting = await held(school, ben, cleo, dan, title="=HYPERLINK(1)")
        await override(ada, meeting, dan, "EXCUSED", note="@home, ill")

        job = await made(school, ada, meeting["courseId"])

        assert (job["status"], job["kind"], job["format"]) == ("SUCCEEDED", "ATTENDANCE", "CSV")
        assert job["expiresAt"] == later(job["completedAt"], days=7)
        found = {row["userId"]: row for row in await rows(job)}
        assert job["rowCount"] == len(found) == 3
        assert {row["title"] for row in found.values()} == {"'=HYPERLINK(1)"}
        present, missing, excused = found[ben.id], found[cleo.id], found[dan.id]
        assert (present["displayName"], present["status"], present["method"]) == ("Ben", "PRESENT", "JOIN")
        assert present["attendedSeconds"] == "3000"
        assert present["explanation"].startswith(f"First mark at {present['markedAt']} by JOIN, within the window")
        assert (missing["status"], missing["markedAt"]) == ("ABSENT", "")
        assert missing["explanation"] == f"No mark until the window closed at {meeting['endsAt']}."
        assert (excused["note"], excused["markedById"]) == ("'@home, ill", ada.id)
        assert excused["explanation"] == "Set to EXCUSED by hand by Ada: @home, ill."

    async def test_as_json_without_any_quoting(self, school: School, ada: Client) -> None:
        meeting = await held(school, school.as_("ben"), title="=1+1")
        job = await made(school, ada, meeting["courseId"], "JSON")
        [row] = json.loads(await body(job))
        assert (row["title"], row["attendedSeconds"], row["note"]) == ("=1+1", 3000, None)

    @pytest.mark.parametrize(("format", "lines"), [("CSV", 1), ("JSON", 2)])
    async def test_a_course_without_meetings_is_a_file_without_rows(
        self, school: School, ada: Client, format: str, lines: int
    ) -> None:
        course = await published_course(school.store, owner=ada.id)
        job = await made(school, ada, course.id, format)
        assert (job["status"], job["rowCount"]) == ("SUCCEEDED", 0)
        text = await body(job)
        assert len(text.splitlines()) == lines
        assert text.startswith("meetingId,") if format == "CSV" else json.loads(text) == []

    async def test_only_ended_meetings_that_start_within_the_range(self, school: School, ada: Client) -> None:
        ben = school.as_("ben")
        first = await held(school, ben)
        second = await new_meeting(school, ada, courseId=first["courseId"])
        await take_place(school, second, ben)
        await new_meeting(school, ada, courseId=first["courseId"])
        course = first["courseId"]

        whole = await made(school, ada, course)
        before = await made(school, ada, course, range={"from": first["startsAt"], "to": second["startsAt"]})

        assert [row["meetingId"] for row in await rows(whole)] == [first["id"], second["id"]]
        assert [row["meetingId"] for row in await rows(before)] == [first["id"]]
        empty = {"from": first["startsAt"], "to": first["startsAt"]}
        assert await error(ada, EXPORT, course=course, format="CSV", range=empty) == "BAD_REQUEST"

    async def test_page_by_page(self, school: School, ada: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("datasources.attendance_export.PAGE", 2)
        learners = [school.as_(name) for name in ("ben", "cleo", "dan")]
        meeting = await held(school, *learners)
        as_csv = await rows(await made(school, ada, meeting["courseId"]))
        as_json = json.loads(await body(await made(school, ada, meeting["courseId"], "JSON")))
        assert [row["userId"] for row in as_csv] == sorted(client.id for client in learners)
        assert [row["userId"] for row in as_json] == [row["userId"] for row in as_csv]


class TestAccess:
    async def test_only_staff_of_the_course(self, school: School, ada: Client) -> None:
        course = await published_course(school.store, owner=ada.id)
        other = school.as_("mentor", "Mentors")
        assert await error(school.as_("ben"), EXPORT, course=course.id, format="CSV") == "Unauthorized"
        assert await error(other, EXPORT, course=course.id, format="CSV") == "FORBIDDEN"
        assert await error(ada, EXPORT, course="no such", format="CSV") == "NOT_FOUND"
        assert await result(other, MINE) == {"items": [], "nextToken": None}

    async def test_only_who_asked_gets_the_file(self, school: School, ada: Client) -> None:
        course = await published_course(school.store, owner=ada.id)
        job = await made(school, ada, course.id)
        assert job["downloadUrl"] is not None
        assert await result(school.as_("other", "Mentors"), GET, id=job["id"]) is None
        boss = await result(school.as_("boss", "Admins"), GET, id=job["id"])
        assert (boss["status"], boss["downloadUrl"]) == ("SUCCEEDED", None)
        told = await result(school.backend, PUBLISH, id=job["id"])
        assert told == {**job, "downloadUrl": None}, "subscribers get no link"

    async def test_who_is_no_longer_staff_gets_no_link(self, school: School, ada: Client) -> None:
        course = await published_course(school.store, owner=ada.id)
        boss = school.as_("boss", "Admins")
        job = await made(school, boss, course.id)
        assert job["downloadUrl"] is not None
        dismissed = await result(school.as_("boss", "Mentors"), GET, id=job["id"])
        assert (dismissed["status"], dismissed["downloadUrl"]) == ("SUCCEEDED", None)

    async def test_one_hears_only_of_ones_own_exports(self, school: School, ada: Client) -> None:
        subscribe, ctx = registry["Subscription.onExportJobUpdated"].func, school.context(ada.caller)
        await subscribe(ctx, requested_by_id=ada.id)
        for chosen, code in ((None, "BAD_REQUEST"), (school.id("other"), "FORBIDDEN")):
            with pytest.raises(DomainError) as refusal:
                await subscribe(ctx, requested_by_id=chosen)
            assert refusal.value.code == code

    async def test_each_change_of_status_is_told(self, school: School, ada: Client) -> None:
        course = await published_course(school.store, owner=ada.id)
        job = await made(school, ada, course.id)
        assert school.published.count((TOLD, {"id": job["id"]})) >= 2, "queued, and what became of it"


class TestAsking:
    async def test_the_same_call_is_one_job(self, school: School, ada: Client) -> None:
        course = await published_course(school.store, owner=ada.id)
        call = partial(ada.run, EXPORT, course=course.id, format="CSV", token="once")
        payloads = successes(await at_once([call] * 8))
        assert len({payload["data"]["exportAttendance"]["id"] for payload in payloads}) == 1
        assert await error(ada, EXPORT, course=course.id, format="JSON", token="once") == "IDEMPOTENCY_MISMATCH"
        await school.drain("export")
        again = await asked(ada, course.id, token="once")
        assert again["status"] == "SUCCEEDED"
        assert len((await result(ada, MINE))["items"]) == 1

    async def test_five_at_once_are_the_most(self, school: School, ada: Client) -> None:
        course = await published_course(school.store, owner=ada.id)
        call = partial(ada.run, EXPORT, course=course.id, format="CSV")
        payloads = successes(await at_once([call] * 8))
        refused = [payload["errors"][0] for payload in payloads if "errors" in payload]
        assert len(refused) == 3
        assert {(each["errorType"], each["errorInfo"]["limit"]) for each in refused} == {("LIMIT_EXCEEDED", 5)}
        await school.drain("export")
        assert (await asked(ada, course.id))["status"] == "QUEUED"


class TestWorkers:
    async def test_the_job_of_a_killed_worker_is_finished_by_another(self, school: School, ada: Client) -> None:
        course = await published_course(school.store, owner=ada.id)
        job = await asked(ada, course.id)
        lost = await school.sources.export_jobs.claim()
        assert lost is not None
        await school.drain("export")
        assert (await result(ada, GET, id=job["id"]))["status"] == "RUNNING", "it may still live"
        school.clock.advance(seconds=301)
        await school.drain("export")
        assert (await result(ada, GET, id=job["id"]))["status"] == "SUCCEEDED"

    async def test_two_workers_never_have_the_same_job(self, school: School, ada: Client) -> None:
        course = await published_course(school.store, owner=ada.id)
        await asked(ada, course.id)
        claimed = successes(await at_once([school.sources.export_jobs.claim] * 5))
        assert sum(job is not None for job in claimed) == 1

    async def test_what_fails_again_and_again_is_given_up(
        self, school: School, ada: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def broken(key: str, source: Path | bytes, *, content_type: str) -> Blob:
            raise dependency_failed("files")

        course = await published_course(school.store, owner=ada.id)
        job = await asked(ada, course.id)
        with monkeypatch.context() as patched:
            patched.setattr(school.blobs, "store", broken)
            for _ in range(6):
                await school.drain("exports")
                school.clock.advance(seconds=3600)
        after = await result(ada, GET, id=job["id"])
        assert (after["status"], after["downloadUrl"]) == ("FAILED", None)
        assert after["errorMessage"] == "The export could not be made. Please try it again later."
        for _ in range(5):
            await asked(ada, course.id)  # it does not count any more

    async def test_too_many_rows_are_refused_clearly(
        self, school: School, ada: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("datasources.attendance_export.MOST_ROWS", 1)
        meeting = await held(school, school.as_("ben"), school.as_("cleo"))
        job = await made(school, ada, meeting["courseId"])
        assert job["status"] == "FAILED"
        assert job["errorMessage"] == "An export has at most 1 rows. Please choose a shorter range."

    async def test_the_file_is_removed_after_a_week(self, school: School, ada: Client) -> None:
        course = await published_course(school.store, owner=ada.id)
        job = await made(school, ada, course.id)
        assert len(await school.blobs.list_keys("exports/")) == 1
        school.clock.advance(days=7)
        assert (await result(ada, GET, id=job["id"]))["downloadUrl"] is None
        await school.drain("export")
        assert await school.blobs.list_keys("exports/") == []
        assert (await result(ada, GET, id=job["id"]))["status"] == "SUCCEEDED"
