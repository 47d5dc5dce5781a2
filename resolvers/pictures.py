"""Pictures that everybody may see: users' faces and courses' covers."""

from collections.abc import Collection, Sequence

from domain.courses import Course
from domain.uploads import UploadPurpose
from domain.users import User, UserSummary
from resolvers.context import Context
from resolvers.registry import registry


async def picture_key(
    ctx: Context, media_id: str | None, purposes: Collection[UploadPurpose], field: str
) -> str | None:
    """Where the picture is that the caller chose; None for none.

    Raises:
        DomainError: NOT_FOUND for a media that is not the caller's; BAD_REQUEST, MEDIA_NOT_READY.
    """
    if media_id is None:
        return None
    [media] = await ctx.sources.media.usable(
        [media_id], owner_id=ctx.caller.id, kinds=["IMAGE"], purposes=purposes, field=field
    )
    return media.original_key


@registry.batch("User.avatarUrl", whole=True)
async def avatars_of_users(ctx: Context, users: Sequence[User]) -> list[str | None]:
    return await ctx.sources.pictures.urls([user.avatar_key for user in users])


@registry.batch("UserSummary.avatarUrl", whole=True)
async def avatars(ctx: Context, users: Sequence[UserSummary]) -> list[str | None]:
    return await ctx.sources.pictures.urls([user.avatar_key for user in users])


@registry.batch("Course.coverImageUrl", whole=True)
async def covers(ctx: Context, courses: Sequence[Course]) -> list[str | None]:
    return await ctx.sources.pictures.urls([course.cover_key for course in courses])
