"""`backup` and `restore`: everything that a deployment keeps, as a folder, and back again."""

import argparse
import asyncio
import os
import sqlite3
import sys
from pathlib import Path

from app.backups.making import make
from app.backups.manifest import BadBackup
from app.backups.restoring import checked
from app.backups.restoring import restore as bring_back
from app.cli.faults import Fault
from app.settings import Settings


def backup(chosen: argparse.Namespace) -> int:
    settings = Settings.load(os.environ)
    folder = Path(chosen.folder)
    try:
        made, digest = asyncio.run(make(settings, folder, capacity=chosen.capacity, progress=_tell))
    except (BadBackup, sqlite3.Error) as error:
        raise Fault(str(error)) from error
    _tell(f"{sum(made.items.values())} records and {made.file_count} files are in {folder}; its digest:")
    sys.stdout.write(f"{digest}\n")
    return 0


def restore(chosen: argparse.Namespace) -> int:
    folder = Path(chosen.folder)
    try:
        if chosen.check:
            manifest, _ = checked(folder, chosen.digest)
        else:
            settings = Settings.load(os.environ)
            restoring = bring_back(
                settings,
                folder,
                replace=chosen.replace,
                digest=chosen.digest,
                capacity=chosen.capacity,
                progress=_tell,
            )
            manifest = asyncio.run(restoring)
    except (BadBackup, sqlite3.Error) as error:
        raise Fault(str(error)) from error
    sys.stdout.write(f"{manifest.made_at}\n")
    return 0


def _tell(words: str) -> None:
    sys.stderr.write(f"{words}\n")
