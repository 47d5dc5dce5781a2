"""Totals of one learner over a course's meetings."""

from domain.records import Record


class AttendanceSummary(Record, frozen=True):
    """A row `ATT#courseId` of table Analytics."""

    user_id: str
    present_count: int = 0
    late_count: int = 0
    left_early_count: int = 0
    absent_count: int = 0
    excused_count: int = 0

    @property
    def attendance_percent(self) -> float:
        """Meetings attended of those that were to be attended; 100 where there was none to attend."""
        attended = self.present_count + self.late_count + self.left_early_count
        expected = attended + self.absent_count
        return 100.0 if expected == 0 else 100.0 * attended / expected
