"""Lists by pages: `limit` and `nextToken` in, `items` and `nextToken` out, the same way in every list."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar

import msgspec

from domain.errors import DomainError, bad_request
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
    position = _opened(ctx, operation, arguments, next_token)
    items, following = await read(position, size)
    return Connection(items, _sealed(ctx, operation, arguments, following))


def pages_at_hand(
    ctx: Context,
    operation: str,
    lists: Mapping[str, Sequence[T]],
    limit: int | None,
    next_token: str | None,
    place: Callable[[T], Any],
) -> dict[str, Connection[T] | DomainError]:
    """One page of each of several lists that have been read as a whole.

    One parent's refusal is not the others': a token of one is no token of theirs.

    Args:
        lists: by the parent's id, as is what comes back.
        place: of an item, JSON-like; rises along the list.

    Raises:
        DomainError: BAD_REQUEST for a limit outside 1..100.
    """
    size = page_size(limit)
    pages: dict[str, Connection[T] | DomainError] = {}
    for parent_id, items in lists.items():
        rest, arguments = items, {"parent": parent_id}
        if next_token is not None:
            try:
                position = _opened(ctx, operation, arguments, next_token)
            except DomainError as refusal:
                pages[parent_id] = refusal
                continue
            rest = [item for item in items if place(item) > position]
        if len(rest) > size:
            pages[parent_id] = Connection(rest[:size], _sealed(ctx, operation, arguments, place(rest[size - 1])))
        else:
            pages[parent_id] = Connection(rest)
    return pages


def _opened(ctx: Context, operation: str, arguments: Mapping[str, Any], next_token: str | None) -> Any:
    """The position; None for the start."""
    if next_token is None:
        return None
    return ctx.cursors.open(next_token, bound_to=_binding(ctx, operation, arguments))


def _sealed(ctx: Context, operation: str, arguments: Mapping[str, Any], position: Any) -> str | None:
    if position is None:
        return None
    return ctx.cursors.seal(position, bound_to=_binding(ctx, operation, arguments))


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
