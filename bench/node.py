"""The peers that run on Node.js, and whether they can here."""

import shutil
import subprocess

from bench import servers

FOLDER = servers.ROOT / "bench/peers/node"


def has_packages() -> bool:
    return shutil.which("node") is not None and (FOLDER / "node_modules").exists()


def has_better_sqlite3() -> bool:
    """Its native part has to be compiled, or downloaded from where its authors keep it."""
    if not has_packages():
        return False
    opened = "new (require('better-sqlite3'))(':memory:')"
    return subprocess.run(["node", "-e", opened], cwd=FOLDER, capture_output=True, check=False).returncode == 0


def command(program: str) -> list[str]:
    return ["node", str(FOLDER / program)]
