"""`make synth`: the templates of all environments, made and linted without network or account."""

import argparse
import json
import sys
import time
from pathlib import Path

from infra.deployment import build
from infra.environments import ENVIRONMENTS, Name
from infra.lint import lint

ROOT = Path(__file__).parent.parent


def main() -> None:
    parser = argparse.ArgumentParser(prog="./dev synth", description=__doc__)
    parser.add_argument("--output", type=Path, default=ROOT / "build" / "infra", help="folder of the templates")
    parser.add_argument("--environment", action="append", choices=ENVIRONMENTS, help="only this one")
    parser.add_argument("--no-lint", action="store_true", help="leave cfn-lint out")
    chosen = parser.parse_args()
    started = time.monotonic()
    for name in chosen.environment or ENVIRONMENTS:
        synthesize(name, chosen.output / name)
        if not chosen.no_lint:
            lint(chosen.output / name)
    sys.stdout.write(f"Done in {time.monotonic() - started:.1f} s\n")


def synthesize(name: Name, folder: Path) -> None:
    """Writes one environment's templates; ends the process when cdk-nag finds something."""
    started = time.monotonic()
    try:
        build(ENVIRONMENTS[name], folder=str(folder)).synth()
    except RuntimeError as error:  # the findings stand on stderr already
        raise SystemExit(str(error)) from None
    if _findings(folder):
        raise SystemExit(f"cdk-nag: warnings count too; acknowledge them with a reason, see {folder}")
    templates = sorted(folder.glob("*.template.json"))
    resources = sum(len(json.loads(path.read_text())["Resources"]) for path in templates)
    seconds = time.monotonic() - started
    sys.stdout.write(f"{name}: {len(templates)} stacks, {resources} resources, cdk-nag passed, {seconds:.1f} s\n")


def _findings(folder: Path) -> int:
    """Of any severity: CDK stops at errors only."""
    report = folder / "validation-report.json"
    if not report.exists():
        return 0
    return sum(len(each["violations"]) for each in json.loads(report.read_text())["pluginReports"])


if __name__ == "__main__":
    main()
