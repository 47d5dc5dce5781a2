"""Lists by pages: `limit` and `nextToken` in, `items` and `nextToken` out, the same way in every list."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar

import msgspec

from domain.errors import bad_request
from resolvers.context import Context

T = TypeVar("T")

DEFAULT_LIMIT = 25
MAX_LIMIT = 100


class Connection(msgspec.Struct, Generic[T], frozen=True):
    """A page. `next_token` None: the last one. A page may be short or empty and still have one."""

    items: Sequence[T]
    next_token: str | None = None


Read = Callable[[Any, int], Awaitable[tuple[Sequence[T], Any]]]
"""`read(position, size) -> (items, next position)`; position None is the start, next None the end."""


async def page(
    ctx: Context, operation: str, arguments: Mapping[str, Any], limit: int | None, next_token: str | None, read: Read[T]
) -> Connection[T]:
    """One page of a list.

    Args:
        operation: the SDL coordinate, e.g. "Query.listCourses"; tokens of other operations are refused.
        arguments: everything but limit and nextToken that decides what the list holds (parents' ids too).
        read: reads `size` items from a position.

    Raises:
        DomainError: BAD_REQUEST for a limit outside 1..100, INVALID_NEXT_TOKEN.
    """
    size = page_size(limit)
    bound_to = _binding(ctx, operation, arguments)
    position = None if next_token is None else ctx.cursors.open(next_token, bound_to=bound_to)
    items, following = await read(position, size)
    return Connection(items, None if following is None else ctx.cursors.seal(following, bound_to=bound_to))


def page_size(limit: int | None) -> int:
    if limit is None:
        return DEFAULT_LIMIT
    if not 1 <= limit <= MAX_LIMIT:
        raise bad_request("limit", "RANGE", f"limit is 1 to {MAX_LIMIT}.")
    return limit


def _binding(ctx: Context, operation: str, arguments: Mapping[str, Any]) -> bytes:
    caller = ctx.caller.user_id or ctx.caller.mode.value
    given = {name: value for name, value in arguments.items() if value is not None}
    return msgspec.json.encode((caller, operation, given), order="sorted")
