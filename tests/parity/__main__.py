"""`make parity`: the same operations through both runtimes, and whether they were answered alike.

    python -m tests.parity [--write]

First all behaviour tests of the domains, once through each runtime, over SQLite; then the operations that
Hypothesis makes, many more than the tests' run makes. `--write` puts the table into docs/parity.md.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.parity.comparison import Comparison, compare, table
from tests.parity.page import PAGE, root_fields, with_table
from tests.parity.recording import FOLDER, read

ROOT = Path(__file__).parents[2]
SHOWN = 20
"""Differences that are printed."""


def main(arguments: list[str]) -> int:
    with tempfile.TemporaryDirectory() as folder:
        records = Path(folder)
        failed = [
            f"the behaviour tests through {runtime}"
            for runtime in ("server", "appsync")
            if not _passes(records, "tests/resolvers", "-k", "not dynamodb", RUNTIME=runtime)
        ]
        if not _passes(records, "tests/parity", HYPOTHESIS_PROFILE="long"):
            failed.append("the comparing tests")
        found = compare(read(records / "server"), read(records / "appsync"), root_fields())
    _print(found)
    if "--write" in arguments:
        PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8"), found.rows), encoding="utf-8")
    unasked = [row.field for row in found.rows if not row.asked]
    if unasked:
        _say(f"Never asked: {', '.join(unasked)}")
    if failed:
        _say(f"Failed: {', '.join(failed)}")
    return 1 if failed or unasked or found.equal < found.operations else 0


def _passes(records: Path, *arguments: str, **environment: str) -> bool:
    """Whether these tests pass; their answers are kept in `records`."""
    command = [sys.executable, "-m", "pytest", "-q", "-n", "2", "--dist", "worksteal", *arguments]
    ended = subprocess.run(command, cwd=ROOT, env={**os.environ, FOLDER: str(records), **environment}, check=False)
    return ended.returncode == 0


def _print(found: Comparison) -> None:
    for each in found.differences[:SHOWN]:
        _say(f"\n{each.test}\n  asked   {each.asked}")
        for name, answers in (("server", each.server), ("appsync", each.appsync)):
            for answer in answers:
                _say(f"  {name:<7} {answer}")
    _say("\n".join(["", *table(found.rows), ""]))
    _say(f"{found.operations} operations, {found.equal} equal")


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
