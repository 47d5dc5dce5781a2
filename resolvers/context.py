"""What every resolver receives first."""

from collections.abc import Callable
from typing import Any, Protocol

import msgspec

from datasources.announcements import Announcements
from datasources.attendance import Attendance
from datasources.attendance_challenges import Challenges
from datasources.attendance_export import AttendanceExports
from datasources.attendance_summaries import AttendanceSummaries
from datasources.attendance_tries import Tries
from datasources.blobs import BlobStore
from datasources.breakouts import Breakouts
from datasources.captions import Captions
from datasources.catalog import Catalog
from datasources.completion import Completion
from datasources.consents import Consents
from datasources.courses import Courses
from datasources.cursors import Cursors
from datasources.enrollments import Enrollments
from datasources.export_jobs import ExportJobs
from datasources.face_enrollments import FaceEnrollments
from datasources.face_pictures import FacePictures
from datasources.lessons import Lessons
from datasources.liveness_checks import LivenessChecks
from datasources.media import Media
from datasources.media_deletion import MediaDeletion
from datasources.meeting_calls import Calls
from datasources.meeting_events import MeetingEvents
from datasources.meeting_roster_steps import RosterSteps
from datasources.meeting_rosters import Rosters
from datasources.meeting_transcription import Transcription
from datasources.meetings import Meetings
from datasources.mentors import Mentors
from datasources.message_search import MessageSearch
from datasources.messages import Messages
from datasources.modules import Modules
from datasources.notices import Notices
from datasources.notification_preferences import Preferences
from datasources.notifications import Notifications
from datasources.pictures import Pictures
from datasources.playback import Playback
from datasources.presence import Presences
from datasources.progress import ProgressBook
from datasources.push_tokens import PushTokens
from datasources.recordings import Recordings
from datasources.resources import Resources
from datasources.room_members import RoomMembers
from datasources.rooms import Rooms
from datasources.sessions import Sessions
from datasources.settings import PersonalSettings
from datasources.uploads import Uploads
from datasources.users import Users
from domain.attendance_policy import FaceAbilities
from domain.callers import Caller
from domain.server import ServerFacts
from domain.times import Timestamp


class Sources(msgspec.Struct, frozen=True):
    """Everything outside the process, an object for each kind of question. Built by app/wiring.py, or a test."""

    users: Users
    settings: PersonalSettings
    sessions: Sessions
    consents: Consents
    notices: Notices
    courses: Courses
    mentors: Mentors
    catalog: Catalog
    modules: Modules
    lessons: Lessons
    resources: Resources
    enrollments: Enrollments
    progress: ProgressBook
    rooms: Rooms
    room_members: RoomMembers
    messages: Messages
    message_search: MessageSearch
    presence: Presences
    notifications: Notifications
    notification_preferences: Preferences
    push_tokens: PushTokens
    announcements: Announcements
    blobs: BlobStore
    playback: Playback
    uploads: Uploads
    completion: Completion
    media: Media
    meetings: Meetings
    rosters: Rosters
    attendance: Attendance
    attendance_summaries: AttendanceSummaries
    challenges: Challenges
    tries: Tries
    faces: FaceEnrollments
    face_pictures: FacePictures
    liveness: LivenessChecks
    face_abilities: FaceAbilities
    media_deletion: MediaDeletion
    captions: Captions
    calls: Calls
    roster_steps: RosterSteps
    meeting_events: MeetingEvents
    pictures: Pictures
    transcription: Transcription
    breakouts: Breakouts
    recordings: Recordings
    export_jobs: ExportJobs
    attendance_exports: AttendanceExports


class Publish(Protocol):
    async def __call__(self, mutation: str, /, **key: Any) -> None:
        """Send a stored record, as it is now, to its subscribers: `publish("publishEnrollment", course_id=..., ...)`.

        Called right after the commit. Never raises and never waits for listeners; what cannot be sent is
        told to them as a gap, and they read again.

        Args:
            mutation: the SDL's IAM-only mutation that reads the record.
            key: that mutation's arguments, in snake_case.
        """
        ...


class Recheck(Protocol):
    async def __call__(self, user_id: str, *, after_seconds: float = 0) -> None:
        """Look again at what a user may hear, after a commit that took a right away.

        When it returns, this process sends the user nothing more that they may not hear; the others follow
        within a second. Never raises.

        Args:
            after_seconds: let the user hear so long what the call itself tells; then it happens without waiting.
        """
        ...


class Context(msgspec.Struct, frozen=True):
    """One request's view of the world.

    Attributes:
        caller: who asks, verified.
        now: the server's clock, one reading a call.
        new_id: a fresh ULID, 26 characters, rising with time.
        cursors: seals and opens `nextToken`s.
        facts: what getServerInfo tells.
        publish, recheck: see their types.
    """

    caller: Caller
    sources: Sources
    now: Callable[[], Timestamp]
    new_id: Callable[[], str]
    cursors: Cursors
    facts: ServerFacts
    publish: Publish
    recheck: Recheck
