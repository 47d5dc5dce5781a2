"""Chat messages: their records, and what may be written, edited, deleted and reacted to."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec

from domain import text
from domain.errors import Code, DomainError, bad_request, conflict, forbidden, not_found
from domain.records import Record
from domain.room_members import RoomMember
from domain.times import Timestamp, later

MessageKind = Literal["USER", "SYSTEM"]

LONGEST_BODY = 4_000
MOST_MENTIONS = 50
MOST_ATTACHMENTS = 10
MOST_EMOJI = 20
"""Different ones on one message."""
MOST_REACTING_SHOWN = 50
EDIT_SECONDS = 24 * 3600


class ReactionCount(Record, frozen=True):
    """Who reacted with one emoji: how many, and the first 50 of them (less those who took it back)."""

    emoji: str
    count: int
    user_ids: tuple[str, ...]


class Message(Record, frozen=True):
    """A row of table Messages. `version` counts edits and the deletion, `change_sequence` names the last change.

    `request_hash` is of the call that sent it, while there is a body to compare with.
    """

    id: str
    room_id: str
    sequence: int
    change_sequence: int
    kind: str
    body: str
    sent_at: Timestamp
    version: int
    sender_id: str | None = None
    attachment_ids: tuple[str, ...] = ()
    mentioned_user_ids: tuple[str, ...] = ()
    reply_to_id: str | None = None
    reply_count: int = 0
    reactions: tuple[ReactionCount, ...] = ()
    edited_at: Timestamp | None = None
    deleted_at: Timestamp | None = None
    deleted_by_id: str | None = None
    request_hash: str | None = None

    @property
    def is_deleted(self) -> bool:
        return self.deleted_at is not None


class Words(msgspec.Struct, frozen=True):
    """What a sender gives, as it is stored. The body is empty only where there are attachments."""

    body: str
    mentioned_user_ids: tuple[str, ...] = ()
    attachment_ids: tuple[str, ...] = ()


def room_id_of(message_id: str) -> str:
    """The room in a message's id; any text has one."""
    return message_id.partition(".")[0] or message_id


def words(given: Mapping[str, Any]) -> Words:
    """Of a `SendMessageInput`. Raises BAD_REQUEST."""
    attached = attachments(given.get("attachment_media_ids") or ())
    shortest = 0 if attached else 1
    body = text.clean(given.get("body") or "", "input.body", shortest=shortest, longest=LONGEST_BODY)
    return Words(body, mentions(given.get("mentioned_user_ids") or ()), attached)


def checked_body(body: str) -> str:
    """Raises BAD_REQUEST."""
    return text.clean(body, "input.body", longest=LONGEST_BODY)


def attachments(media_ids: Sequence[str]) -> tuple[str, ...]:
    """Each once, in the given order. Raises BAD_REQUEST."""
    field = "input.attachmentMediaIds"
    if len(media_ids) > MOST_ATTACHMENTS:
        raise bad_request(field, "COUNT", f"A message has at most {MOST_ATTACHMENTS} attachments.")
    return tuple(dict.fromkeys(text.identifier(media_id, field) for media_id in media_ids))


def mentions(user_ids: Sequence[str]) -> tuple[str, ...]:
    """Each once, in the given order. Raises BAD_REQUEST."""
    field = "input.mentionedUserIds"
    if len(user_ids) > MOST_MENTIONS:
        raise bad_request(field, "COUNT", f"At most {MOST_MENTIONS} users are mentioned.")
    return tuple(dict.fromkeys(text.identifier(user_id, field) for user_id in user_ids))


def require_members(mentioned: Sequence[str], members: Mapping[str, RoomMember]) -> None:
    """Raises BAD_REQUEST, rule NOT_A_MEMBER, when somebody mentioned is not in the room."""
    for user_id in mentioned:
        member = members.get(user_id)
        if member is None or not member.is_joined:
            raise bad_request("input.mentionedUserIds", "NOT_A_MEMBER", "Only members of the room are mentioned.")


def checked_emoji(value: str) -> str:
    """One emoji in its fully qualified spelling. Raises BAD_REQUEST, rule EMOJI."""
    import emoji as emojis  # loads a table of every emoji: only once somebody reacts

    if len(value) <= text.TAG and emojis.is_emoji(value):
        return emojis.emojize(emojis.demojize(value))
    raise bad_request("emoji", "EMOJI", "emoji is exactly one emoji.")


def require_present(message: Message | None) -> Message:
    """Raises NOT_FOUND for a message that does not exist, MESSAGE_DELETED for one that was deleted."""
    if message is None:
        raise not_found("message")
    if message.is_deleted:
        raise DomainError(Code.MESSAGE_DELETED, "The message was deleted.")
    return message


def require_version(message: Message, expected_version: int | None) -> None:
    if expected_version not in (None, message.version):
        raise conflict(message.version)


def edited(message: Message, editor_id: str, body: str, mentioned: tuple[str, ...] | None, now: Timestamp) -> Message:
    """The sender's message with another body; `mentioned` None leaves the mentions as they are.

    Raises:
        DomainError: FORBIDDEN for anybody else; EDIT_WINDOW_PASSED after 24 hours.
    """
    if message.sender_id != editor_id:
        raise forbidden("Only its sender edits a message.")
    if later(message.sent_at, seconds=EDIT_SECONDS) <= now:
        raise DomainError(Code.EDIT_WINDOW_PASSED, "A message is edited within 24 hours.")
    return msgspec.structs.replace(
        message,
        body=body,
        mentioned_user_ids=message.mentioned_user_ids if mentioned is None else mentioned,
        edited_at=now,
        version=message.version + 1,
    )


def deleted(message: Message, deleter_id: str | None, now: Timestamp) -> Message:
    """What is left of a message: its place. `deleter_id` None is a takedown by the backend."""
    return msgspec.structs.replace(
        message,
        body="",
        attachment_ids=(),
        mentioned_user_ids=(),
        request_hash=None,
        deleted_at=now,
        deleted_by_id=deleter_id,
        version=message.version + 1,
    )


def reacted(message: Message, emoji: str, user_id: str) -> Message:
    """With one reaction more, by a user who has none of this emoji there.

    Raises:
        DomainError: LIMIT_EXCEEDED for a 21st different emoji.
    """
    found = next((each for each in message.reactions if each.emoji == emoji), None)
    if found is None:
        if len(message.reactions) >= MOST_EMOJI:
            raise DomainError(Code.LIMIT_EXCEEDED, f"At most {MOST_EMOJI} different emoji a message.", limit=MOST_EMOJI)
        return msgspec.structs.replace(message, reactions=(*message.reactions, ReactionCount(emoji, 1, (user_id,))))
    shown = found.user_ids if len(found.user_ids) >= MOST_REACTING_SHOWN else (*found.user_ids, user_id)
    return _with_reactions(message, ReactionCount(emoji, found.count + 1, shown))


def unreacted(message: Message, emoji: str, user_id: str) -> Message:
    """With one reaction less, by a user who has one of this emoji there."""
    found = next(each for each in message.reactions if each.emoji == emoji)
    left = tuple(each for each in found.user_ids if each != user_id)
    return _with_reactions(message, ReactionCount(emoji, found.count - 1, left))


def _with_reactions(message: Message, changed: ReactionCount) -> Message:
    reactions = (changed if each.emoji == changed.emoji else each for each in message.reactions)
    return msgspec.structs.replace(message, reactions=tuple(each for each in reactions if each.count > 0))
