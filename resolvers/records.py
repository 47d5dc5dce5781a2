"""Which record stands behind each object type of the SDL; `app/binding.py` holds it against the schema."""

from collections.abc import Mapping

import msgspec

from domain.announcements import Announcement
from domain.attendance import AttendanceChange, AttendanceRecord
from domain.attendance_challenge import AttendanceChallenge, AttendanceChallengeCode
from domain.attendance_policy import AttendancePolicy
from domain.attendance_summary import AttendanceSummary
from domain.chime import MediaPlacement
from domain.courses import Course
from domain.enrollments import CourseAccess, Enrollment
from domain.exports import ExportJob
from domain.face_enrollments import FaceEnrollment, FaceLivenessSession
from domain.lessons import Lesson, LessonResource, Module
from domain.media import CaptionTrack, MediaAsset, Rendition, Thumbnail
from domain.meeting_attendees import MeetingAttendee
from domain.meeting_presence import PresenceInterval
from domain.meetings import Meeting, MeetingJoin
from domain.messages import Message, ReactionCount
from domain.money import Money
from domain.notification_preferences import NotificationPreferences, NotificationRule
from domain.notifications import Notification, NotificationInbox
from domain.presence import Presence, TypingEvent
from domain.progress import CourseProgress, LessonProgress
from domain.push_tokens import PushToken
from domain.recordings import MeetingRecording
from domain.room_members import ReadReceipt, RoomMember
from domain.rooms import Room
from domain.server import ServerInfo, ServiceNotice
from domain.upload_rules import UploadRule
from domain.uploads import Checksum, HttpHeader, PresignedPart, PresignedRequest, Upload, UploadPart
from domain.users import Consent, User, UserSession, UserSettings, UserSummary
from resolvers.paging import Connection

_RECORDS = (
    Announcement,
    AttendanceChallenge,
    AttendanceChallengeCode,
    AttendanceChange,
    AttendancePolicy,
    AttendanceRecord,
    AttendanceSummary,
    CaptionTrack,
    Checksum,
    Consent,
    Course,
    CourseAccess,
    CourseProgress,
    Enrollment,
    ExportJob,
    FaceEnrollment,
    FaceLivenessSession,
    HttpHeader,
    Lesson,
    LessonProgress,
    LessonResource,
    Meeting,
    MeetingAttendee,
    MediaAsset,
    MeetingJoin,
    MeetingRecording,
    MediaPlacement,
    Message,
    Module,
    Money,
    Notification,
    NotificationInbox,
    NotificationPreferences,
    NotificationRule,
    PushToken,
    Presence,
    PresenceInterval,
    PresignedPart,
    PresignedRequest,
    ReactionCount,
    ReadReceipt,
    Rendition,
    Room,
    RoomMember,
    ServerInfo,
    ServiceNotice,
    Thumbnail,
    TypingEvent,
    Upload,
    UploadPart,
    UploadRule,
    User,
    UserSession,
    UserSettings,
    UserSummary,
)
_LISTED = (
    "Attendance",
    "AttendanceChange",
    "AttendanceSummary",
    "Consent",
    "Course",
    "CourseProgress",
    "Enrollment",
    "ExportJob",
    "Lesson",
    "LessonProgress",
    "Meeting",
    "MeetingAttendee",
    "MeetingRecording",
    "Message",
    "Module",
    "Notification",
    "PushToken",
    "Room",
    "RoomMember",
    "Upload",
    "UploadPart",
    "User",
    "UserSession",
)

BY_TYPE: Mapping[str, type[msgspec.Struct]] = {
    **{record.__name__: record for record in _RECORDS},
    **{f"{name}Connection": Connection for name in _LISTED},
    "MediaConnection": Connection,
}
