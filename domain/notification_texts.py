"""What each kind of event says to whom: from a stored change to drafts of notifications.

What users did themselves is no news to them.
"""

from collections.abc import Mapping
from typing import Any, Literal

from domain.announcements import Announcement
from domain.enrollments import Enrollment
from domain.meeting_attendees import MeetingAttendee
from domain.meetings import Meeting
from domain.messages import Message
from domain.notifications import Draft
from domain.room_members import RoomMember

_ENROLLMENT_TEXTS: Mapping[str, tuple[str, str]] = {
    "PROMOTED": ("You have a seat", "A seat has become free in {course}, and it is yours."),
    "GRANTED": ("You have access", "You were given access to {course}."),
    "REVOKED": ("Your access has ended", "Your place in {course} was taken away."),
    "HOLD_EXPIRED": ("Your seat was released", "The seat held for you in {course} was not paid for in time."),
    "ACCESS_EXPIRED": ("Your access has ended", "Your time in {course} is over."),
    "COMPLETED": ("Course completed", "You have completed {course}."),
}
_PROMOTED_TO_PAY = ("A seat is held for you", "A seat has become free in {course}. Pay within 30 minutes to keep it.")
_SECURITY_TEXTS: Mapping[str, tuple[str, str]] = {
    "setUserRoles": ("Your roles were changed", "An administrator has changed your roles."),
    "revokeSession": ("A sign-in was ended", "An administrator has ended one of your sessions."),
    "revokeAllSessions": ("You were signed out", "An administrator has ended all of your sessions."),
    "suspendUser": ("Your account is suspended", "Your account was suspended. Contact support to learn more."),
    "reinstateUser": ("Your account is active again", "The suspension of your account was lifted."),
}


MeetingNews = Literal["BEGUN", "MOVED", "CANCELED"]
_MEETING_TEXTS: Mapping[MeetingNews, tuple[str, str]] = {
    "BEGUN": ("The meeting has begun", "{meeting} has begun."),
    "MOVED": ("The meeting was moved", "{meeting} takes place at another time."),
    "CANCELED": ("The meeting was canceled", "{meeting} does not take place."),
}


def is_told(enrollment: Enrollment) -> bool:
    """Whether the latest change of a place is news to its user: not what they did themselves."""
    return enrollment.last_change in _ENROLLMENT_TEXTS


def of_enrollment(enrollment: Enrollment, course_title: str) -> Draft:
    """What the latest change of a place, one that `is_told`, says to its user."""
    must_pay = enrollment.last_change == "PROMOTED" and enrollment.status == "PENDING_PAYMENT"
    title, body = _PROMOTED_TO_PAY if must_pay else _ENROLLMENT_TEXTS[enrollment.last_change]
    return Draft(
        event=f"enrollment#{enrollment.id}#{enrollment.version}",
        user_id=enrollment.user_id,
        category="COURSE",
        title=title,
        body=body.format(course=course_title),
        path=f"/courses/{enrollment.course_id}",
    )


def of_audit_event(event: Mapping[str, Any]) -> Draft | None:
    """What staff did to somebody's account; None for other deeds, and for those to one's own account."""
    texts = _SECURITY_TEXTS.get(event["action"])
    if texts is None or event.get("actorId") == event["target"]:
        return None
    title, body = texts
    return Draft(f"audit#{event['id']}", event["target"], "SECURITY", title, body, "/account")


def of_announcement(announcement: Announcement, user_id: str) -> Draft:
    return Draft(
        event=f"announcement#{announcement.id}",
        user_id=user_id,
        category="COURSE",
        title=announcement.title,
        body=announcement.body,
        path=f"/courses/{announcement.course_id}",
    )


def of_invitation(member: RoomMember, room_name: str | None) -> Draft:
    return Draft(
        event=f"invitation#{member.room_id}#{member.version}",
        user_id=member.user_id,
        category="CHAT",
        title="You are invited",
        body=f"You are invited to {_room(room_name)}.",
        path=f"/rooms/{member.room_id}",
    )


def of_mention(message: Message, user_id: str, room_name: str | None) -> Draft:
    """Without the message's text, so that deleting the message deletes it."""
    return _for_one(message, user_id, "You were mentioned", f"You were mentioned in {_room(room_name)}.")


def of_reply(message: Message, user_id: str, room_name: str | None) -> Draft:
    return _for_one(message, user_id, "You have a reply", f"Somebody replied to you in {_room(room_name)}.")


def of_messages(member: RoomMember, room_name: str | None) -> Draft:
    """That there are messages behind the member's read position: once, until it moves."""
    return Draft(
        event=f"messages#{member.room_id}#{member.last_read_sequence}",
        user_id=member.user_id,
        category="CHAT",
        title="New messages",
        body=f"There are new messages in {_room(room_name)}.",
        path=f"/rooms/{member.room_id}",
    )


def _for_one(message: Message, user_id: str, title: str, body: str) -> Draft:
    """One event, whatever makes the message theirs, so that one message tells a user once."""
    return Draft(
        event=f"message#{message.id}",
        user_id=user_id,
        category="CHAT",
        title=title,
        body=body,
        path=f"/rooms/{message.room_id}",
    )


def of_meeting_invitation(attendee: MeetingAttendee, meeting: Meeting) -> Draft:
    return Draft(
        event=f"meeting-invitation#{meeting.id}#{attendee.version}",
        user_id=attendee.user_id,
        category="MEETING",
        title="You are invited",
        body=f"You are invited to {meeting.title}.",
        path=f"/meetings/{meeting.id}",
    )


def of_meeting(meeting: Meeting, news: MeetingNews, version: int, user_id: str) -> Draft:
    """What the step to `version` was. Without the reason of a cancellation, which stays with the meeting."""
    title, body = _MEETING_TEXTS[news]
    return Draft(
        event=f"meeting#{meeting.id}#{version}",
        user_id=user_id,
        category="MEETING",
        title=title,
        body=body.format(meeting=meeting.title),
        path=f"/meetings/{meeting.id}",
    )


def of_reminder(meeting: Meeting, user_id: str) -> Draft:
    return Draft(
        event=f"meeting-reminder#{meeting.id}#{meeting.starts_at}",
        user_id=user_id,
        category="MEETING",
        title="A meeting begins soon",
        body=f"{meeting.title} begins soon.",
        path=f"/meetings/{meeting.id}",
    )


def _room(name: str | None) -> str:
    return name or "a conversation"
