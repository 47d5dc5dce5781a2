"""The image, as far as it can be looked at without an engine that builds it."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.infra.conftest import ROOT

DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
STAGES = re.split(r"^FROM ", DOCKERFILE, flags=re.MULTILINE)[1:]


def test_hadolint_finds_nothing() -> None:
    linter = ROOT / ".venv-infra" / "bin" / "hadolint"
    found = subprocess.run([linter, "Dockerfile"], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert (found.returncode, found.stdout) == (0, "")


@pytest.mark.parametrize("stage", STAGES[1:], ids=["server", "worker"])
def test_nobody_is_root_at_the_end(stage: str) -> None:
    assert re.findall(r"^USER (.+)$", stage, re.MULTILINE)[-1] == "10001:10001"


def test_packages_are_held_to_their_hashes() -> None:
    installs = re.findall(r"pip install[^&]*", STAGES[0])
    assert len(installs) == 2
    assert all("--require-hashes" in each for each in installs)


def test_commands_are_in_exec_form() -> None:
    for instruction in ("HEALTHCHECK", "ENTRYPOINT", "CMD"):
        line = next(line for line in DOCKERFILE.splitlines() if line.startswith(instruction))
        assert re.search(r'\["[^]]+"\]$', line), line


def test_every_package_of_the_server_is_in_it() -> None:
    copied = set(re.findall(r"^COPY (\w+) \./\1$", DOCKERFILE, re.MULTILINE))
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"bench", "examples", "infra", "tests"}
    assert copied == packages | {"schema"}


def test_nothing_but_what_it_is_made_of_goes_to_the_builder() -> None:
    admitted = {line[1:] for line in Path(ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = set(re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE))
    assert admitted == {name for each in copied for name in each.split()}
