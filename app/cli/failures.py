"""`notifications failed` and `notifications retry`: what could not be sent or handled, and another try of it."""

import argparse
import asyncio
import os
import sys

import msgspec

from app.cli.faults import Fault
from app.clock import now
from app.engines import open_engines
from app.settings import Settings
from datasources.deliveries import SHARDS, Deliveries
from datasources.ports import RecordStore
from datasources.set_aside import SetAside, SetAsides
from domain.deliveries import Delivery

MOST_SHOWN = 1_000


def failed(chosen: argparse.Namespace) -> int:
    if not 1 <= chosen.limit <= MOST_SHOWN:
        raise Fault(f"--limit is 1 to {MOST_SHOWN}.")
    return asyncio.run(_failed(Settings.load(os.environ), chosen.limit))


def retry(chosen: argparse.Namespace) -> int:
    return asyncio.run(_retry(Settings.load(os.environ), chosen.ids))


async def _failed(settings: Settings, limit: int) -> int:
    async with open_engines(settings) as engines:
        deliveries = await Deliveries(engines.store).dead(most=limit * SHARDS)
        changes = await SetAsides(engines.store).dead(most=limit)
    latest = sorted(deliveries, key=lambda delivery: delivery.updated_at, reverse=True)[:limit]
    for line in (*map(_delivery_line, latest), *map(_change_line, changes)):
        sys.stdout.write(f"{line}\n")
    return 1 if latest or changes else 0


def _delivery_line(delivery: Delivery) -> str:
    """Without the address, which is in no row."""
    tries = f"{delivery.channel} {delivery.reason} after {delivery.tries} tries"
    return f"{delivery.updated_at}  delivery  {tries}  {delivery.user_id}/{delivery.notice}#{delivery.target}"


def _change_line(row: SetAside) -> str:
    key = msgspec.json.encode(row.key).decode()
    lost = "" if row.is_whole else ", too large to be kept"
    return f"{row.at}  change    {row.step} {row.error} on {row.table} {key}{lost}  {row.id}"


async def _retry(settings: Settings, ids: list[str]) -> int:
    async with open_engines(settings) as engines:
        unknown = [name for name in ids if not await _try_again(engines.store, name)]
    if unknown:
        raise Fault(f"Nothing that failed has the id {', '.join(unknown)}; the others are tried again soon.")
    return 0


async def _try_again(store: RecordStore, name: str) -> bool:
    """Leaves it to the workers of a running server. Raises Fault."""
    set_asides = SetAsides(store)
    row = await set_asides.get(name)
    if row is not None:
        if not row.is_whole:
            raise Fault(f"{name} was too large to be kept; change the record, and what follows from it follows anew.")
        return await set_asides.try_again(name)
    user_id, _, notice_target = name.partition("/")
    return bool(user_id and notice_target) and await Deliveries(store).try_again(user_id, notice_target, now())
