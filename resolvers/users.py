"""People: accounts, profiles, settings, sessions, consents, and what staff does to accounts."""

from collections.abc import Sequence
from typing import Any

from datasources.audit import audit_write
from datasources.idempotency import request
from datasources.ports import Put
from datasources.users import EMAIL_PREFIX_LETTERS, UserFilter
from domain import text
from domain.account_changes import reinstated, signed_out, suspended, with_roles
from domain.errors import forbidden, not_found
from domain.settings import checked_settings
from domain.users import (
    CONSENT_PURPOSES,
    Consent,
    User,
    UserSession,
    UserSettings,
    UserSummary,
    checked_profile,
    checked_roles,
    shown_to,
)
from resolvers.access import require_own
from resolvers.context import Context
from resolvers.inputs import RecordConsentInput, Role, UpdateProfileInput, UpdateSettingsInput, UserFilterInput
from resolvers.paging import Connection, page
from resolvers.pictures import picture_key
from resolvers.registry import registry

LAST_WORDS_SECONDS = 1.0
"""So long an ended session may still listen: it is to hear of its end."""


@registry.field("Query.getMe", suspended_too=True)
async def get_me(ctx: Context) -> User | None:
    return await ctx.sources.users.get(ctx.caller.id)


@registry.field("Query.getUser")
async def get_user(ctx: Context, *, id: str) -> User | None:
    user = await ctx.sources.users.get(text.identifier(id, "id"))
    return user and shown_to(ctx.caller, user)


@registry.field("Query.getUserSummary")
async def get_user_summary(ctx: Context, *, id: str) -> UserSummary | None:
    [found] = await ctx.sources.users.summaries([text.identifier(id, "id")])
    return found


@registry.field("Query.listUsers")
async def list_users(
    ctx: Context, *, filter: UserFilterInput | None = None, limit: int | None = None, next_token: str | None = None
) -> Connection[User]:
    given = filter or {}
    prefix = given.get("email_prefix")
    if prefix is not None:
        prefix = text.clean(prefix, "filter.emailPrefix", longest=text.NAME, shortest=EMAIL_PREFIX_LETTERS).lower()
    wanted = UserFilter(given.get("role"), given.get("status"), prefix)

    async def read(position: Any, size: int) -> tuple[Sequence[User], Any]:
        users, following = await ctx.sources.users.page(wanted, position, size)
        return [shown_to(ctx.caller, user) for user in users], following

    return await page(ctx, "Query.listUsers", given, limit, next_token, read)


@registry.field("Query.listMySessions")
async def list_my_sessions(
    ctx: Context, *, limit: int | None = None, next_token: str | None = None
) -> Connection[UserSession]:
    async def read(position: Any, size: int) -> tuple[Sequence[UserSession], Any]:
        return await ctx.sources.sessions.page(ctx.caller.id, position, size)

    return await page(ctx, "Query.listMySessions", {}, limit, next_token, read)


@registry.field("Query.listMyConsents")
async def list_my_consents(
    ctx: Context, *, limit: int | None = None, next_token: str | None = None
) -> Connection[Consent]:
    async def read(position: Any, size: int) -> tuple[Sequence[Consent], Any]:
        latest = {consent.purpose: consent for consent in await ctx.sources.consents.latest(ctx.caller.id)}
        purposes = [purpose for purpose in CONSENT_PURPOSES[position or 0 :] if purpose in latest]
        items = [latest[purpose] for purpose in purposes[:size]]
        return items, CONSENT_PURPOSES.index(purposes[size]) if len(purposes) > size else None

    return await page(ctx, "Query.listMyConsents", {}, limit, next_token, read)


@registry.batch("User.settings")
async def settings_of_users(ctx: Context, users: Sequence[User]) -> list[UserSettings]:
    return await ctx.sources.settings.of(users)


@registry.field("Mutation.updateProfile")
async def update_profile(ctx: Context, *, input: UpdateProfileInput) -> User:
    values = checked_profile(input)
    if "avatar_media_id" in values:
        values["avatar_key"] = await picture_key(ctx, values["avatar_media_id"], ["AVATAR"], "input.avatarMediaId")
    return await ctx.sources.users.change_profile(ctx.caller.id, values, input.get("expected_version"), ctx.now())


@registry.field("Mutation.updateSettings")
async def update_settings(ctx: Context, *, input: UpdateSettingsInput) -> UserSettings:
    values, user_id = checked_settings(input), ctx.caller.id
    settings = await ctx.sources.settings.change(user_id, values, input.get("expected_version"), ctx.now())
    if "presence_visible" in values:
        await ctx.publish("publishPresence", user_id=user_id)
    if "read_receipts_enabled" in values:
        await ctx.recheck(user_id)
    return settings


@registry.field("Mutation.recordConsent")
async def record_consent(ctx: Context, *, input: RecordConsentInput) -> Consent:
    consent = Consent(
        user_id=ctx.caller.id,
        purpose=input["purpose"],
        granted=input["granted"],
        policy_version=text.clean(input["policy_version"], "input.policyVersion", longest=text.NAME),
        recorded_at=ctx.now(),
    )
    repeatable = request(ctx.caller.id, "recordConsent", input.get("client_token"), input)
    if consent.purpose == "FACE_RECOGNITION" and not consent.granted:
        return await ctx.sources.faces.withdraw_consent(consent, ctx.new_id(), repeatable)
    return await ctx.sources.consents.record(consent, ctx.new_id(), repeatable)


@registry.field("Mutation.revokeSession")
async def revoke_session(ctx: Context, *, id: str) -> UserSession:
    """A user's answer on another's session is that on an unknown one."""
    session_id, caller = text.identifier(id, "id"), ctx.caller
    owner = caller.user_id
    if caller.is_admin or caller.is_backend:
        owner = await ctx.sources.sessions.owner(session_id) or owner
    if owner is None:
        raise not_found("session")
    is_staff_work = caller.is_admin and owner != caller.user_id
    audit = _audit(ctx, "revokeSession", owner) if is_staff_work else None
    session = await ctx.sources.sessions.revoke(owner, session_id, ctx.now(), audit)
    await ctx.recheck(owner, after_seconds=LAST_WORDS_SECONDS)
    return session


@registry.field("Subscription.onSessionRevoked")
async def on_session_revoked(ctx: Context, *, user_id: str | None = None, id: str | None = None) -> None:
    require_own(ctx, user_id)


@registry.field("Mutation.revokeAllSessions")
async def revoke_all_sessions(ctx: Context, *, user_id: str | None = None) -> User:
    target = ctx.caller.id if user_id is None else text.identifier(user_id, "userId")
    is_own = target == ctx.caller.id
    if not is_own and not ctx.caller.is_admin:
        raise forbidden("Only an admin ends the sessions of others.")
    now = ctx.now()
    audit = None if is_own else _audit(ctx, "revokeAllSessions", target)
    user = await ctx.sources.users.edit(target, lambda user: signed_out(user, now), None, now, audit)
    await ctx.recheck(target)
    return shown_to(ctx.caller, user)


@registry.field("Mutation.setUserRoles")
async def set_user_roles(ctx: Context, *, user_id: str, roles: list[Role], expected_version: int | None = None) -> User:
    target, wanted, now = text.identifier(user_id, "userId"), checked_roles(roles), ctx.now()
    audit = _audit(ctx, "setUserRoles", target, roles=wanted)
    user = await ctx.sources.users.edit(
        target, lambda user: with_roles(user, wanted, now), expected_version, now, audit
    )
    await ctx.recheck(target)
    return shown_to(ctx.caller, user)


@registry.field("Mutation.suspendUser")
async def suspend_user(ctx: Context, *, user_id: str, reason: str, expected_version: int | None = None) -> User:
    target, why = text.identifier(user_id, "userId"), text.clean(reason, "reason", longest=text.REASON)
    audit = _audit(ctx, "suspendUser", target, status="SUSPENDED")
    user = await ctx.sources.users.edit(
        target, lambda user: suspended(user, ctx.caller, why), expected_version, ctx.now(), audit
    )
    await ctx.recheck(target)
    return shown_to(ctx.caller, user)


@registry.field("Mutation.reinstateUser")
async def reinstate_user(ctx: Context, *, user_id: str, expected_version: int | None = None) -> User:
    target = text.identifier(user_id, "userId")
    audit = _audit(ctx, "reinstateUser", target, status="ACTIVE")
    user = await ctx.sources.users.edit(
        target, lambda user: reinstated(user, ctx.caller), expected_version, ctx.now(), audit
    )
    return shown_to(ctx.caller, user)


def _audit(ctx: Context, action: str, target: str, **details: Any) -> Put:
    return audit_write(ctx.caller, action, target, ctx.now(), ctx.new_id(), details)
