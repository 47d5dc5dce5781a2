"""What holds for all templates alike."""

import subprocess
from pathlib import Path

from tests.infra.conftest import ROOT
from tests.infra.templates import Deployed

MOST_RESOURCES = 500


def test_cfn_lint_finds_nothing(synthesized: Path) -> None:
    linted = subprocess.run(
        [ROOT / ".venv-infra/bin/python", "-m", "infra.lint", synthesized],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert linted.returncode == 0, linted.stdout + linted.stderr


def test_no_stack_is_larger_than_cloudformation_takes(deployed: Deployed) -> None:
    for stack, template in deployed.stacks.items():
        assert len(template["Resources"]) <= MOST_RESOURCES, stack
