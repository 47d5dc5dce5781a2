"""Notifications of the caller, how and where they want them, and what staff tells a whole course."""

from collections.abc import Sequence
from typing import Any

from datasources.audit import audit_write
from datasources.idempotency import request
from domain import text
from domain.announcements import Announcement, new_announcement
from domain.notification_preferences import NotificationPreferences
from domain.notifications import Notification, NotificationInbox
from domain.push_tokens import PushToken, registered
from domain.times import Timestamp
from resolvers.access import require_own, require_staff
from resolvers.context import Context
from resolvers.inputs import RegisterPushTokenInput, SendAnnouncementInput, UpdateNotificationPreferencesInput
from resolvers.paging import Connection, page
from resolvers.registry import registry


@registry.field("Query.listNotifications")
async def list_notifications(
    ctx: Context, *, unread_only: bool | None = None, limit: int | None = None, next_token: str | None = None
) -> Connection[Notification]:
    unread = bool(unread_only)

    async def read(position: Any, size: int) -> tuple[Sequence[Notification], Any]:
        return await ctx.sources.notifications.page(ctx.caller.id, unread_only=unread, position=position, size=size)

    return await page(ctx, "Query.listNotifications", {"unread_only": unread}, limit, next_token, read)


@registry.field("Query.getNotificationInbox")
async def get_notification_inbox(ctx: Context) -> NotificationInbox:
    return await ctx.sources.notifications.inbox(ctx.caller.id)


@registry.field("Query.getNotificationPreferences")
async def get_notification_preferences(ctx: Context) -> NotificationPreferences:
    return await ctx.sources.notification_preferences.get(ctx.caller.id)


@registry.field("Query.listPushTokens")
async def list_push_tokens(
    ctx: Context, *, limit: int | None = None, next_token: str | None = None
) -> Connection[PushToken]:
    async def read(position: Any, size: int) -> tuple[Sequence[PushToken], Any]:
        return await ctx.sources.push_tokens.page(ctx.caller.id, position, size)

    return await page(ctx, "Query.listPushTokens", {}, limit, next_token, read)


@registry.field("Mutation.markNotificationRead")
async def mark_notification_read(ctx: Context, *, id: str) -> Notification:
    found = await ctx.sources.notifications.mark_read(ctx.caller.id, text.identifier(id, "id"), ctx.now())
    await ctx.publish("publishNotification", user_id=found.user_id, id=found.id)
    return found


@registry.field("Mutation.markAllNotificationsRead")
async def mark_all_notifications_read(ctx: Context, *, until: Timestamp | None = None) -> NotificationInbox:
    """A moment that is yet to come is now: nobody has read what does not exist."""
    now = ctx.now()
    return await ctx.sources.notifications.mark_all_read(ctx.caller.id, now if until is None else min(until, now))


@registry.field("Mutation.deleteNotification")
async def delete_notification(ctx: Context, *, id: str) -> Notification:
    return await ctx.sources.notifications.delete(ctx.caller.id, text.identifier(id, "id"))


@registry.field("Mutation.updateNotificationPreferences")
async def update_notification_preferences(
    ctx: Context, *, input: UpdateNotificationPreferencesInput
) -> NotificationPreferences:
    return await ctx.sources.notification_preferences.change(ctx.caller.id, input, input.get("expected_version"))


@registry.field("Mutation.registerPushToken")
async def register_push_token(ctx: Context, *, input: RegisterPushTokenInput) -> PushToken:
    return await ctx.sources.push_tokens.register(registered(input, ctx.caller.id, ctx.now()))


@registry.field("Mutation.deletePushToken")
async def delete_push_token(ctx: Context, *, id: str) -> PushToken:
    return await ctx.sources.push_tokens.delete(ctx.caller.id, text.identifier(id, "id"))


@registry.field("Mutation.sendAnnouncement")
async def send_announcement(ctx: Context, *, input: SendAnnouncementInput) -> Announcement:
    course = await require_staff(ctx, text.identifier(input["course_id"], "input.courseId"))
    announcement = new_announcement(input, id=f"{course.id}.{ctx.new_id()}", now=ctx.now())
    return await ctx.sources.announcements.create(
        announcement,
        request(ctx.caller.id, "sendAnnouncement", input.get("client_token"), input),
        audit=audit_write(ctx.caller, "sendAnnouncement", course.id, ctx.now(), ctx.new_id()),
    )


@registry.field("Mutation.publishNotification")
async def publish_notification(ctx: Context, *, user_id: str, id: str) -> Notification | None:
    """Writes nothing: the stored record is the payload."""
    return await ctx.sources.notifications.get(text.identifier(user_id, "userId"), text.identifier(id, "id"))


@registry.field("Subscription.onNotification")
async def on_notification(ctx: Context, *, user_id: str | None = None) -> None:
    require_own(ctx, user_id)


@registry.field("Subscription.onNotificationInbox")
async def on_notification_inbox(ctx: Context, *, user_id: str | None = None) -> None:
    require_own(ctx, user_id)
