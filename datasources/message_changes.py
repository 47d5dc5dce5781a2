"""What may be done to a room's messages: each change decides on a room as it was read, and is committed with it."""

import math
from typing import get_args

import msgspec

from datasources.ports import Write
from datasources.room_draft import Draft, Reaction
from domain import messages
from domain.errors import Code, DomainError, not_found, rate_limited
from domain.media import MediaAsset, require_usable
from domain.messages import MOST_ATTACHMENTS, Message, Words, require_members, require_present, require_version
from domain.room_members import RoomMember, require_may_write, require_moderates
from domain.rooms import require_open
from domain.times import Timestamp, later, moment
from domain.uploads import MediaKind


class Send(msgspec.Struct, frozen=True):
    """A new message.

    Attributes:
        id: the message's; the same for a repeated call, which is then answered with what the first one sent.
        sender_id: None for a SYSTEM message.
        request_hash: of the call's arguments; None without a clientToken.
    """

    room_id: str
    id: str
    words: Words
    sender_id: str | None
    reply_to_id: str | None = None
    request_hash: str | None = None

    @property
    def message_ids(self) -> list[str]:
        return [self.id] if self.reply_to_id is None else [self.id, self.reply_to_id]

    @property
    def user_ids(self) -> list[str]:
        sender = [] if self.sender_id is None else [self.sender_id]
        return [*sender, *self.words.mentioned_user_ids]

    @property
    def reactions(self) -> list[Reaction]:
        return []

    @property
    def media_ids(self) -> tuple[str, ...]:
        return self.words.attachment_ids

    @property
    def rests_on_writer(self) -> str | None:
        is_plain = self.reply_to_id is None and not self.words.mentioned_user_ids and not self.media_ids
        return self.sender_id if is_plain else None

    @property
    def most_writes(self) -> int:
        return (4 if self.reply_to_id is None else 7) + 2 * len(self.media_ids)

    def apply(self, draft: Draft) -> Message:
        sent_before = draft.message(self.id)
        if sent_before is not None:
            if sent_before.request_hash not in (None, self.request_hash):
                raise DomainError(Code.IDEMPOTENCY_MISMATCH, "clientToken was used before with other arguments.")
            return sent_before
        self._check_sender(draft)
        parent = None if self.reply_to_id is None else require_present(draft.message(self.reply_to_id))
        require_members(self.words.mentioned_user_ids, draft.members)
        for media_id in self.media_ids:
            _require_attachable(draft.media.get(media_id), self.sender_id or "")
        if self.sender_id is not None:
            _write_as(draft, self.sender_id)
        if parent is not None:
            draft.replace(msgspec.structs.replace(parent, reply_count=parent.reply_count + 1))
        sent = draft.append(self._message(draft.now))
        draft.show(sent)
        if self.sender_id is not None and draft.room.slow_mode_seconds:
            draft.start_waiting(draft.members[self.sender_id], sent.sent_at)
        return sent

    def _check_sender(self, draft: Draft) -> None:
        if self.sender_id is None:
            require_open(draft.room)
            return
        sender = require_may_write(draft.room, draft.members.get(self.sender_id), draft.now)
        _require_slowness(sender, draft.room.slow_mode_seconds, draft.now)

    def _message(self, now: Timestamp) -> Message:
        """Its place and time are given by the draft."""
        return Message(
            id=self.id,
            room_id=self.room_id,
            sequence=0,
            change_sequence=0,
            kind="SYSTEM" if self.sender_id is None else "USER",
            body=self.words.body,
            sent_at=now,
            version=1,
            sender_id=self.sender_id,
            attachment_ids=self.words.attachment_ids,
            mentioned_user_ids=self.words.mentioned_user_ids,
            reply_to_id=self.reply_to_id,
            request_hash=self.request_hash,
        )


class Edit(msgspec.Struct, frozen=True):
    """Another body; `mentioned` None leaves the mentions."""

    message_id: str
    editor_id: str
    body: str
    mentioned: tuple[str, ...] | None
    expected_version: int | None
    most_writes: int = 4
    reactions: tuple[Reaction, ...] = ()
    media_ids: tuple[str, ...] = ()
    rests_on_writer: str | None = None

    @property
    def message_ids(self) -> list[str]:
        return [self.message_id]

    @property
    def user_ids(self) -> list[str]:
        return [self.editor_id, *(self.mentioned or ())]

    def apply(self, draft: Draft) -> Message:
        require_may_write(draft.room, draft.members.get(self.editor_id), draft.now)
        message = require_present(draft.message(self.message_id))
        require_version(message, self.expected_version)
        edited = messages.edited(message, self.editor_id, self.body, self.mentioned, draft.now)
        require_members(self.mentioned or (), draft.members)
        _write_as(draft, self.editor_id)
        return draft.replace(edited)


class Remove(msgspec.Struct, frozen=True):
    """The end of a message's words.

    Attributes:
        deleter_id: None for a takedown by the backend.
        as_staff: the deleter needs no place in the room; `audit` is then written too.
    """

    message_id: str
    deleter_id: str | None
    as_staff: bool
    expected_version: int | None
    audit: Write | None = None
    most_writes: int = 5 + MOST_ATTACHMENTS
    reactions: tuple[Reaction, ...] = ()
    media_ids: tuple[str, ...] = ()
    rests_on_writer: str | None = None

    @property
    def message_ids(self) -> list[str]:
        return [self.message_id]

    @property
    def user_ids(self) -> list[str]:
        return [] if self.deleter_id is None else [self.deleter_id]

    def apply(self, draft: Draft) -> Message:
        message = draft.message(self.message_id)
        by_right = self._is_by_right(draft, message)
        if message is None:
            raise not_found("message")
        require_version(message, self.expected_version)
        if message.is_deleted:
            return message
        if by_right and self.deleter_id is not None:
            _write_as(draft, self.deleter_id)
        elif self.audit is not None:
            draft.also(self.audit)
        draft.hide(message)
        return draft.replace(messages.deleted(message, self.deleter_id, draft.now))

    def _is_by_right(self, draft: Draft, message: Message | None) -> bool:
        """Whether the deleter wrote it or moderates the room. Raises what refuses everybody else but staff."""
        if self.deleter_id is None:
            return False
        member = draft.members.get(self.deleter_id)
        try:
            require_may_write(draft.room, member, draft.now)
            if message is not None and message.sender_id != self.deleter_id:
                require_moderates(draft.room, member)
        except DomainError:
            if self.as_staff:
                return False
            raise
        return True


class React(msgspec.Struct, frozen=True):
    """One reaction, set or taken back; where it is so already, nothing changes."""

    reaction: Reaction
    is_set: bool
    most_writes: int = 5
    media_ids: tuple[str, ...] = ()
    rests_on_writer: str | None = None

    @property
    def message_ids(self) -> list[str]:
        return [self.reaction.message_id]

    @property
    def user_ids(self) -> list[str]:
        return [self.reaction.user_id]

    @property
    def reactions(self) -> list[Reaction]:
        return [self.reaction]

    def apply(self, draft: Draft) -> Message:
        require_may_write(draft.room, draft.members.get(self.reaction.user_id), draft.now)
        message = draft.message(self.reaction.message_id)
        if self.is_set:
            message = require_present(message)
        if message is None:
            raise not_found("message")
        if draft.has(self.reaction) == self.is_set:
            return message
        change = messages.reacted if self.is_set else messages.unreacted
        changed = change(message, self.reaction.emoji, self.reaction.user_id)
        _write_as(draft, self.reaction.user_id)
        (draft.react if self.is_set else draft.unreact)(self.reaction)
        return draft.replace(changed)


def _require_attachable(media: MediaAsset | None, sender_id: str) -> None:
    """Raises NOT_FOUND, BAD_REQUEST, MEDIA_NOT_READY."""
    require_usable(
        media,
        owner_id=sender_id,
        kinds=get_args(MediaKind),
        purposes=["ATTACHMENT"],
        field="input.attachmentMediaIds",
    )


def _write_as(draft: Draft, user_id: str) -> None:
    """The change holds only while its writer's place in the room is as it was read."""
    draft.rely_on(draft.members[user_id])


def _require_slowness(sender: RoomMember, seconds: int, now: Timestamp) -> None:
    """Raises RATE_LIMITED in slow mode, when the sender's last message is too young."""
    if not seconds or sender.last_sent_at is None:
        return
    next_at = later(sender.last_sent_at, seconds=seconds)
    if next_at > now:
        wait = math.ceil((moment(next_at) - moment(now)).total_seconds())
        raise rate_limited("The room is in slow mode.", after_seconds=wait)
