"""`schema`: check, export, compare and generate from the contract."""

import argparse
import os
import subprocess
import sys
from pathlib import Path

from graphql import print_ast

from app import access, generate_inputs, sdl, settings_text
from app.cli.faults import Fault
from app.portability import check as findings_of
from app.schema_diff import UnknownRevisionError, at_revision, breaking_changes
from app.settings import Settings
from domain.callers import Mode

ROOT = Path(__file__).parent.parent.parent


def check(_: argparse.Namespace) -> int:
    return _told(findings_of(sdl.load()))


def diff(chosen: argparse.Namespace) -> int:
    try:
        before = sdl.build(at_revision(chosen.revision, ROOT))
    except UnknownRevisionError as error:
        raise Fault(str(error)) from error
    except subprocess.TimeoutExpired as error:
        raise Fault("git took too long.") from error
    except TypeError as error:
        raise Fault(f"The schema at {chosen.revision} cannot be built:\n{error}") from error
    return _told(breaking_changes(before, sdl.build(sdl.load())))


def export(chosen: argparse.Namespace) -> int:
    document = sdl.load()
    if chosen.appsync:
        modes = _user_modes(Settings.load(os.environ))
        if not modes:
            raise Fault("No way for users to sign in is configured, and AppSync needs one.")
        text = sdl.appsync_sdl(document, modes)
    else:
        text = print_ast(document) + "\n"
    if chosen.output:
        Path(chosen.output).write_text(text, encoding="utf-8")
    else:
        sys.stdout.write(text)
    return 0


def generate(_: argparse.Namespace) -> int:
    for path, text in generated().items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        sys.stderr.write(f"{path.relative_to(ROOT)}\n")
    return 0


def generated() -> dict[Path, str]:
    """Every generated file and what it should hold. Tests hold the files to it."""
    schema = sdl.build(sdl.load())
    return {
        generate_inputs.INPUTS_FILE: generate_inputs.generate(schema),
        ROOT / "docs" / "access-matrix.md": access.matrix(schema),
        ROOT / "docs" / "settings.md": settings_text.table(Settings),
    }


def _user_modes(settings: Settings) -> frozenset[Mode]:
    configured = {
        Mode.COGNITO: settings.local_issuer or settings.cognito_user_pool_id,
        Mode.OIDC: settings.oidc_issuer,
        Mode.LAMBDA: settings.lambda_authorizer,
    }
    return frozenset(mode for mode, part in configured.items() if part)


def _told(findings: list[str]) -> int:
    for finding in findings:
        sys.stdout.write(f"{finding}\n")
    return 1 if findings else 0
