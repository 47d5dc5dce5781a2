"""Where a resolver says which SDL field it answers. Knows neither HTTP nor Lambda."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import msgspec

Func = TypeVar("Func", bound=Callable[..., Awaitable[Any]])


class Resolver(msgspec.Struct, frozen=True):
    """One field's answer.

    Attributes:
        coordinate: GraphQL schema coordinate, "Course.owner".
        func: `func(ctx, **args)` on a root field, `func(ctx, source, **args)` elsewhere, and
            `func(ctx, sources, **args)` when batched. Argument names are the SDL's in snake_case.
        batched: one call for many sources of one selection.
        most: the largest batch, also AppSync's MaxBatchSize.
        suspended_too: a suspended user may still call it.
    """

    coordinate: str
    func: Callable[..., Awaitable[Any]]
    batched: bool = False
    most: int = 0
    suspended_too: bool = False


class Registry(dict[str, Resolver]):
    """Resolvers by schema coordinate. `app/binding.py` and infra/ walk it."""

    def field(self, coordinate: str, *, suspended_too: bool = False) -> Callable[[Func], Func]:
        """`func(ctx, [source,] **args) -> value`: one parent at a time."""
        return self._register(coordinate, batched=False, most=0, suspended_too=suspended_too)

    def batch(self, coordinate: str, *, most: int = 100) -> Callable[[Func], Func]:
        """`func(ctx, sources, **args) -> list`: one value, None or DomainError per source, in order.

        The ASGI server gathers the sources of one selection, AppSync sends them as one BatchInvoke.
        """
        return self._register(coordinate, batched=True, most=most, suspended_too=False)

    def _register(self, coordinate: str, *, batched: bool, most: int, suspended_too: bool) -> Callable[[Func], Func]:
        def register(func: Func) -> Func:
            if coordinate in self:
                raise ValueError(f"{coordinate} already has a resolver: {self[coordinate].func}")
            self[coordinate] = Resolver(coordinate, func, batched, most, suspended_too)
            return func

        return register


registry = Registry()
"""Filled by importing the package `resolvers`; a list of definitions, not state."""
