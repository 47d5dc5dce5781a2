"""What resolvers are given: the SDL's inputs and enums. Generated from schema/, not written by hand.

A key is absent when the caller left the field out, and None when the caller said null, which clears.
"""

from typing import Literal, NotRequired, TypedDict

from domain.times import Timestamp

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

LessonKind = Literal["VIDEO", "AUDIO", "ARTICLE", "QUIZ", "ASSIGNMENT", "MEETING"]
"""What a lesson consists of."""

NoticeSeverity = Literal["INFO", "WARNING", "CRITICAL"]
"""Weight of a service notice. CRITICAL: clients must show it."""

PublishState = Literal["DRAFT", "PUBLISHED", "ARCHIVED"]
"""Editorial life cycle. DRAFT <-> PUBLISHED -> ARCHIVED -> DRAFT; students see only PUBLISHED."""

Role = Literal["STUDENT", "MENTOR", "ADMIN", "MODERATOR"]
"""Role = Cognito group: Students, Mentors, Admins, Moderators. A user may hold several."""

UserStatus = Literal["ACTIVE", "SUSPENDED", "ERASURE_PENDING", "ERASED"]
"""Account state. ERASED is final and holds no personal data."""


class CourseFilterInput(TypedDict):
    """Filter of catalog lists; all given conditions must hold."""

    category: NotRequired[str | None]
    tag: NotRequired[str | None]
    level: NotRequired[CourseLevel | None]
    language: NotRequired[str | None]
    access_model: NotRequired[CourseAccessModel | None]
    owner_id: NotRequired[str | None]


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
    access_model: CourseAccessModel
    price: NotRequired[MoneyInput | None]
    capacity: NotRequired[int | None]
    starts_at: NotRequired[Timestamp | None]
    ends_at: NotRequired[Timestamp | None]
    access_days: NotRequired[int | None]
    completion_percent: NotRequired[float | None]
    client_token: NotRequired[str | None]


class CreateLessonInput(TypedDict):
    """A new lesson, in state DRAFT. activityId is required for QUIZ, ASSIGNMENT and MEETING, and refused for the others."""

    module_id: str
    title: str
    kind: LessonKind
    body: NotRequired[str | None]
    activity_id: NotRequired[str | None]
    is_preview: NotRequired[bool | None]
    release_at: NotRequired[Timestamp | None]
    duration_seconds: NotRequired[int | None]
    """Needed for ARTICLE, VIDEO and AUDIO; 0 when absent for the others."""
    client_token: NotRequired[str | None]


class CreateModuleInput(TypedDict):
    """A new module."""

    course_id: str
    title: str
    summary: NotRequired[str | None]
    client_token: NotRequired[str | None]


class CreateResourceInput(TypedDict):
    """A new resource."""

    lesson_id: str
    title: str
    link_url: NotRequired[str | None]
    client_token: NotRequired[str | None]


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
    activity_id: NotRequired[str | None]
    is_preview: NotRequired[bool | None]
    release_at: NotRequired[Timestamp | None]
    duration_seconds: NotRequired[int | None]
    expected_version: NotRequired[int | None]


class UpdateModuleInput(TypedDict):
    """Module changes."""

    id: str
    title: NotRequired[str | None]
    summary: NotRequired[str | None]
    expected_version: NotRequired[int | None]


class UpdateProfileInput(TypedDict):
    """Profile changes."""

    display_name: NotRequired[str | None]
    bio: NotRequired[str | None]
    phone: NotRequired[str | None]
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
