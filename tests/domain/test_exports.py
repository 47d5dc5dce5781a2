"""Steps of an export."""

from domain.exports import attendance_export, begun, failed, still_running, succeeded, without_file
from domain.times import Timestamp, later

NOW = Timestamp("2036-09-01T08:00:00.000Z")
JOB = attendance_export("course", "CSV", None, id="job", by="ada", request_hash=None, now=NOW)


def test_a_worker_has_a_job_to_itself_for_as_long_as_it_says_that_it_lives() -> None:
    first = begun(JOB, NOW)
    assert (first.status, first.tries, first.queue, first.version) == ("RUNNING", 1, "WORK", 2)
    assert first.due_at == later(NOW, seconds=300)
    kept = still_running(first, later(NOW, seconds=200))
    assert (kept.due_at, kept.tries) == (later(NOW, seconds=500), 1)


def test_a_file_is_there_for_a_week() -> None:
    done = succeeded(begun(JOB, NOW), 3, NOW)
    week = later(NOW, days=7)
    assert (done.row_count, done.expires_at, done.completed_at) == (3, week, NOW)
    assert done.has_file(later(week, seconds=-1))
    assert not done.has_file(week)
    assert without_file(done).queue is None


def test_what_a_failed_job_left_behind_is_removed_too() -> None:
    gone = failed(begun(JOB, NOW), "No.", NOW)
    assert (gone.status, gone.error_message, gone.expires_at, gone.queue) == ("FAILED", "No.", None, "FILES")
