"""What becomes of presence by the clock: who is there no longer, and who was connected to a process that died."""

import asyncio
from collections.abc import Callable, Sequence

from app.worker_steps import NOWHERE, Step, TimedStep
from datasources.connections import Connections
from datasources.ports import RecordStore
from datasources.settings import PersonalSettings
from domain.presence import Whereabouts, shown
from domain.times import Timestamp
from resolvers.context import Publish, Sources
from subscriptions.ledger import Ledger, Mark

SECONDS = 5.0
_MOST_ROUNDS = 20
"""Of one run, so that a crowd is no endless one."""
FIELD = "onPresenceChanged"
MARK = Mark(("userId",), "status")

Heard = Callable[[str, str], bool]
"""Whether the last that subscribers heard of a user, as far as this process knows, is this status."""


async def tell(settings: PersonalSettings, publish: Publish, user_ids: Sequence[str]) -> None:
    """Subscribers of these users, but of none who is hidden: of them nobody hears when they come and go."""
    hidden = await settings.switched_off("presenceVisible", user_ids)
    await asyncio.gather(*(publish("publishPresence", user_id=each) for each in user_ids if each not in hidden))


def heard(ledger: Ledger, user_id: str, status: str) -> bool:
    return ledger.heard(FIELD, (user_id,), status)


def presence_steps(
    store: RecordStore, sources: Sources, now: Callable[[], Timestamp], publish: Publish, heard: Heard
) -> list[Step]:
    """
    Args:
        publish: returns once subscribers were told.
    """
    connections = Connections(store)

    async def look(_: str | None) -> str:
        for _round in range(_MOST_ROUNDS):
            rows = await sources.presence.due(now())
            if not rows:
                break
            await look_at(rows)
        return NOWHERE

    async def look_at(rows: Sequence[Whereabouts]) -> None:
        at = now()
        ended = [row for row in rows if row.told != shown(row, at).status]
        known = [row for row in rows if row.told == shown(row, at).status]
        announced = await asyncio.gather(*(sources.presence.announce(row, at) for row in ended))
        news = [row.user_id for row, is_announced in zip(ended, announced, strict=True) if is_announced]
        unheard = [row.user_id for row in known if not row.is_confirmed and not heard(row.user_id, row.told)]
        await tell(sources.settings, publish, [*news, *unheard])
        await asyncio.gather(*(sources.presence.confirm(row, at) for row in known))

    async def clear_up(_: str | None) -> str:
        for node in await connections.ended(now()):
            while user_ids := await connections.users_of(node):
                await part(node, user_ids)
                await connections.leave(node, user_ids)
            await connections.forget(node)
        return NOWHERE

    async def part(node: str, user_ids: Sequence[str]) -> None:
        """The process may have died before it told of them; so they are told of even where nothing changes."""
        at = now()
        await asyncio.gather(*(sources.presence.went(user_id, node, at) for user_id in user_ids))
        await tell(sources.settings, publish, user_ids)

    return [TimedStep("presence", SECONDS, look), TimedStep("dead-processes", SECONDS, clear_up)]
