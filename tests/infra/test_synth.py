"""What holds for all templates alike."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.infra.conftest import ROOT
from tests.infra.templates import Deployed

MOST_RESOURCES = 500
UNTAGGED = {
    "AWS::Budgets::Budget",  # it has tags of another form, which CDK does not write
}


@pytest.mark.requirement("K96", "Y25")
def test_cfn_lint_finds_nothing(synthesized: Path) -> None:
    """In production's templates, which have all that the others have: it takes half a second a template."""
    linted = subprocess.run(
        [ROOT / ".venv-infra/bin/python", "-m", "infra.lint", synthesized / "prod", synthesized / "options"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert linted.returncode == 0, linted.stdout + linted.stderr


@pytest.mark.requirement("K96", "K100")
def test_each_environment_has_all_of_its_stacks(synthesized_environments: dict[str, Deployed]) -> None:
    dev, staging, prod = (set(synthesized_environments[name].stacks) for name in ("dev", "staging", "prod"))
    assert dev < staging < prod
    assert {"network", "identity", "data", "storage", "messaging", "backup", "budgets", "audit"} <= dev
    assert {"scanning"} <= staging - dev
    assert {"copies"} <= prod - staging


@pytest.mark.requirement("K96")
def test_no_stack_is_larger_than_cloudformation_takes(deployed: Deployed) -> None:
    for stack, template in deployed.stacks.items():
        assert len(template["Resources"]) <= MOST_RESOURCES, stack
        assert len(json.dumps(template)) <= 1_000_000, stack


@pytest.mark.requirement("K81")
@pytest.mark.parametrize(("environment", "further"), [("dev", set()), ("staging", set()), ("prod", {"eu-west-1"})])
def test_data_stays_in_the_environments_region_but_for_copies(
    synthesized: Path, environment: str, further: set[str]
) -> None:
    """us-east-1 holds what CloudFront wants there, which is no data."""
    manifest = json.loads((synthesized / environment / "manifest.json").read_text())
    regions = {
        name: each["environment"].rsplit("/", 1)[-1]
        for name, each in manifest["artifacts"].items()
        if each["type"] == "aws:cloudformation:stack"
    }
    assert {region for name, region in regions.items() if region != "us-east-1"} == {"eu-central-1"} | further
    assert {name for name, region in regions.items() if region in further} <= {"copies"}
    assert {name for name, region in regions.items() if region == "us-east-1"} <= {"global", "edge"}


@pytest.mark.requirement("K92")
def test_everything_that_takes_tags_has_those_of_the_costs(deployed: Deployed) -> None:
    for resource in deployed.resources():
        tags = resource.properties.get("Tags")
        if tags is None or resource.type in UNTAGGED:
            continue
        assert {"Application", "Environment", "CostCenter", "Owner"} <= _names(tags), resource


def _names(tags: Any) -> set[str]:
    return set(tags) if isinstance(tags, dict) else {each["Key"] for each in tags}


@pytest.mark.requirement("E40", "V12", "K75")
def test_every_key_is_made_anew_each_year_and_opens_itself_to_nobody_outside(deployed: Deployed) -> None:
    for key in deployed.resources("AWS::KMS::Key"):
        assert key.properties["EnableKeyRotation"] is True, key
        for statement in key.properties["KeyPolicy"]["Statement"]:
            principal = statement["Principal"]
            assert principal != "*", key
            assert "*" not in principal.values(), key


@pytest.mark.requirement("E44", "C35", "K47")
def test_every_log_group_forgets_in_time(deployed: Deployed) -> None:
    wanted = {"dev": 7, "staging": 30, "prod": 365}[deployed.environment]
    for group in deployed.resources("AWS::Logs::LogGroup"):
        assert group.properties["RetentionInDays"] == wanted, group


@pytest.mark.requirement("V35", "E58")
@pytest.mark.parametrize("environment", ["staging", "prod"])
def test_no_stack_with_data_is_deleted_by_a_slip(synthesized: Path, environment: str) -> None:
    manifest = json.loads((synthesized / environment / "manifest.json").read_text())
    stacks = [each for each in manifest["artifacts"].values() if each["type"] == "aws:cloudformation:stack"]
    assert stacks
    assert all(each["properties"]["terminationProtection"] is True for each in stacks)
