"""What Lambda runs: our packages and the libraries that they need, as arm64 Linux wants them, with their bytecode.

`python -m infra.bundle` makes it (`./dev bundle`), without Docker: the libraries come as wheels, and bytecode is the
same on every machine. `make synth` needs none, and looks at templates with the sources alone; a deployment needs it.
"""

import shutil
import subprocess
import sys
from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

PYTHON = "3.13"
"""The image's Python too."""
REQUIREMENTS = "requirements-functions.txt"
PACKAGES = ("app", "datasources", "domain", "resolvers", "schema", "subscriptions")
MOST_BYTES = 250 * 1024 * 1024
"""Lambda's limit for code, unpacked."""
ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "build" / "functions"
CONTEXT = "bundle"
"""The app's context: true for a deployment."""
_LEFT_OUT = shutil.ignore_patterns("__pycache__", "graphiql")
_PLATFORM = ("--python-version", PYTHON, "--python-platform", "aarch64-manylinux_2_28")


def code(scope: Construct) -> lambda_.Code:
    """The bundle, where the app's context says that there is to be one; else the sources."""
    if scope.node.try_get_context(CONTEXT):
        return lambda_.Code.from_asset(str(FOLDER))
    others = ["*", *(f"!{name}" for name in PACKAGES), "**/__pycache__", "app/graphiql"]
    return lambda_.Code.from_asset(str(ROOT), exclude=others, ignore_mode=cdk.IgnoreMode.GIT)


def main() -> None:
    """Makes the bundle anew; ends with a fault in words when it cannot."""
    python = shutil.which(f"python{PYTHON}")
    if python is None:
        raise SystemExit(f"python{PYTHON} is missing: Lambda runs it, and only it writes the bytecode that it reads.")
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    _run(
        *(Path(sys.executable).with_name("uv"), "pip", "install", "--quiet", "--target", FOLDER),
        *(*_PLATFORM, "--require-hashes", "--only-binary", ":all:", "--no-binary", "http-ece"),  # http-ece has no wheel
        *("-r", ROOT / REQUIREMENTS),
    )
    for name in PACKAGES:
        shutil.copytree(ROOT / name, FOLDER / name, ignore=_LEFT_OUT)
    # Lambda sets every file's time to one moment, so bytecode must not be held against it.
    _run(python, "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", FOLDER)
    size = sum(path.stat().st_size for path in FOLDER.rglob("*") if path.is_file())
    if size > MOST_BYTES:
        raise SystemExit(f"The bundle has {size // 1024**2} MB; Lambda takes {MOST_BYTES // 1024**2}.")
    sys.stdout.write(f"{FOLDER.relative_to(ROOT)}: {size // 1024**2} MB\n")


def _run(*command: str | Path) -> None:
    status = subprocess.run([str(part) for part in command], check=False).returncode  # noqa: S603 - our own command
    if status:
        raise SystemExit(status)


if __name__ == "__main__":
    main()
