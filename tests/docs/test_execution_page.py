"""docs/execution.md shows a plan as it is."""

import ast
import re
import shlex
from pathlib import Path

import pytest

from app.cli.main import main

PAGE = Path(__file__).parent.parent.parent / "docs" / "execution.md"


def test_the_shown_plan_is_what_the_command_prints(capsys: pytest.CaptureFixture[str]) -> None:
    (command,) = re.findall(r"```sh\n\./dev app (.*)\n```", PAGE.read_text("utf-8"))
    (shown,) = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)

    assert main(shlex.split(command)) == 0

    printed = capsys.readouterr().out
    assert ast.dump(ast.parse(shown)) == ast.dump(ast.parse(printed))
    assert _comments(shown) == _comments(printed)


def _comments(text: str) -> list[str]:
    """What stands behind `#`; the rest of the layout is the formatter's."""
    return re.findall(r"#.*", text)
