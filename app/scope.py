"""What one request carries through graphql-core's executor."""

import asyncio
from collections.abc import Hashable

from app.batching import Call, Loader
from resolvers.context import Context


class RequestScope:
    """`info.context`: the resolvers' context and what only this runtime needs.

    Attributes:
        ctx: what every resolver receives.
        request_id: named in every error and log line of the request.
    """

    __slots__ = ("_loaders", "_tasks", "ctx", "request_id")

    def __init__(self, ctx: Context, request_id: str) -> None:
        self.ctx = ctx
        self.request_id = request_id
        self._loaders: dict[Hashable, Loader] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def loader(self, key: Hashable) -> Loader | None:
        return self._loaders.get(key)

    def add_loader(self, key: Hashable, name: str, call: Call, most: int) -> Loader:
        loader = self._loaders[key] = Loader(name, call, most, self._tasks)
        return loader

    def close(self) -> None:
        """Cancels the batches that still run; without any it costs nothing."""
        for task in self._tasks:
            task.cancel()
