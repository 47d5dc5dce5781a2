"""`ctx.publish` where AppSync serves the subscriptions: our backend calls the IAM-only mutation there.

What the change feed tells too (app/repairs.py) is published from there and not by the call that made the change:
its caller waits for nothing, an event is sent once, in the order of the record's changes, and what fails is
tried again. Everything else is published before the call is answered, for a Lambda stops with its answer.
"""

import asyncio
import logging
from collections.abc import Collection, Mapping
from typing import Any, Protocol

from graphql import GraphQLSchema

from app.realtime.full_selection import publishing, takes_a_key
from domain.callers import Mode
from domain.errors import DomainError
from subscriptions.aws_subscribe import woken_by

SECONDS = 3.0
"""For one try."""
TRIES = 3
PAUSE_SECONDS = 0.2

log = logging.getLogger(__name__)


class Endpoint(Protocol):
    """Where mutations are sent, signed as our backend."""

    async def execute(self, query: str, variables: Mapping[str, Any]) -> Mapping[str, Any]:
        """The payload. Raises DomainError when there is none."""
        ...


class NotPublished(Exception):
    """Subscribers were not told. The text names the mutation, and no record."""


class AppSyncPublisher:
    """
    Args:
        schema: bound.
        endpoint: None where nothing is published: events then reach nobody, which the log says once a record.
        relayed: mutations that are called from the change feed.
    """

    def __init__(
        self,
        schema: GraphQLSchema,
        user_modes: frozenset[Mode],
        endpoint: Endpoint | None,
        relayed: Collection[str],
    ) -> None:
        woken = woken_by(schema)
        self._calls = {each: publishing(schema, each, user_modes) for each in woken if takes_a_key(schema, each)}
        self._endpoint = endpoint
        self._relayed = frozenset(relayed)

    async def publish(self, mutation: str, /, **key: Any) -> None:
        """See resolvers.context.Publish."""
        if mutation in self._relayed:
            return
        try:
            await self._send(mutation, key, tries=1)
        except NotPublished as error:
            log.error("%s", error)
        except DomainError:
            log.error("%s could not be published: AppSync does not answer", mutation)

    async def publish_and_wait(self, mutation: str, /, **key: Any) -> None:
        """Returns once AppSync has taken the event.

        Raises:
            NotPublished: it will not take this one.
            DomainError: DEPENDENCY_FAILED, it takes none at the moment.
        """
        await self._send(mutation, key, tries=TRIES)

    async def _send(self, mutation: str, key: Mapping[str, Any], *, tries: int) -> None:
        call = self._calls.get(mutation)
        if call is None or key.keys() != call.arguments.keys():
            raise NotPublished(f"{mutation} cannot be published by {', '.join(key)}")
        if self._endpoint is None:
            raise NotPublished(f"{mutation} cannot be published: APPSYNC_URL is not set")
        variables = {call.arguments[name]: value for name, value in key.items()}
        for left in reversed(range(tries)):
            try:
                payload = await self._endpoint.execute(call.text, variables)
            except DomainError:
                if not left:
                    raise
            else:
                # Null without an error is a record that is gone: AppSync tells nobody of that.
                if not payload.get("errors") or (payload.get("data") or {}).get(mutation) is not None:
                    return
            await asyncio.sleep(PAUSE_SECONDS * (tries - left) if left else 0)
        raise NotPublished(f"{mutation} was refused by AppSync")
