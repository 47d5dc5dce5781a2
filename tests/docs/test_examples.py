"""Every example of the documents is true: each is run against a server as a reader would run it."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.clients.conftest import node
from tests.dynamodb_emulator import REGION, Emulator
from tests.server_process import ROOT, ServerProcess, server_process

__all__ = ["node"]

PAGES = (
    "README.md",
    "docs/clients.md",
    "docs/operations.md",
    "docs/error-codes.md",
    "docs/disaster-recovery.md",
    "docs/execution.md",
)
PATIENCE_SECONDS = 60
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_ORIGIN = "127.0.0.1:8000"


@dataclass(frozen=True)
class Example:
    """A fenced block: where it stands, the language that it names, and its text."""

    page: str
    language: str
    text: str


def examples(*languages: str) -> list[Example]:
    found = [
        Example(page, language, text)
        for page in PAGES
        for language, text in _BLOCK.findall((ROOT / page).read_text("utf-8"))
    ]
    return [example for example in found if example.language in languages]


def named(example: Example) -> str:
    return f"{example.page}: {example.text.splitlines()[0][:40]}"


def listens(example: Example) -> bool:
    """It goes on until it is ended, and shows what happens in the common room."""
    return "onMessage(" in example.text or "Room(" in example.text


def is_alone(example: Example) -> bool:
    """It has a test of its own."""
    return "app tables" in example.text or "/restored" in example.text


def is_of_make(example: Example) -> bool:
    return example.text.startswith("make ")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with server_process(tmp_path_factory.mktemp("docs") / "data") as started:
        yield started


def addressed(text: str, server: ServerProcess) -> str:
    """What an example says of our address means the server under test."""
    return text.replace(_ORIGIN, f"127.0.0.1:{server.port}")


def bash(text: str, server: ServerProcess) -> list[str]:
    return ["bash", "-euo", "pipefail", "-c", addressed(text, server).replace("./dev app", "python -m app")]


def environment(server: ServerProcess, **more: str) -> dict[str, str]:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "PORT": str(server.port), "DATA_DIR": str(server.data_dir), **more}


def shell(text: str, server: ServerProcess, **more: str) -> "subprocess.CompletedProcess[str]":
    """Runs a script in this environment."""
    return subprocess.run(
        bash(text, server),
        cwd=ROOT,
        env=environment(server, **more),
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )


def test_no_kind_of_example_is_left_out() -> None:
    pages = [
        path for path in ("README.md", *map(str, (ROOT / "docs").glob("*.md"))) if "```" in (ROOT / path).read_text()
    ]
    assert {(ROOT / path).name for path in pages} <= {Path(page).name for page in PAGES}
    languages = {language for page in PAGES for language, _ in _BLOCK.findall((ROOT / page).read_text("utf-8"))}
    assert languages <= {"sh", "console", "python", "js", "json", "mermaid"}


@pytest.mark.parametrize(
    "example", [each for each in examples("sh") if not is_alone(each) and not listens(each)], ids=named
)
def test_shell(example: Example, server: ServerProcess) -> None:
    if is_of_make(example):
        targets = re.findall(r"^make (\w+)", example.text, re.MULTILINE)
        assert targets
        assert set(targets) <= set(shell("./dev help | awk '{ print $1 }'", server).stdout.split())
        return
    done = shell(example.text, server)

    assert done.returncode == 0, done.stderr
    if "/graphql" in example.text:
        answer = json.loads(done.stdout)
        assert "errors" not in answer, answer
        assert all(answer["data"].values())


def test_a_restored_backup_serves_the_same(server: ServerProcess) -> None:
    (example,) = (example for example in examples("sh") if "/restored" in example.text)
    done = shell(example.text, server)
    assert done.returncode == 0, done.stderr
    query = '{"query": "{ listCourses(limit: 100) { items { title enrolledCount } } }"}'
    ask = f"""curl -s http://{_ORIGIN}/graphql -H "x-api-key: $(python -m app api-key)" \
        -H 'content-type: application/json' -d '{query}'"""

    with server_process(server.data_dir.parent / "restored") as other:
        assert shell(ask, other).stdout == shell(ask, server).stdout


def test_tables_are_made_and_listed(server: ServerProcess, emulator: Emulator) -> None:
    (tables,) = (example for example in examples("sh") if "app tables" in example.text)
    done = shell(
        tables.text,
        server,
        RECORDS="dynamodb",
        CURSOR_SECRET="c" * 40,
        TABLE_PREFIX="of-the-documents-",
        AWS_ENDPOINT_URL=emulator.url,
        AWS_REGION=REGION,
        AWS_ACCESS_KEY_ID="test",
        AWS_SECRET_ACCESS_KEY="test",
    )
    assert done.returncode == 0, done.stderr
    assert "missing" not in done.stdout
    assert "of-the-documents-Users\tthere" in done.stdout


@pytest.mark.parametrize("example", examples("console"), ids=named)
def test_what_a_command_says(example: Example, server: ServerProcess) -> None:
    command, _, said = example.text.partition("\n")
    done = shell(command.removeprefix("$ "), server)
    assert (done.stdout + done.stderr).strip() == said.strip()
    assert done.returncode == 2


def coroutine(example: Example, server: ServerProcess) -> str:
    """`async def run()` around an example that awaits."""
    return "async def run():\n" + "\n".join(f"    {line}" for line in addressed(example.text, server).splitlines())


def test_the_gql_example(server: ServerProcess) -> None:
    (example,) = (each for each in examples("python") if "getMe" in each.text)
    names: dict[str, Any] = {"token": server.app("token", "ada", "--group", "Mentors")}
    exec(f"{coroutine(example, server)}\n    return me", names)  # noqa: S102 - an example of our own

    me = asyncio.run(names["run"]())["getMe"]

    assert me["roles"] == ["MENTOR"]


def test_the_authorizer_example(tmp_path: Path) -> None:
    (example,) = (each for each in examples("python") if "authorize" in each.text)
    (tmp_path / "doorman.py").write_text(example.text)
    ask = f"""curl -s http://{_ORIGIN}/graphql -H "authorization: $WORD" \
        -H 'content-type: application/json' -d '{{"query": "{{ getMe {{ id roles }} }}"}}'"""
    settings = {"LAMBDA_AUTHORIZER": "doorman:authorize", "PYTHONPATH": str(tmp_path), "SEED_DEMO": "off"}

    with server_process(tmp_path / "data", **settings) as server:
        known = json.loads(shell(ask, server, WORD="the-doorman-knows").stdout)
        stranger = json.loads(shell(ask, server, WORD="open-sesame").stdout)

    assert known == {"data": {"getMe": {"id": "u-17", "roles": ["MENTOR"]}}}
    assert stranger["errors"][0]["errorType"] == "UnauthorizedException"


@pytest.mark.parametrize("example", examples("js"), ids=named)
def test_a_script_is_javascript(example: Example, node: Path, tmp_path: Path) -> None:
    script = tmp_path / "example.mjs"
    script.write_text(example.text)
    done = subprocess.run(["node", "--check", script], cwd=node, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("example", [each for each in examples("js") if "listCourses" in each.text], ids=named)
def test_amplify(example: Example, server: ServerProcess, node: Path) -> None:
    key = server.app("api-key")
    script = addressed(example.text, server).replace('"da2-…"', "KEY")
    if "import " not in script:
        script = 'import { Amplify } from "aws-amplify"; import { generateClient } from "aws-amplify/api";\n' + script
    script = f"const KEY = {json.dumps(key)};\n{script}\nconsole.log(JSON.stringify(data)); process.exit(0);"
    done = subprocess.run(
        ["node", "--input-type=module", "-"],
        input=script,
        cwd=node,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["listCourses"]["items"]


def command(example: Example, server: ServerProcess, node: Path, token: str) -> list[str]:
    """Runs an example for ever, in its language."""
    match example.language:
        case "sh":
            return bash(example.text, server)
        case "python":
            script = f"import asyncio\ntoken = {token!r}\n{coroutine(example, server)}\nasyncio.run(run())"
            return [sys.executable, "-u", "-c", script]
        case _:
            text = addressed(example.text, server).replace("./examples", (ROOT / "examples").as_uri())
            before = f'import {{ WebSocket }} from "ws"; globalThis.WebSocket = WebSocket; const TOKEN = "{token}";'
            return ["node", "--input-type=module", "-e", f"{before}\n{text}"]


@pytest.mark.parametrize("example", [each for each in examples("sh", "js", "python") if listens(each)], ids=named)
def test_what_listens_hears_what_is_sent(example: Example, server: ServerProcess, node: Path) -> None:
    (sending,) = (each for each in examples("sh") if "sendMessage" in each.text)
    token = server.app("token", "ada")
    listening = subprocess.Popen(
        command(example, server, node, token),
        cwd=node if example.language == "js" else ROOT,
        env=environment(server),
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    heard = threading.Event()

    def listen() -> None:
        assert listening.stdout is not None
        for line in listening.stdout:
            if b"Hello!" in line:
                heard.set()

    threading.Thread(target=listen, daemon=True).start()
    try:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not heard.wait(0.1):
            assert time.monotonic() < deadline
            assert listening.poll() is None
            assert shell(sending.text, server).returncode == 0
    finally:
        os.killpg(listening.pid, signal.SIGKILL)
        listening.wait()


@pytest.mark.parametrize("size", [1000, 5_000_000], ids=["at once", "in parts"])
def test_the_upload_example(server: ServerProcess, node: Path, size: int) -> None:
    (example,) = (each for each in examples("js") if "initiateUpload" in each.text)
    token = server.app("token", "ada")
    multipart = ", multipart: true, partSizeBytes: 5 * 1024 ** 2" if size > 1000 else ""
    script = f"""
{example.text.replace("sizeBytes: file.size", f"sizeBytes: file.size{multipart}")}
const ask = async (query, variables) => {{
  const body = JSON.stringify({{ query, variables }});
  const headers = {{ authorization: {json.dumps(token)}, "content-type": "application/json" }};
  const answer = await (await fetch("{server.endpoint}", {{ method: "POST", headers, body }})).json();
  if (answer.errors) throw new Error(JSON.stringify(answer.errors));
  return answer.data;
}};
const text = "Waders\\n".repeat({size});
const file = new File([text], "waders.txt", {{ type: "text/plain" }});
console.log(JSON.stringify(await upload(ask, file, "DOCUMENT", "LESSON")));
"""
    done = subprocess.run(
        ["node", "--input-type=module", "-"],
        input=script,
        cwd=node,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["status"] in ("SCANNING", "READY")


def test_the_error_has_the_shape_of_errors(server: ServerProcess) -> None:
    (example,) = examples("json")
    told = json.loads(example.text)
    ask = f"""curl -s http://{_ORIGIN}/graphql -H "authorization: $(python -m app token ada)" \
        -H 'content-type: application/json' -d '{{"query": "mutation {{ dropCourse(courseId: 1) {{ id }} }}"}}'"""
    (real,) = json.loads(shell(ask, server).stdout)["errors"]
    assert told.keys() == real.keys()
    assert told["extensions"].keys() == real["extensions"].keys()
