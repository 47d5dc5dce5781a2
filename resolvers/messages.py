"""Messages: reading, sending, editing, deleting, reacting, searching."""

from collections.abc import Sequence
from typing import Any

from datasources.audit import audit_write
from datasources.idempotency import request
from domain import text
from domain.errors import bad_request, not_found
from domain.media import MediaAsset
from domain.messages import Message, checked_body, checked_emoji, mentions, room_id_of, words
from domain.times import Timestamp
from domain.users import UserSummary
from resolvers.context import Context
from resolvers.inputs import SendMessageInput, SortDirection, UpdateMessageInput
from resolvers.paging import Connection, page
from resolvers.registry import registry
from resolvers.room_access import known_rooms, may_read, readable_room, require_course_of

SHORTEST_QUERY = 2
LONGEST_QUERY = 200
MOST_SEARCHED = 50
"""Rooms looked through at once."""
_ROOMS_AT_ONCE = 100


@registry.field("Query.listMessages")
async def list_messages(
    ctx: Context,
    *,
    room_id: str,
    sent_after: Timestamp | None = None,
    after_sequence: int | None = None,
    after_change: int | None = None,
    sort_direction: SortDirection | None = None,
    limit: int | None = None,
    next_token: str | None = None,
) -> Connection[Message]:
    _check_cursors(sent_after, after_sequence, after_change, sort_direction)
    room = await readable_room(ctx, room_id)
    messages = ctx.sources.messages

    async def read(position: Any, size: int) -> tuple[Sequence[Message], Any]:
        if after_sequence is not None:
            return await messages.behind_sequence(room.id, after_sequence, position, size)
        if after_change is not None:
            return await messages.behind_change(room.id, after_change, position, size)
        is_descending = sort_direction != "ASC"
        return await messages.by_time(room.id, position, size, sent_after=sent_after, descending=is_descending)

    arguments = {
        "room_id": room.id,
        "sent_after": sent_after,
        "after_sequence": after_sequence,
        "after_change": after_change,
        "sort_direction": sort_direction,
    }
    return await page(ctx, "Query.listMessages", arguments, limit, next_token, read)


@registry.field("Query.getMessage")
async def get_message(ctx: Context, *, id: str) -> Message | None:
    return await _readable_message(ctx, text.identifier(id, "id"))


@registry.field("Query.listReplies")
async def list_replies(
    ctx: Context, *, message_id: str, limit: int | None = None, next_token: str | None = None
) -> Connection[Message]:
    parent = await _readable_message(ctx, text.identifier(message_id, "messageId"))
    if parent is None:
        raise not_found("message")

    async def read(position: Any, size: int) -> tuple[Sequence[Message], Any]:
        return await ctx.sources.messages.replies(parent.id, position, size)

    return await page(ctx, "Query.listReplies", {"message_id": parent.id}, limit, next_token, read)


@registry.field("Query.searchMessages")
async def search_messages(
    ctx: Context,
    *,
    query: str,
    room_id: str | None = None,
    limit: int | None = None,
    next_token: str | None = None,
) -> Connection[Message]:
    asked = text.clean(query, "query", shortest=SHORTEST_QUERY, longest=LONGEST_QUERY)
    room_ids = [(await readable_room(ctx, room_id)).id] if room_id is not None else await _liveliest_rooms(ctx)

    async def read(position: Any, size: int) -> tuple[Sequence[Message], Any]:
        return await ctx.sources.message_search.find(asked, room_ids, position, size)

    return await page(ctx, "Query.searchMessages", {"query": asked, "room_id": room_id}, limit, next_token, read)


@registry.field("Mutation.sendMessage")
async def send_message(ctx: Context, *, input: SendMessageInput) -> Message:
    room_id = text.identifier(input["room_id"], "input.roomId")
    said = words(input)
    reply_to_id = input.get("reply_to_id")
    if reply_to_id is not None:
        text.identifier(reply_to_id, "input.replyToId")
    asked = request(ctx.caller.id, "sendMessage", input.get("client_token"), input)
    await require_course_of(ctx, room_id)
    sent = await ctx.sources.messages.send(
        room_id, ctx.caller.id, said, reply_to_id=reply_to_id, fresh_id=ctx.new_id(), request=asked
    )
    await ctx.publish("publishMessage", id=sent.id)
    if sent.reply_to_id is not None:
        await ctx.publish("publishMessage", id=sent.reply_to_id)
    return sent


@registry.field("Mutation.updateMessage")
async def update_message(ctx: Context, *, input: UpdateMessageInput) -> Message:
    message_id = text.identifier(input["id"], "input.id")
    body = checked_body(input["body"])
    mentioned = mentions(input["mentioned_user_ids"] or ()) if "mentioned_user_ids" in input else None
    await require_course_of(ctx, room_id_of(message_id))
    edited = await ctx.sources.messages.edit(
        message_id, ctx.caller.id, body, mentioned=mentioned, expected_version=input.get("expected_version")
    )
    await ctx.publish("publishMessage", id=edited.id)
    return edited


@registry.field("Mutation.deleteMessage")
async def delete_message(ctx: Context, *, id: str, expected_version: int | None = None) -> Message:
    message_id = text.identifier(id, "id")
    audit = None
    if ctx.caller.is_admin or ctx.caller.is_moderator:
        audit = audit_write(ctx.caller, "deleteMessage", message_id, ctx.now(), ctx.new_id())
    else:
        await require_course_of(ctx, room_id_of(message_id))
    deleted = await ctx.sources.messages.delete(
        message_id, ctx.caller.id, expected_version=expected_version, as_staff=audit
    )
    await ctx.publish("publishMessage", id=deleted.id)
    return deleted


@registry.field("Mutation.addReaction")
async def add_reaction(ctx: Context, *, message_id: str, emoji: str) -> Message:
    return await _react(ctx, message_id, emoji, is_set=True)


@registry.field("Mutation.removeReaction")
async def remove_reaction(ctx: Context, *, message_id: str, emoji: str) -> Message:
    return await _react(ctx, message_id, emoji, is_set=False)


@registry.field("Mutation.publishMessage")
async def publish_message(ctx: Context, *, id: str) -> Message | None:
    """Writes nothing: the stored record is the payload."""
    return await ctx.sources.messages.get(text.identifier(id, "id"))


@registry.batch("Message.sender")
async def senders(ctx: Context, messages: Sequence[Message]) -> list[UserSummary | None]:
    sender_ids = [message.sender_id for message in messages if message.sender_id is not None]
    summaries = dict(zip(sender_ids, await ctx.sources.users.summaries(sender_ids), strict=True))
    return [None if message.sender_id is None else summaries[message.sender_id] for message in messages]


@registry.batch("Message.attachments", whole=True)
async def attachments(ctx: Context, messages: Sequence[Message]) -> list[list[MediaAsset]]:
    """A message is reached only by who may read it. What its owner has deleted since is left out."""
    attached = [media_id for message in messages for media_id in message.attachment_ids]
    found = dict(zip(attached, await ctx.sources.media.many(attached), strict=True))
    return [
        [media for media_id in message.attachment_ids if (media := found[media_id]) is not None] for message in messages
    ]


async def _react(ctx: Context, message_id: str, emoji: str, *, is_set: bool) -> Message:
    known_id, one = text.identifier(message_id, "messageId"), checked_emoji(emoji)
    await require_course_of(ctx, room_id_of(known_id))
    message = await ctx.sources.messages.react(known_id, one, ctx.caller.id, is_set=is_set)
    await ctx.publish("publishMessage", id=message.id)
    return message


async def _readable_message(ctx: Context, message_id: str) -> Message | None:
    """None for one that does not exist and for one that the caller may not read."""
    if not await may_read(ctx, room_id_of(message_id)):
        return None
    return await ctx.sources.messages.get(message_id)


async def _liveliest_rooms(ctx: Context) -> list[str]:
    """The caller's rooms in which something was said last."""
    room_ids = await ctx.sources.room_members.joined_rooms(ctx.caller.id)
    rooms = []
    for start in range(0, len(room_ids), _ROOMS_AT_ONCE):
        rooms += [room for room in await known_rooms(ctx, room_ids[start : start + _ROOMS_AT_ONCE]) if room is not None]
    rooms.sort(key=lambda room: (room.last_message_at or "", room.id), reverse=True)
    return [room.id for room in rooms[:MOST_SEARCHED]]


def _check_cursors(
    sent_after: Timestamp | None, after_sequence: int | None, after_change: int | None, sort_direction: str | None
) -> None:
    numbers = {"afterSequence": after_sequence, "afterChange": after_change}
    given = [name for name, value in {"sentAfter": sent_after, **numbers}.items() if value is not None]
    if len(given) > 1:
        raise bad_request(given[1], "EXCLUSIVE", "At most one of sentAfter, afterSequence and afterChange.")
    for name, number in numbers.items():
        if number is None:
            continue
        if number < 0:
            raise bad_request(name, "RANGE", f"{name} is 0 or more.")
        if sort_direction == "DESC":
            raise bad_request("sortDirection", "EXCLUSIVE", f"{name} lists in ascending order.")
