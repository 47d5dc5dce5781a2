"""The app that cdk.json names: `cdk deploy -c environment=staging --all`."""

import json
import os

from infra.deployment import build
from infra.environments import ENVIRONMENTS


def main() -> None:
    chosen = json.loads(os.environ.get("CDK_CONTEXT_JSON", "{}")).get("environment", "dev")
    if chosen not in ENVIRONMENTS:
        raise SystemExit(f"There is no environment {chosen!r}; there are {', '.join(ENVIRONMENTS)}.")
    build(ENVIRONMENTS[chosen]).synth()


if __name__ == "__main__":
    main()
