"""`amplify-outputs`: the file that Amplify's clients are configured with."""

import argparse
import os
import sys
from pathlib import Path

import msgspec

from app import amplify_outputs
from app.cli.faults import Fault
from app.settings import Settings


def write(chosen: argparse.Namespace) -> int:
    if chosen.stacks is None:
        found = amplify_outputs.of_server(Settings.load(os.environ), chosen.api_key)
    else:
        found = _deployed(Path(chosen.stacks), chosen.api)
    text = msgspec.json.format(msgspec.json.encode(found), indent=2).decode() + "\n"
    if chosen.output:
        Path(chosen.output).write_text(text, encoding="utf-8")
    else:
        sys.stdout.write(text)
    return 0


def _deployed(path: Path, api: str) -> amplify_outputs.Outputs:
    try:
        stacks = msgspec.json.decode(path.read_bytes(), type=dict[str, dict[str, str]])
        found = amplify_outputs.of_stacks(stacks, api)
        if found is None:
            raise Fault(f"{path} has no {api} API: write it with `cdk deploy --all --outputs-file`.")
        return msgspec.json.decode(found, type=amplify_outputs.Outputs)
    except msgspec.DecodeError as error:
        raise Fault(f"{path} is not what `cdk deploy --outputs-file` writes: {error}") from error
