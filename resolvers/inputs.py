"""What resolvers are given: the SDL's inputs and enums. Generated from schema/, not written by hand.

A key is absent when the caller left the field out, and None when the caller said null, which clears.
"""

from typing import Literal, NotRequired, TypedDict

from domain.times import Timestamp

AttendanceMethod = Literal["FACE", "JOIN", "CHALLENGE", "MANUAL", "AUTOMATIC"]
"""How a record was made."""

AttendanceStatus = Literal["PRESENT", "LATE", "LEFT_EARLY", "ABSENT", "EXCUSED"]
"""How present a user was."""

ChecksumAlgorithm = Literal["SHA256", "CRC32C", "CRC32", "CRC64NVME"]
"""Checksum algorithm. For multipart, whole-object checksums need CRC64NVME, CRC32C or CRC32; SHA256 is per part."""

ConsentPurpose = Literal["FACE_RECOGNITION", "MEETING_RECORDING", "ANALYTICS", "MARKETING"]
"""What a consent allows."""

CourseAccessModel = Literal["FREE", "PAID", "PLAN", "INVITE_ONLY"]
"""Who may enroll."""

CourseAccessReason = Literal[
    "STAFF",
    "ENROLLED",
    "NOT_ENROLLED",
    "PAYMENT_PENDING",
    "WAITLISTED",
    "PLAN_LAPSED",
    "EXPIRED",
    "REVOKED",
    "NOT_STARTED",
]
"""Why access is given or refused."""

CourseLevel = Literal["BEGINNER", "INTERMEDIATE", "ADVANCED"]
"""Difficulty of a course."""

EnrollmentChange = Literal[
    "ENROLLED",
    "GRANTED",
    "PAID",
    "PROMOTED",
    "DROPPED",
    "HOLD_EXPIRED",
    "ACCESS_EXPIRED",
    "COMPLETED",
    "REVOKED",
    "REFUNDED",
]
"""What last happened to an enrollment."""

EnrollmentSource = Literal["FREE", "PURCHASE", "PLAN", "GRANT"]
"""How access was obtained."""

EnrollmentStatus = Literal["PENDING_PAYMENT", "WAITLISTED", "ACTIVE", "COMPLETED", "DROPPED", "EXPIRED", "REVOKED"]
"""Life of an enrollment. PENDING_PAYMENT, ACTIVE and COMPLETED hold a seat; the last three may enroll again."""

ExportFormat = Literal["CSV", "JSON"]
"""File format of an export."""

ExportKind = Literal["USER_DATA", "GRADEBOOK", "ATTENDANCE", "ANALYTICS", "AUDIT_LOG"]
"""What an export holds."""

FaceEnrollmentStatus = Literal["ACTIVE", "DELETED"]
"""State of a face enrollment. DELETED holds no face."""

JobStatus = Literal["QUEUED", "RUNNING", "SUCCEEDED", "FAILED", "CANCELED"]
"""State of an asynchronous job. SUCCEEDED, FAILED and CANCELED are final."""

LeaveReason = Literal["LEFT", "DROPPED", "REMOVED", "MEETING_ENDED"]
"""How a stretch of presence ended."""

LessonKind = Literal["VIDEO", "AUDIO", "ARTICLE", "QUIZ", "ASSIGNMENT", "MEETING"]
"""What a lesson consists of."""

MediaKind = Literal["VIDEO", "AUDIO", "IMAGE", "DOCUMENT", "RECORDING"]
"""Kind of a file."""

MediaStatus = Literal["SCANNING", "PROCESSING", "READY", "FAILED", "QUARANTINED", "DELETED"]
"""State of media. SCANNING -> PROCESSING -> READY; QUARANTINED: malware or forbidden content. Only READY can be used."""

MeetingAttendeeStatus = Literal["INVITED", "JOINED", "LEFT", "REMOVED"]
"""Where an invitee stands."""

MeetingEndReason = Literal["HOST", "TIMED_OUT", "PARENT_ENDED"]
"""Why a meeting ended."""

MeetingRole = Literal["HOST", "CO_HOST", "ATTENDEE"]
"""Rights in a meeting."""

MeetingStatus = Literal["SCHEDULED", "LIVE", "ENDED", "CANCELED"]
"""Life of a meeting. ENDED and CANCELED are final."""

MessageKind = Literal["USER", "SYSTEM"]
"""Origin of a message."""

NoticeSeverity = Literal["INFO", "WARNING", "CRITICAL"]
"""Weight of a service notice. CRITICAL: clients must show it."""

NotificationCategory = Literal[
    "SECURITY",
    "COURSE",
    "ASSESSMENT",
    "CHAT",
    "COMMUNITY",
    "MEETING",
    "ATTENDANCE",
    "MENTORSHIP",
    "PAYMENT",
    "MEDIA",
    "DEVICE",
]
"""What a notification is about; preferences are set per category. SECURITY always uses EMAIL and IN_APP."""

NotificationChannel = Literal["IN_APP", "PUSH", "EMAIL", "SMS"]
"""How a notification reaches a user."""

PresenceStatus = Literal["ONLINE", "AWAY", "OFFLINE"]
"""Online state of a user."""

PublishState = Literal["DRAFT", "PUBLISHED", "ARCHIVED"]
"""Editorial life cycle. DRAFT <-> PUBLISHED -> ARCHIVED -> DRAFT; students see only PUBLISHED."""

PushPlatform = Literal["APNS", "FCM", "WEB_PUSH"]
"""Push service of a device."""

RecordingStatus = Literal["CAPTURING", "PROCESSING", "READY", "FAILED"]
"""State of a recording. CAPTURING -> PROCESSING -> READY or FAILED."""

RenditionFormat = Literal["HLS", "MP4", "MP3", "WEBP", "PDF"]
"""How a rendition is delivered."""

Role = Literal["STUDENT", "MENTOR", "ADMIN", "MODERATOR"]
"""Role = Cognito group: Students, Mentors, Admins, Moderators. A user may hold several."""

RoomKind = Literal["PUBLIC", "PRIVATE", "DIRECT"]
"""PUBLIC: anyone may join. PRIVATE: by invitation. DIRECT: exactly two users, for ever."""

RoomMemberStatus = Literal["INVITED", "JOINED", "LEFT", "BANNED"]
"""State of a membership."""

RoomNotificationLevel = Literal["ALL", "MENTIONS", "NONE"]
"""Which messages of a room notify."""

RoomRole = Literal["OWNER", "MODERATOR", "MEMBER"]
"""Rights in a room."""

SortDirection = Literal["ASC", "DESC"]
"""Order of a list by its natural sort key."""

UploadPurpose = Literal["LESSON", "ATTACHMENT", "AVATAR", "FACE", "CAPTION", "DEVICE_AUDIO"]
"""What a file is for; decides bucket prefix, lifetime and processing."""

UploadStatus = Literal["INITIATED", "UPLOADING", "COMPLETING", "COMPLETED", "ABORTED", "EXPIRED", "FAILED"]
"""State of an upload. INITIATED -> UPLOADING -> COMPLETING -> COMPLETED; or ABORTED, EXPIRED, FAILED. COMPLETING falls back to UPLOADING on a storage error."""

UserStatus = Literal["ACTIVE", "SUSPENDED", "ERASURE_PENDING", "ERASED"]
"""Account state. ERASED is final and holds no personal data."""


class BreakoutGroupInput(TypedDict):
    """One breakout."""

    title: str
    user_ids: list[str]


class ChecksumInput(TypedDict):
    """A checksum."""

    algorithm: ChecksumAlgorithm
    value: str


class CompletedPartInput(TypedDict):
    """An uploaded part as S3 answered."""

    part_number: int
    etag: str
    checksum: NotRequired[ChecksumInput | None]


class CompleteUploadInput(TypedDict):
    """Completion. parts: all parts, each once, ascending; empty for single uploads."""

    upload_id: str
    parts: list[CompletedPartInput]
    checksum: NotRequired[ChecksumInput | None]


class CourseFilterInput(TypedDict):
    """Filter of catalog lists; all given conditions must hold."""

    category: NotRequired[str | None]
    tag: NotRequired[str | None]
    level: NotRequired[CourseLevel | None]
    language: NotRequired[str | None]
    access_model: NotRequired[CourseAccessModel | None]
    owner_id: NotRequired[str | None]


class CreateBreakoutsInput(TypedDict):
    """Breakouts: 2 to 20 groups; a user is in at most one."""

    meeting_id: str
    groups: list[BreakoutGroupInput]
    client_token: NotRequired[str | None]


class MoneyInput(TypedDict):
    """An amount of money; see Money."""

    amount_minor: float
    currency: str


class CreateCourseInput(TypedDict):
    """A new course."""

    slug: str
    title: str
    summary: NotRequired[str | None]
    description: NotRequired[str | None]
    level: CourseLevel
    language: str
    category: str
    tags: NotRequired[list[str] | None]
    cover_media_id: NotRequired[str | None]
    """READY, own, of kind IMAGE and purpose LESSON."""
    access_model: CourseAccessModel
    price: NotRequired[MoneyInput | None]
    capacity: NotRequired[int | None]
    starts_at: NotRequired[Timestamp | None]
    ends_at: NotRequired[Timestamp | None]
    access_days: NotRequired[int | None]
    completion_percent: NotRequired[float | None]
    client_token: NotRequired[str | None]


class CreateLessonInput(TypedDict):
    """A new lesson, in state DRAFT. mediaId is required for VIDEO and AUDIO, activityId for QUIZ, ASSIGNMENT and MEETING; both are refused for the others."""

    module_id: str
    title: str
    kind: LessonKind
    body: NotRequired[str | None]
    media_id: NotRequired[str | None]
    """READY, own, of kind VIDEO, AUDIO or RECORDING and purpose LESSON."""
    activity_id: NotRequired[str | None]
    is_preview: NotRequired[bool | None]
    release_at: NotRequired[Timestamp | None]
    duration_seconds: NotRequired[int | None]
    """Needed for ARTICLE; otherwise taken from the media, and needed where that does not tell its length. 0 when absent for the others."""
    client_token: NotRequired[str | None]


class CreateMeetingInput(TypedDict):
    """A new meeting; endsAt at most 12 hours after startsAt."""

    title: str
    description: NotRequired[str | None]
    course_id: NotRequired[str | None]
    starts_at: Timestamp
    ends_at: Timestamp
    max_attendees: NotRequired[int | None]
    """Default 250."""
    invite_user_ids: NotRequired[list[str] | None]
    """At most 100; course members need no invitation."""
    with_room: NotRequired[bool | None]
    """Make a chat room with it; default true."""
    client_token: NotRequired[str | None]


class CreateModuleInput(TypedDict):
    """A new module."""

    course_id: str
    title: str
    summary: NotRequired[str | None]
    client_token: NotRequired[str | None]


class CreateResourceInput(TypedDict):
    """A new resource: exactly one of mediaId and linkUrl."""

    lesson_id: str
    title: str
    media_id: NotRequired[str | None]
    """READY, own, of purpose LESSON."""
    link_url: NotRequired[str | None]
    client_token: NotRequired[str | None]


class CreateRoomInput(TypedDict):
    """A new room; kind PUBLIC or PRIVATE."""

    kind: RoomKind
    name: str
    topic: NotRequired[str | None]
    course_id: NotRequired[str | None]
    invite_user_ids: NotRequired[list[str] | None]
    """Invited at once, at most 100."""
    client_token: NotRequired[str | None]


class EnrollFaceInput(TypedDict):
    """An image with exactly one face: READY, kind IMAGE, purpose FACE, own, at most 15 minutes old."""

    media_id: str
    consent_policy_version: str
    """Must equal the granted consent's version."""
    liveness_session_id: NotRequired[str | None]


class EnrollInCourseInput(TypedDict):
    """Enrollment of the caller."""

    course_id: str
    join_waitlist: NotRequired[bool | None]
    """Join the waitlist when full; default false."""
    client_token: NotRequired[str | None]


class GrantEnrollmentInput(TypedDict):
    """Access given by staff."""

    course_id: str
    user_id: str
    expires_at: NotRequired[Timestamp | None]
    client_token: NotRequired[str | None]


class InitiateUploadInput(TypedDict):
    """A new upload. fileName: at most 255 bytes, used for display only, never as key."""

    kind: MediaKind
    purpose: UploadPurpose
    file_name: str
    content_type: str
    size_bytes: float
    """Exact size; the presigned request fixes it for single uploads."""
    checksum: NotRequired[ChecksumInput | None]
    """Of the whole object, when known beforehand."""
    multipart: NotRequired[bool | None]
    part_size_bytes: NotRequired[float | None]
    """Wanted part size; the server may raise it to stay within 10,000 parts."""
    client_token: NotRequired[str | None]


class MarkAttendanceByFaceInput(TypedDict):
    """A face mark: mediaId, or livenessSessionId whose reference image is used; not both."""

    meeting_id: str
    media_id: NotRequired[str | None]
    liveness_session_id: NotRequired[str | None]


class NotificationRuleInput(TypedDict):
    """Channels for one category."""

    category: NotificationCategory
    channels: list[NotificationChannel]


class OverrideAttendanceInput(TypedDict):
    """A record set by hand; creates it when missing."""

    meeting_id: str
    user_id: str
    status: AttendanceStatus
    note: str
    """Why; at least 3 characters."""
    expected_version: NotRequired[int | None]


class PublishServiceNoticeInput(TypedDict):
    """Content of a service notice."""

    severity: NoticeSeverity
    title: str
    body: NotRequired[str | None]
    starts_at: NotRequired[Timestamp | None]
    ends_at: NotRequired[Timestamp | None]
    client_token: NotRequired[str | None]


class RecordConsentInput(TypedDict):
    """A consent decision. Withdrawing FACE_RECOGNITION also deletes the enrolled face."""

    purpose: ConsentPurpose
    granted: bool
    policy_version: str
    client_token: NotRequired[str | None]


class RecordLessonProgressInput(TypedDict):
    """A progress report. courseId must be the lesson's course."""

    course_id: str
    lesson_id: str
    position_seconds: int
    watched_delta_seconds: int
    """Seconds watched since the last report, at most 60."""
    completed: NotRequired[bool | None]
    client_token: NotRequired[str | None]
    """Report identity, so that a retry adds no time."""


class RegisterPushTokenInput(TypedDict):
    """A device token."""

    platform: PushPlatform
    token: str
    device_name: NotRequired[str | None]


class SendAnnouncementInput(TypedDict):
    """An announcement."""

    course_id: str
    title: str
    body: str
    client_token: NotRequired[str | None]


class SendMessageInput(TypedDict):
    """A message: body, or at least one attachment."""

    room_id: str
    body: NotRequired[str | None]
    attachment_media_ids: NotRequired[list[str] | None]
    """At most 10, READY, own, of purpose ATTACHMENT."""
    mentioned_user_ids: NotRequired[list[str] | None]
    """Members of the room, at most 50."""
    reply_to_id: NotRequired[str | None]
    """A message of the same room."""
    client_token: NotRequired[str | None]


class SetAttendancePolicyInput(TypedDict):
    """Rules for a meeting; see AttendancePolicy. Default window: 10 minutes before start to planned end."""

    meeting_id: str
    methods: list[AttendanceMethod]
    opens_at: NotRequired[Timestamp | None]
    closes_at: NotRequired[Timestamp | None]
    late_after_seconds: NotRequired[int | None]
    """Default 600."""
    minimum_attended_seconds: NotRequired[int | None]
    minimum_similarity_percent: NotRequired[float | None]
    """Default 95."""
    liveness_required: NotRequired[bool | None]
    expected_version: NotRequired[int | None]


class SignPartInput(TypedDict):
    """One part to sign."""

    part_number: int
    checksum: NotRequired[ChecksumInput | None]


class SignUploadPartsInput(TypedDict):
    """Parts to sign: 1 to 100 different numbers, each 1..partCount, with checksums if wanted."""

    upload_id: str
    parts: list[SignPartInput]


TimeRangeInput = TypedDict(
    "TimeRangeInput",
    {
        "from": Timestamp,
        "to": Timestamp,
    },
)
"""Half-open time range: from <= t < to."""


class UpdateCourseInput(TypedDict):
    """Course changes."""

    id: str
    slug: NotRequired[str | None]
    title: NotRequired[str | None]
    summary: NotRequired[str | None]
    description: NotRequired[str | None]
    level: NotRequired[CourseLevel | None]
    language: NotRequired[str | None]
    category: NotRequired[str | None]
    tags: NotRequired[list[str] | None]
    cover_media_id: NotRequired[str | None]
    """READY, own, of kind IMAGE and purpose LESSON."""
    access_model: NotRequired[CourseAccessModel | None]
    price: NotRequired[MoneyInput | None]
    capacity: NotRequired[int | None]
    starts_at: NotRequired[Timestamp | None]
    ends_at: NotRequired[Timestamp | None]
    access_days: NotRequired[int | None]
    completion_percent: NotRequired[float | None]
    expected_version: NotRequired[int | None]


class UpdateLessonInput(TypedDict):
    """Lesson changes."""

    id: str
    title: NotRequired[str | None]
    state: NotRequired[PublishState | None]
    body: NotRequired[str | None]
    media_id: NotRequired[str | None]
    activity_id: NotRequired[str | None]
    is_preview: NotRequired[bool | None]
    release_at: NotRequired[Timestamp | None]
    duration_seconds: NotRequired[int | None]
    expected_version: NotRequired[int | None]


class UpdateMediaInput(TypedDict):
    """Media changes."""

    id: str
    file_name: NotRequired[str | None]
    expected_version: NotRequired[int | None]


class UpdateMeetingAttendeeInput(TypedDict):
    """A role change."""

    meeting_id: str
    user_id: str
    role: MeetingRole


class UpdateMeetingInput(TypedDict):
    """Meeting changes."""

    id: str
    title: NotRequired[str | None]
    description: NotRequired[str | None]
    starts_at: NotRequired[Timestamp | None]
    ends_at: NotRequired[Timestamp | None]
    max_attendees: NotRequired[int | None]
    expected_version: NotRequired[int | None]


class UpdateMessageInput(TypedDict):
    """An edit."""

    id: str
    body: str
    mentioned_user_ids: NotRequired[list[str] | None]
    expected_version: NotRequired[int | None]


class UpdateModuleInput(TypedDict):
    """Module changes."""

    id: str
    title: NotRequired[str | None]
    summary: NotRequired[str | None]
    expected_version: NotRequired[int | None]


class UpdateNotificationPreferencesInput(TypedDict):
    """Preference changes."""

    rules: NotRequired[list[NotificationRuleInput] | None]
    quiet_from: NotRequired[str | None]
    quiet_to: NotRequired[str | None]
    expected_version: NotRequired[int | None]


class UpdateProfileInput(TypedDict):
    """Profile changes."""

    display_name: NotRequired[str | None]
    bio: NotRequired[str | None]
    phone: NotRequired[str | None]
    avatar_media_id: NotRequired[str | None]
    """READY media of kind IMAGE and purpose AVATAR, owned by the caller."""
    expected_version: NotRequired[int | None]


class UpdateRoomInput(TypedDict):
    """Room changes; the kind is fixed."""

    id: str
    name: NotRequired[str | None]
    topic: NotRequired[str | None]
    slow_mode_seconds: NotRequired[int | None]
    """0 to 3,600."""
    expected_version: NotRequired[int | None]


class UpdateRoomMemberInput(TypedDict):
    """Changes of a member by a moderator. status: BANNED, or LEFT to lift a ban or remove."""

    room_id: str
    user_id: str
    role: NotRequired[RoomRole | None]
    status: NotRequired[RoomMemberStatus | None]
    muted_until_at: NotRequired[Timestamp | None]
    expected_version: NotRequired[int | None]


class UpdateSettingsInput(TypedDict):
    """Settings changes."""

    locale: NotRequired[str | None]
    time_zone: NotRequired[str | None]
    captions_enabled: NotRequired[bool | None]
    playback_speed: NotRequired[float | None]
    read_receipts_enabled: NotRequired[bool | None]
    presence_visible: NotRequired[bool | None]
    expected_version: NotRequired[int | None]


class UserFilterInput(TypedDict):
    """Filter of listUsers; all given conditions must hold."""

    role: NotRequired[Role | None]
    status: NotRequired[UserStatus | None]
    email_prefix: NotRequired[str | None]
