"""Where a resolver says which SDL field it answers. Knows neither HTTP nor Lambda."""

from collections.abc import Awaitable, Callable, Sequence
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
        whole: it needs attributes of its sources that the SDL does not show.
    """

    coordinate: str
    func: Callable[..., Awaitable[Any]]
    batched: bool = False
    most: int = 0
    suspended_too: bool = False
    whole: bool = False


Reread = Callable[..., Awaitable[Sequence[Any]]]
"""`reread(ctx, sources) -> records` in order, None for what is gone. Of a source it uses only what the SDL shows."""


class Registry(dict[str, Resolver]):
    """Resolvers by schema coordinate. `app/binding.py` and infra/ walk it.

    Attributes:
        rereads: by object type, how its records are read anew. AppSync keeps of a source only what the SDL shows.
    """

    def __init__(self) -> None:
        super().__init__()
        self.rereads: dict[str, Reread] = {}

    def field(self, coordinate: str, *, suspended_too: bool = False) -> Callable[[Func], Func]:
        """`func(ctx, [source,] **args) -> value`: one parent at a time."""
        return self._register(coordinate, suspended_too=suspended_too)

    def batch(self, coordinate: str, *, most: int = 100, whole: bool = False) -> Callable[[Func], Func]:
        """`func(ctx, sources, **args) -> list`: one value, None or DomainError per source, in order.

        The ASGI server gathers the sources of one selection, AppSync sends them as one BatchInvoke.

        Args:
            whole: see Resolver; the type then needs a `reread`.
        """
        return self._register(coordinate, batched=True, most=most, whole=whole)

    def reread(self, type_name: str) -> Callable[[Func], Func]:
        """See Reread."""

        def register(func: Func) -> Func:
            if type_name in self.rereads:
                raise ValueError(f"{type_name} is already read anew by {self.rereads[type_name]}")
            self.rereads[type_name] = func
            return func

        return register

    def _register(self, coordinate: str, **traits: Any) -> Callable[[Func], Func]:
        def register(func: Func) -> Func:
            if coordinate in self:
                raise ValueError(f"{coordinate} already has a resolver: {self[coordinate].func}")
            self[coordinate] = Resolver(coordinate, func, **traits)
            return func

        return register


registry = Registry()
"""Filled by importing the package `resolvers`; a list of definitions, not state."""
