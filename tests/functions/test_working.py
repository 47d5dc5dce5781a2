"""Changes, messages and the clock, as Lambda brings them to the workers' steps."""

import json
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from app.change_route import ChangeRoute, followers
from app.functions.messages import ArrivedMessages
from app.functions.working import TRIES, Work, open_work
from app.repairs import NothingHeard, repair_steps
from app.settings import Settings
from app.worker_steps import FeedStep, TimedStep
from datasources import counts
from datasources.aws.stream_records import written
from datasources.local.sqlite import SQLiteStore
from datasources.ports import FeedEvent, RecordStore, Write
from datasources.set_aside import SetAsides
from datasources.tables import COURSES, ENROLLMENTS
from domain.errors import DomainError, dependency_failed
from tests.datasources.test_enrollments import enroll
from tests.learning import published_course
from tests.moto_services import waiting

PREFIX = "school-"
SCANS = "https://sqs.eu-central-1.amazonaws.com/123456789012/scans"


def stream_records(events: Sequence[FeedEvent]) -> list[dict[str, Any]]:
    """As an event source mapping of DynamoDB Streams gives them."""
    records = []
    for number, event in enumerate(events):
        record = json.loads(written("any", event))["record"]
        record["dynamodb"]["SequenceNumber"] = str(100 + number)
        arn = f"arn:aws:dynamodb:eu-central-1:123456789012:table/{PREFIX}{event.table}/stream/2036-09-01T08:00:00.000"
        records.append({**record, "eventSourceARN": arn})
    return records


def message(body: str, number: int, queue: str) -> dict[str, Any]:
    """As an event source mapping of SQS gives it."""
    return {
        "messageId": f"message-{number}",
        "receiptHandle": f"receipt-{number}",
        "body": body,
        "attributes": {"ApproximateReceiveCount": "1"},
        "eventSourceARN": f"arn:aws:sqs:eu-central-1:123456789012:{queue.rpartition('/')[2]}",
    }


def work(
    store: RecordStore,
    *steps: FeedStep,
    route: ChangeRoute | None = None,
    timed: Sequence[TimedStep] = (),
    **given: str,
) -> Work:
    settings = Settings.load({"TABLE_PREFIX": PREFIX, **given})
    return Work(store, settings, route or ChangeRoute(), steps, steps, timed, ArrivedMessages(), {})


async def count(events: Sequence[FeedEvent]) -> Sequence[Write]:
    return counts.count(events)


async def enrolled(store: RecordStore, course_id: str) -> int:
    item = await store.get(COURSES, {"courseId": course_id, "sk": "COUNTS"})
    return 0 if item is None else int(item["enrolledCount"])


class TestChanges:
    async def test_they_are_handled_once_however_often_they_come(self, sqlite_store: SQLiteStore) -> None:
        course = await published_course(sqlite_store)
        for number in range(3):
            await enroll(sqlite_store, course.id, f"user-{number}")
        records = stream_records((await sqlite_store.changes(ENROLLMENTS, None)).events)
        counting = work(sqlite_store, FeedStep("counts", ENROLLMENTS, count))

        assert await counting.changes(records[:2]) == {"batchItemFailures": []}
        await counting.changes(records)
        await counting.changes(records[1:])
        assert await enrolled(sqlite_store, course.id) == 3

    async def test_one_that_a_step_cannot_handle_is_set_aside_and_holds_nothing_up(
        self, sqlite_store: SQLiteStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("app.functions.working.PAUSE_SECONDS", 0)
        course = await published_course(sqlite_store)
        for number in range(3):
            await enroll(sqlite_store, course.id, f"user-{number}")
        tries: list[str] = []

        async def choke(events: Sequence[FeedEvent]) -> Sequence[Write]:
            tries.extend(event.key["userId"] for event in events)
            if any(event.key["userId"] == "user-1" for event in events):
                raise ValueError("a bone")
            return counts.count(events)

        records = stream_records((await sqlite_store.changes(ENROLLMENTS, None)).events)
        assert await work(sqlite_store, FeedStep("counts", ENROLLMENTS, choke)).changes(records) == {
            "batchItemFailures": []
        }
        assert await enrolled(sqlite_store, course.id) == 2
        assert tries.count("user-1") >= TRIES
        [dead] = await SetAsides(sqlite_store).dead(most=10)
        assert (dead.step, dead.key["userId"]) == ("counts", "user-1")

    async def test_all_come_again_when_what_we_depend_on_is_in_trouble(self, sqlite_store: SQLiteStore) -> None:
        course = await published_course(sqlite_store)
        await enroll(sqlite_store, course.id, "user-1")

        async def fail(_: Sequence[FeedEvent]) -> Sequence[Write]:
            raise dependency_failed("AWS AppSync")

        records = stream_records((await sqlite_store.changes(ENROLLMENTS, None)).events)
        with pytest.raises(DomainError):
            await work(sqlite_store, FeedStep("published", ENROLLMENTS, fail)).changes(records)
        assert await SetAsides(sqlite_store).dead(most=10) == []

    async def test_subscribers_are_told_of_every_state_of_a_record(self, sqlite_store: SQLiteStore) -> None:
        course = await published_course(sqlite_store)
        await enroll(sqlite_store, course.id, "user-1")
        told: list[tuple[str, dict[str, Any]]] = []

        async def publish(mutation: str, /, **key: Any) -> None:
            told.append((mutation, key))

        relaying = repair_steps(publish, NothingHeard(), lambda: course.created_at, seconds=0)
        records = stream_records((await sqlite_store.changes(ENROLLMENTS, None)).events)
        await work(sqlite_store, *followers(relaying)).changes(records)
        assert told == [("publishEnrollment", {"course_id": course.id, "user_id": "user-1"})]

    async def test_a_table_of_another_deployment_is_refused(self, sqlite_store: SQLiteStore) -> None:
        [record] = stream_records([FeedEvent("1", "Courses", "INSERT", {"courseId": "c"}, None, None)])
        strange = {**record, "eventSourceARN": record["eventSourceARN"].replace(PREFIX, "another-")}

        with pytest.raises(ValueError, match="another-Courses"):
            await work(sqlite_store).changes([strange])


class TestMessages:
    async def test_changes_that_travelled_are_handled_and_what_is_no_change_comes_again(
        self, sqlite_store: SQLiteStore, aws: str
    ) -> None:
        course = await published_course(sqlite_store)
        await enroll(sqlite_store, course.id, "user-1")
        [event] = (await sqlite_store.changes(ENROLLMENTS, None)).events
        async with waiting(aws) as queues:
            counting = work(
                sqlite_store,
                FeedStep("counts", ENROLLMENTS, count),
                route=queues.route,
                CHANGES_QUEUE_URL=queues.url,
            )
            arrived = [
                message(written("counts", event).decode(), 1, queues.url),
                message("{}", 2, queues.url),
                message(written("a step of tomorrow", event).decode(), 3, queues.url),
            ]
            answer = await counting.messages(arrived)

        failed = {each["itemIdentifier"] for each in answer["batchItemFailures"]}
        assert failed == {"message-2", "message-3"}
        assert await enrolled(sqlite_store, course.id) == 1

    async def test_a_queue_that_nobody_reads_is_refused(self, sqlite_store: SQLiteStore) -> None:
        with pytest.raises(ValueError, match="strange"):
            await work(sqlite_store).messages([message("{}", 1, "https://sqs.example/1/strange")])


@pytest.fixture
async def whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Work]:
    """Everything that the functions open, over SQLite."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "emulated")
    settings = Settings.load({"DATA_DIR": str(tmp_path), "MALWARE_SCAN_QUEUE_URL": SCANS, "FACES": "local"})
    async with open_work(settings) as opened:
        yield opened


class TestTheWholeProduct:
    async def test_messages_of_a_queue_go_to_the_step_that_empties_it(self, whole: Work) -> None:
        scan = {"detail-type": "GuardDuty Malware Protection Object Scan Result", "detail": {}}
        answer = await whole.messages([message(json.dumps(scan), 1, SCANS), message("no json", 2, SCANS)])

        assert answer == {"batchItemFailures": []}

    async def test_the_clock_runs_what_no_queue_does(self, whole: Work, caplog: pytest.LogCaptureFixture) -> None:
        await whole.clock()

        assert caplog.text == ""
        assert "malware-scans" not in whole._timed

    async def test_the_clock_runs_the_steps_that_are_named(self, sqlite_store: SQLiteStore) -> None:
        ran: list[str] = []

        def step(name: str) -> TimedStep:
            async def run(_: str | None) -> str:
                ran.append(name)
                return "-"

            return TimedStep(name, 5, run)

        some = work(sqlite_store, timed=[step("media-pictures"), step("media-playables-0"), step("exports")])
        await some.clock(["media-p"])
        assert sorted(ran) == ["media-pictures", "media-playables-0"]
        await some.clock()
        assert ran.count("exports") == 1
