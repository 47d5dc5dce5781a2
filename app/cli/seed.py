"""`seed`: the demo school, for databases that the server does not fill by itself."""

import argparse
import asyncio
import os
import sys

from app.seed import seed as fill
from app.settings import Settings
from app.wiring import open_app


def seed(_: argparse.Namespace) -> int:
    return asyncio.run(_seed(Settings.load(os.environ)))


async def _seed(settings: Settings) -> int:
    async with open_app(settings) as app:
        filled = await fill(app)
    sys.stderr.write("The demo school is in.\n" if filled else "The database is not empty; nothing was changed.\n")
    return 0
