"""The types that resolvers are checked against, as they are written from the SDL."""

import subprocess
import sys
import typing
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from app import generate_inputs, sdl
from domain.times import Timestamp

EVERYTHING = '''
type Query { a(input: NodeInput, order: OrderInput): Colour }
"""
What is "seen".
Second line, a \\\\ and a quote at the end"
"""
enum Colour { RED GREEN }
"Long." enum Long { A_VERY_LONG_VALUE_ONE A_VERY_LONG_VALUE_TWO A_VERY_LONG_VALUE_THREE A_VERY_LONG_VALUE_FOUR }
"A tree." input NodeInput {
  id: ID! parent: NodeInput children: [NodeInput!]! other: PairInput colours: [Colour] matrix: [[Int!]!]
  "When." happenedAt: AWSDateTime! extra: AWSJSON sure: AWSJSON! weight: Float on: Boolean! since: AWSTimestamp
  mail: AWSEmail phone: AWSPhone url: AWSURL ip: AWSIPAddress day: AWSDate hour: AWSTime
}
"Two that hold each other." input PairInput { node: NodeInput long: Long }
"With a Python keyword." input OrderInput { from: AWSDateTime! class: [OrderInput] kind: Long! }
'''


def written(text: str) -> str:
    return generate_inputs.generate(sdl.build(sdl.merge({"all.graphql": text})))


@pytest.fixture(scope="module")
def module() -> ModuleType:
    made = ModuleType("made")
    exec(compile(written(EVERYTHING), "made.py", "exec"), made.__dict__)  # noqa: S102 - what we generate ourselves
    return made


def hints(module: ModuleType, name: str) -> dict[str, Any]:
    return typing.get_type_hints(getattr(module, name), vars(module), include_extras=True)


def test_the_committed_file_is_what_the_schema_gives() -> None:
    fresh = generate_inputs.generate(sdl.build(sdl.load()))
    assert generate_inputs.INPUTS_FILE.read_text() == fresh, "resolvers/inputs.py is stale"


def test_writing_puts_the_same_text_into_a_file(tmp_path: Path) -> None:
    generate_inputs.write(tmp_path / "inputs.py")
    assert (tmp_path / "inputs.py").read_text() == generate_inputs.INPUTS_FILE.read_text()


def test_scalars_have_the_types_that_resolvers_get(module: ModuleType) -> None:
    got = hints(module, "NodeInput")
    assert got["happened_at"] is Timestamp
    assert got["id"] is str
    assert got["on"] is bool
    assert got["sure"] is Any
    assert got["extra"] == typing.NotRequired[Any]
    assert got["weight"] == typing.NotRequired[float | None]
    assert got["since"] == typing.NotRequired[int | None]
    for name in ("mail", "phone", "url", "ip", "day", "hour"):
        assert got[name] == typing.NotRequired[str | None]


def test_what_may_be_left_out_or_cleared_is_so(module: ModuleType) -> None:
    assert module.NodeInput.__required_keys__ == {"id", "children", "happened_at", "on", "sure"}
    assert hints(module, "NodeInput")["colours"] == typing.NotRequired[list[module.Colour | None] | None]
    assert hints(module, "NodeInput")["matrix"] == typing.NotRequired[list[list[int]] | None]


def test_inputs_may_hold_themselves_and_each_other(module: ModuleType) -> None:
    assert hints(module, "NodeInput")["children"] == list[module.NodeInput]
    assert hints(module, "NodeInput")["other"] == typing.NotRequired[module.PairInput | None]
    assert hints(module, "PairInput")["node"] == typing.NotRequired[module.NodeInput | None]


def test_a_field_may_be_named_as_a_keyword_of_python(module: ModuleType) -> None:
    got = hints(module, "OrderInput")
    assert set(got) == {"from", "class", "kind"}
    assert got["from"] is Timestamp


def test_enums_are_their_values(module: ModuleType) -> None:
    assert typing.get_args(module.Colour) == ("RED", "GREEN")
    assert len(typing.get_args(module.Long)) == 4
    assert "__TypeKind" not in written(EVERYTHING)


def test_descriptions_become_docstrings(module: ModuleType) -> None:
    assert module.NodeInput.__doc__ == "A tree."
    assert '"""When."""' in written(EVERYTHING)


def test_a_schema_without_inputs_imports_nothing() -> None:
    assert "import" not in written("type Query { a: Int }")


@pytest.mark.parametrize("command", [["format", "--diff"], ["check", "--ignore", "E501"]])
def test_the_text_is_formatted_and_clean(tmp_path: Path, command: list[str]) -> None:
    (tmp_path / "inputs.py").write_text(written(EVERYTHING))
    config = Path(__file__).parents[2] / "pyproject.toml"
    ruff = [sys.executable, "-m", "ruff", *command, "--no-cache", "--config", str(config), str(tmp_path / "inputs.py")]
    run = subprocess.run(ruff, capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 0, run.stdout + run.stderr


def test_the_text_is_typed(tmp_path: Path) -> None:
    (tmp_path / "made_inputs.py").write_text(written(EVERYTHING))
    mypy = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache"), "made_inputs.py"]
    root = str(Path(__file__).parents[2])
    run = subprocess.run(
        mypy, cwd=tmp_path, env={"MYPYPATH": root}, capture_output=True, text=True, timeout=120, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr
