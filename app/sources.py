"""The domains' classes over one store: the same set for every runtime, engine and test."""

from collections.abc import Callable, Collection, Sequence

import msgspec

from app.call_engine import CallEngine, local_calls
from datasources.accounts import Accounts
from datasources.admission_cache import AdmissionCache
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
from datasources.enrollments import Enrollments
from datasources.export_jobs import ExportJobs
from datasources.face_engine import FaceEngine
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
from datasources.ports import RecordStore, SearchIndex
from datasources.presence import Presences
from datasources.progress import ProgressBook
from datasources.push_tokens import PushTokens
from datasources.recordings import Recordings
from datasources.resources import Resources
from datasources.room_members import RoomMembers
from datasources.rooms import Rooms
from datasources.scratch import Scratch
from datasources.sessions import Sessions
from datasources.settings import PersonalSettings
from datasources.upload_tally import NO_TALLY, Tally
from datasources.uploads import Uploads
from datasources.users import Users
from domain import chat_limits, upload_rules
from domain.attendance_policy import FaceAbilities
from domain.chat_limits import ChatLimits
from domain.media import Hurdle
from domain.times import Timestamp
from domain.upload_rules import UploadLimits
from domain.uploads import MediaKind
from resolvers.context import Sources


class FileRules(msgspec.Struct, frozen=True):
    """What becomes of files in a deployment.

    Attributes:
        limits: of one file and of a user's together.
        hurdles: what a new file has to pass before it can be used.
        processed: kinds that something makes thumbnails or renditions of.
        scratch: where files are made before they are stored.
    """

    limits: UploadLimits = upload_rules.DEFAULT
    hurdles: Sequence[Hurdle] = ("CHECK",)
    processed: Collection[MediaKind] = ()
    scratch: Scratch = msgspec.field(default_factory=Scratch)


_ANY_FILES = FileRules()


def build(
    store: RecordStore,
    search: SearchIndex,
    blobs: BlobStore,
    playback: Playback,
    faces: FaceEngine,
    now: Callable[[], Timestamp],
    chat: ChatLimits = chat_limits.DEFAULT,
    files: FileRules = _ANY_FILES,
    carrier: CallEngine | None = None,
    face_attendance: bool = False,
    tally: Tally = NO_TALLY,
) -> tuple[Sources, Accounts]:
    """What resolvers read and write, and the gate that admits callers; both share one admission cache.

    Args:
        chat: how much of it is allowed.
        carrier: of calls; None is our own engine.
        face_attendance: whether faces are compared at all.
        tally: of uploads.
    """
    carrier = carrier or local_calls(store, now)
    cache = AdmissionCache()
    users, sessions = Users(store, cache), Sessions(store, cache)
    room_members, messages = RoomMembers(store), Messages(store, now, chat)
    uploads, media = Uploads(store, blobs, files.limits, now, tally), Media(store, now, files.processed)
    calls = Calls(store, carrier.engine, carrier.regions)
    meetings, attendance, rosters = Meetings(store), Attendance(store), Rosters(store)
    export_jobs = ExportJobs(store, blobs, now)
    media_deletion = MediaDeletion(store, blobs, media, now)
    sources = Sources(
        users=users,
        settings=PersonalSettings(store),
        sessions=sessions,
        consents=Consents(store),
        notices=Notices(store),
        courses=Courses(store),
        mentors=Mentors(store),
        catalog=Catalog(store, search),
        modules=Modules(store),
        lessons=Lessons(store),
        resources=Resources(store),
        enrollments=Enrollments(store),
        progress=ProgressBook(store),
        rooms=Rooms(store),
        room_members=room_members,
        messages=messages,
        message_search=MessageSearch(search, messages),
        presence=Presences(store, room_members, now),
        notifications=Notifications(store),
        notification_preferences=Preferences(store),
        push_tokens=PushTokens(store),
        announcements=Announcements(store),
        meetings=meetings,
        rosters=rosters,
        attendance=attendance,
        attendance_summaries=AttendanceSummaries(store),
        challenges=Challenges(store),
        tries=Tries(store),
        blobs=blobs,
        playback=playback,
        uploads=uploads,
        completion=Completion(store, blobs, uploads, files.hurdles, now, tally),
        media=media,
        media_deletion=media_deletion,
        captions=Captions(blobs, media),
        calls=calls,
        roster_steps=RosterSteps(store, carrier.engine),
        meeting_events=MeetingEvents(store),
        pictures=Pictures(blobs, now),
        transcription=Transcription(store, carrier.engine),
        breakouts=Breakouts(store, calls),
        recordings=Recordings(store, carrier.engine, blobs, media, files.hurdles, now),
        export_jobs=export_jobs,
        attendance_exports=AttendanceExports(
            export_jobs, meetings, attendance, rosters, users, blobs, files.scratch, now
        ),
        faces=FaceEnrollments(store, faces),
        face_pictures=FacePictures(media, media_deletion, blobs),
        liveness=LivenessChecks(store, faces),
        face_abilities=FaceAbilities(
            compares=face_attendance, tells_life=face_attendance and faces.liveness is not None
        ),
    )
    return sources, Accounts(users, sessions, cache, now)
