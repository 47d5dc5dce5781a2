"""Templates are made once a run, as `make synth` makes them, however many processes test them."""

import fcntl
import os
import subprocess
from pathlib import Path

import pytest

from tests.infra.templates import Deployed, read

ROOT = Path(__file__).parent.parent.parent
SYNTH_SECONDS = 300


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
    command = [ROOT / "dev", "synth", "--no-lint", "--output", folder]
    made = subprocess.run(command, capture_output=True, text=True, check=False, timeout=SYNTH_SECONDS)
    assert made.returncode == 0, made.stdout + made.stderr


@pytest.fixture(params=["dev", "staging", "prod"])
def deployed(request: pytest.FixtureRequest, synthesized: Path) -> Deployed:
    """Each environment in turn."""
    return read(request.param, synthesized / request.param)


@pytest.fixture
def prod(synthesized: Path) -> Deployed:
    return read("prod", synthesized / "prod")
