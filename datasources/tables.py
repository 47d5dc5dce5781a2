"""Key schemas, told once: SQLite, `python -m app tables create`, CDK and tests read them.

Composite keys are joined with `#`, as access-patterns.md writes them. Every table is on demand, with
point-in-time recovery; `ttl` is in epoch seconds.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from operator import itemgetter
from typing import Any, Literal

import msgspec

KeyType = Literal["S", "N"]


class Index(msgspec.Struct, frozen=True):
    """A global secondary index; sparse where an item lacks one of its keys.

    It shows all attributes, or besides the keys at least those of `include`: then changes of others cost it nothing.

    Attributes:
        is_distinct: no two items of a partition have the same sort key.
    """

    name: str
    partition: str
    sort: str | None = None
    sort_type: KeyType = "S"
    include: tuple[str, ...] | None = None
    is_distinct: bool = False


class Table(msgspec.Struct, frozen=True, dict=True):
    """One table.

    Attributes:
        ttl: items may expire.
        feed: changes are kept for the workers.
        unfollowed: how sort keys begin of items whose changes lead to nothing; a feed need not have them.
        private: attributes that its changes do not show, as they may travel through queues: personal data, and
            texts to somebody. A step that needs one reads the item.
    """

    name: str
    partition: str
    sort: str | None = None
    indexes: tuple[Index, ...] = ()
    ttl: bool = False
    feed: bool = False
    unfollowed: tuple[str, ...] = ()
    private: tuple[str, ...] = ()

    def index(self, name: str) -> Index:
        return next(index for index in self.indexes if index.name == name)

    @cached_property
    def key_names(self) -> tuple[str, ...]:
        return (self.partition, self.sort) if self.sort else (self.partition,)

    @cached_property
    def key_values(self) -> Callable[[Mapping[str, Any]], tuple[Any, ...]]:
        """Reads the values of `key_names` from an item or a key."""
        if self.sort:
            return itemgetter(self.partition, self.sort)
        partition = self.partition
        return lambda item: (item[partition],)

    @cached_property
    def key_attributes(self) -> tuple[tuple[str, KeyType, bool], ...]:
        """Name, type and role (is it a sort key) of each attribute that the table or an index has for a key."""
        found: list[tuple[str, KeyType, bool]] = [(name, "S", name == self.sort) for name in self.key_names]
        for index in self.indexes:
            found.append((index.partition, "S", False))
            if index.sort:
                found.append((index.sort, index.sort_type, True))
        return tuple(dict.fromkeys(found))

    @cached_property
    def number_keys(self) -> tuple[str, ...]:
        """Those of `key_attributes` that are numbers."""
        return tuple(name for name, kind, _ in self.key_attributes if kind == "N")

    @cached_property
    def text_keys(self) -> tuple[str, ...]:
        """Those of `key_attributes` that are texts."""
        return tuple(name for name, kind, _ in self.key_attributes if kind == "S")

    @cached_property
    def checked_names(self) -> frozenset[str]:
        """Attributes whose values follow a rule."""
        return frozenset({*(name for name, _, _ in self.key_attributes), *(["ttl"] if self.ttl else [])})

    def tells_of(self, key: Sequence[Any]) -> bool:
        """Whether somebody follows changes of the item whose `key_values` these are."""
        return self.feed and not (self.unfollowed and key[-1].startswith(self.unfollowed))

    def shown(self, item: Mapping[str, Any]) -> dict[str, Any]:
        """What a change shows of an item."""
        return {name: value for name, value in item.items() if name not in self.private}


USERS = Table(
    "Users",
    "userId",
    indexes=(Index("EmailIndex", "emailPk", "emailLower"), Index("StatusIndex", "status", "createdAt")),
    feed=True,
    private=(
        "displayName",
        "email",
        "emailLower",
        "emailPk",
        "phone",
        "avatarUrl",
        "bio",
        "suspensionReason",
    ),
)
SETTINGS = Table("Settings", "userId", "name")
USER_ITEMS = Table(  # SESSION#id, CONSENT#purpose#at#id, ROLE#role, PUSH#id; TOKEN#hash / TOKEN
    "UserItems",
    "userId",
    "sk",
    indexes=(Index("KindIndex", "kind", "sortKey"), Index("SessionIndex", "sessionId")),
    ttl=True,
)
FACE_DESCRIPTIONS = Table("FaceDescriptions", "shard", "userFace")
"""What the face engine of one machine knows of faces, sealed; `userFace` is userId#faceId."""
COUNTERS = Table("Counters", "name")
"""Single numbers that a condition guards, e.g. ADMINS."""
API_KEYS = Table("ApiKeys", "name")
"""One item, KEYS, with all of them: one read answers for every key, also for the many that are none."""
IDEMPOTENCY = Table("Idempotency", "id", ttl=True)
# META, SEATS, COUNTS, ORDER, MENTOR#u, MODULE#id, LESSON#id, RES#lesson#id, ANNOUNCEMENT#id; SLUG#slug / SLUG
COURSES = Table(
    "Courses",
    "courseId",
    "sk",
    indexes=(Index("CatalogIndex", "catalogShard", "publishedAt"), Index("TeacherIndex", "teacherId", "updatedAt")),
    feed=True,
)
PROGRESS = Table(  # COURSE, lessonId
    "Progress", "userCourse", "sk", indexes=(Index("CourseIndex", "courseShard", "userId"),)
)
ENROLLMENTS = Table(
    "Enrollments",
    "userId",
    "courseId",
    indexes=(
        Index("UserIndex", "userId", "enrolledAt"),
        Index("CourseStatusIndex", "courseStatusShard", "enrolledAt"),
        Index("WaitlistIndex", "waitlistCourseId", "ticket", "N"),
        Index("ExpiryIndex", "expiryShard", "expiryAt"),
    ),
    feed=True,
)
ROOMS = Table("Rooms", "roomId", indexes=(Index("PublicActivityIndex", "scope", "activityHour"),), feed=True)
ROOM_MEMBERS = Table(
    "RoomMembers",
    "userId",
    "roomId",
    indexes=(Index("RoomIdUserIdIndex", "roomId", "userId", include=("role", "status", "joinedAt")),),
    feed=True,
)
MESSAGES = Table(
    "Messages",
    "messageId",
    indexes=(
        Index("RoomIdTimestampIndex", "roomId", "timestamp", is_distinct=True),  # each is sent later than all others
        Index("ReplyToIdTimestampIndex", "replyToId", "timestamp", is_distinct=True),
    ),
    ttl=True,
)
ROOM_LOG = Table(  # COUNTER, S#sequence, C#changeSequence
    "RoomLog", "roomId", "sk", ttl=True, feed=True, unfollowed=("COUNTER", "S#")
)
REACTIONS = Table("Reactions", "messageId", "emojiUser", ttl=True)
PRESENCE = Table("Presence", "userId", indexes=(Index("ExpiryIndex", "expiryShard", "expiryAt"),), ttl=True)
MEETINGS = Table(
    "Meetings",
    "meetingId",
    indexes=(
        Index("CourseIdStartsAtIndex", "courseId", "startsAt"),
        Index("DueIndex", "dueShard", "dueAt"),
    ),
    private=("title", "description", "cancelReason"),
    feed=True,
)
MEETING_ATTENDEES = Table(  # userId, #EVENT#userId#at#kind#attendeeId, #ENDED#sessionId
    "MeetingAttendees",
    "meetingId",
    "userId",
    indexes=(Index("UserIdStartsAtIndex", "userId", "startsAt"),),
    ttl=True,
    feed=True,
)
ATTENDANCE = Table(  # userId, #POLICY, #CHALLENGE, #TRIES#what#userId
    "Attendance",
    "meetingId",
    "userId",
    indexes=(Index("UserIdMeetingIndex", "userId", "startsMeeting"), Index("DueIndex", "dueShard", "dueAt")),
    ttl=True,
    feed=True,
    private=("secret",),
)
ATTENDANCE_CHANGES = Table("AttendanceChanges", "meetingUser", "sk")
ANALYTICS = Table("Analytics", "scope", "sk")
"""Totals that follow from other tables: ATT#courseId / userId."""
JOBS = Table(
    "Jobs",
    "jobId",
    indexes=(Index("RequesterIndex", "requesterKind", "createdAt"), Index("QueueIndex", "queue", "dueAt")),
    ttl=True,
    feed=True,
)
"""QueueIndex holds what waits for a worker (WORK), and files to be removed in time (FILES)."""
RECORDINGS = Table("Recordings", "meetingId", "id", indexes=(Index("DueIndex", "queue", "dueAt"),), feed=True)
LOCAL_CALLS = Table(  # META, ATTENDEE#attendeeId, USER#externalUserId, EVENT#id
    "LocalCalls",
    "meetingId",
    "sk",
    indexes=(Index("DueIndex", "queue", "dueAt"),),
    private=("JoinToken",),
    ttl=True,
    feed=True,
)
"""What our own engine of calls knows, where Chime is not used."""
CONNECTIONS = Table(  # LEASE; in the process's shards USER#userId
    "Connections", "node", "sk", indexes=(Index("ExpiryIndex", "expiryShard", "expiryAt"),), ttl=True
)
"""Which users have sockets open in which process, and until when each process is believed to live."""
SEARCH_TERMS = Table("SearchTerms", "scopeTerm", "wordDocument")
"""A row a word and document; `scopeTerm` is the scope and the word's first letter."""
SEARCH_DOCUMENTS = Table("SearchDocuments", "scopeDocument")
"""What is indexed of each document, so that a change removes the terms that are gone."""
NOTIFICATIONS = Table(  # createdAt#id, INBOX
    "Notifications",
    "userId",
    "sk",
    indexes=(Index("UnreadIndex", "unreadUserId", "createdAt"),),
    ttl=True,
    feed=True,
    private=("title", "body"),
)
DELIVERIES = Table("Deliveries", "userId", "noticeTarget", indexes=(Index("QueueIndex", "queue", "dueAt"),), ttl=True)
"""A row a notification and target. QueueIndex holds what waits (DUE#shard) and what failed for good (DEAD#shard)."""
FAN_OUTS = Table("FanOuts", "kind", "id")
"""What is told to many and not yet to all, and how far that has come."""
MAIL_SUPPRESSIONS = Table("MailSuppressions", "addressHash")
"""Addresses that get no mail any more."""
OUTBOX = Table("Outbox", "box", "sk", ttl=True)
"""Mail that was not sent but kept, where no mail server is configured."""
AUDIT_EVENTS = Table(
    "AuditEvents",
    "dayShard",
    "sk",
    indexes=(Index("ActorIndex", "actorId", "sk"), Index("TargetIndex", "target", "sk")),
    feed=True,
    private=("ipAddress",),
)
UPLOADS = Table(
    "Uploads",
    "uploadId",
    indexes=(Index("OwnerIdCreatedAtIndex", "ownerId", "createdAt"), Index("ExpiryIndex", "expiryShard", "expiryAt")),
    ttl=True,
)
MEDIA = Table(
    "Media",
    "mediaId",
    indexes=(
        Index("OwnerIdCreatedAtIndex", "ownerId", "createdAt"),
        Index("WorkIndex", "workShard", "workAt"),
        Index("ExpiryIndex", "expiryShard", "expiryAt"),
    ),
    ttl=True,
    feed=True,
)
"""WorkIndex holds what waits for a worker, by when it is due; ExpiryIndex what is kept for a time only."""
MEDIA_USES = Table("MediaUses", "mediaId", "use", ttl=True)
"""A row for each thing that shows a media: LESSON#id, RESOURCE#id, MESSAGE#id, AVATAR#userId, COVER#courseId, ..."""
WORKERS = Table("Workers", "name")
"""Where each worker stands in its feed, and who runs it until when."""
HANDLED_CHANGES = Table("HandledChanges", "id", ttl=True)
"""A row a step and change, where changes come through a queue and no place in a feed tells what was handled."""
SET_ASIDE = Table("SetAside", "id", indexes=(Index("QueueIndex", "queue", "at"),), ttl=True)
"""A row a step and change that it could not handle. QueueIndex: what lies there (DEAD), what is tried again (DUE)."""

ALL = (
    USERS,
    SETTINGS,
    USER_ITEMS,
    FACE_DESCRIPTIONS,
    COUNTERS,
    API_KEYS,
    IDEMPOTENCY,
    COURSES,
    PROGRESS,
    ENROLLMENTS,
    ROOMS,
    ROOM_MEMBERS,
    MESSAGES,
    ROOM_LOG,
    REACTIONS,
    PRESENCE,
    MEETINGS,
    MEETING_ATTENDEES,
    ATTENDANCE,
    ATTENDANCE_CHANGES,
    ANALYTICS,
    JOBS,
    RECORDINGS,
    LOCAL_CALLS,
    CONNECTIONS,
    SEARCH_TERMS,
    SEARCH_DOCUMENTS,
    NOTIFICATIONS,
    DELIVERIES,
    FAN_OUTS,
    MAIL_SUPPRESSIONS,
    OUTBOX,
    AUDIT_EVENTS,
    UPLOADS,
    MEDIA,
    MEDIA_USES,
    WORKERS,
    HANDLED_CHANGES,
    SET_ASIDE,
)
