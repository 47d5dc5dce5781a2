"""`outbox` and `push-key`: mail that was kept instead of sent, and the key that browsers subscribe with."""

import argparse
import asyncio
import os
import sys

from app.cli.faults import Fault
from app.clock import now
from app.engines import open_engines
from app.settings import Settings
from app.ways_out import push_key
from datasources.local.web_push_key import new_key, public_key
from datasources.outbox import Outbox

MOST_SHOWN = 1_000


def outbox(chosen: argparse.Namespace) -> int:
    if not 1 <= chosen.limit <= MOST_SHOWN:
        raise Fault(f"--limit is 1 to {MOST_SHOWN}.")
    return asyncio.run(_outbox(Settings.load(os.environ), chosen.limit))


def public_push_key(chosen: argparse.Namespace) -> int:
    if chosen.new:
        sys.stdout.write(f"{new_key()}\n")
        return 0
    key = push_key(Settings.load(os.environ))
    if key is None:
        raise Fault("There is no key: set WEB_PUSH_KEY to one made by `push-key --new`.")
    sys.stdout.write(f"{public_key(key)}\n")
    return 0


async def _outbox(settings: Settings, limit: int) -> int:
    async with open_engines(settings) as engines:
        for mail in await Outbox(engines.store, now).latest(limit):
            sys.stdout.write(f"To: {mail.to}\nSubject: {mail.subject}\n\n{mail.body}\n---\n")
    return 0
