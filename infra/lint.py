"""cfn-lint over synthesised templates: `python -m infra.lint FOLDER...`."""

import subprocess
import sys
import time
from pathlib import Path

CONFIG = Path(__file__).with_name("cfn-lint.yaml")


def lint(*folders: Path) -> None:
    """Every stack below the folders once, as the first of them has it.

    Ends the process with cfn-lint's status when that finds something.
    """
    started = time.monotonic()
    found: dict[str, Path] = {}
    for folder in folders:
        for path in sorted(folder.rglob("*.template.json")):
            found.setdefault(path.name, path)
    templates = found.values()
    program = Path(sys.executable).with_name("cfn-lint")
    status = subprocess.run([program, "--config-file", CONFIG, *templates], check=False).returncode  # noqa: S603 - our own files
    if status:
        raise SystemExit(status)
    sys.stdout.write(f"cfn-lint: {len(templates)} templates passed, {time.monotonic() - started:.1f} s\n")


if __name__ == "__main__":
    lint(*map(Path, sys.argv[1:]))
