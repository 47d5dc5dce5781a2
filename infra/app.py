"""The app that cdk.json names: `cdk deploy -c environment=staging --all`."""

import json
import os

from infra.bundle import FOLDER
from infra.deployment import build
from infra.environments import ENVIRONMENTS


def main() -> None:
    chosen = json.loads(os.environ.get("CDK_CONTEXT_JSON", "{}")).get("environment", "dev")
    if chosen not in ENVIRONMENTS:
        raise SystemExit(f"There is no environment {chosen!r}; there are {', '.join(ENVIRONMENTS)}.")
    if not FOLDER.exists():
        raise SystemExit("The functions have no libraries yet: run `make bundle` first.")
    build(ENVIRONMENTS[chosen], bundled=True).synth()


if __name__ == "__main__":
    main()
