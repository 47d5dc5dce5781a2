"""What Lambda runs has what it needs."""

import re
import subprocess
import sys

import pytest

from tests.infra.conftest import ROOT
from tests.infra.templates import Deployed
from tests.waiting import PATIENCE_SECONDS

_IMPORTED = """
import importlib.metadata, re, sys
import app.functions.authorizing, app.functions.resolving, app.functions.serving, app.functions.working
owners = importlib.metadata.packages_distributions()
loaded = {name.partition(".")[0] for name in sys.modules}
print(*sorted({re.sub("[-_.]+", "-", owner).lower() for name in loaded for owner in owners.get(name, ())}))
"""


def locked(name: str) -> dict[str, str]:
    text = (ROOT / name).read_text(encoding="utf-8")
    return dict(re.findall(r"^([\w.-]+)==([^\s;\\]+)", text, re.MULTILINE))


def test_every_library_that_functions_import_is_in_the_bundle() -> None:
    asked = subprocess.run(
        [sys.executable, "-c", _IMPORTED],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=True,
    )
    needed = set(asked.stdout.split()) - {"setuptools", "distutils-precedence", "mypy"}
    assert needed
    assert needed <= locked("requirements-functions.txt").keys()


def test_the_bundle_has_the_versions_that_the_tests_run_with() -> None:
    server = locked("requirements.txt")
    for name, version in locked("requirements-functions.txt").items():
        assert server[name] == version


@pytest.mark.requirement("Y18")
def test_no_secret_stands_in_a_functions_configuration(deployed: Deployed) -> None:
    for function in deployed.resources("AWS::Lambda::Function"):
        variables = function.properties.get("Environment", {}).get("Variables", {})
        assert not {"CURSOR_SECRET", "WEB_PUSH_KEY", "REDIS_URL"} & variables.keys()
        if "app.functions" in str(function.properties["Handler"]):
            assert "SECRETS_ARN" in variables


def test_every_function_names_a_handler_that_is_there(deployed: Deployed) -> None:
    for function in deployed.resources("AWS::Lambda::Function"):
        handler = str(function.properties["Handler"])
        if handler.startswith("app."):
            module, _, name = handler.rpartition(".")
            assert f"def {name}(" in (ROOT / f"{module.replace('.', '/')}.py").read_text(encoding="utf-8")
