"""`python -m app`: what each command prints, where, and how it ends."""

import json
import logging
import os
import re
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import jwt
import pytest

from app import sdl
from app.auth.local_issuer import user_id
from app.cli.main import main
from app.cli.schema import generated
from app.version import VERSION
from tests.dynamodb_emulator import REGION, Emulator
from tests.server_process import ROOT, ServerProcess, server_process


def app(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "app", *arguments],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def claims(token: str) -> dict:
    return jwt.decode(token, options={"verify_signature": False})


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory):
    with server_process(tmp_path_factory.mktemp("cli") / "data") as server:
        yield server


@pytest.fixture
def fault(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Runs a command that has to fail, and returns what it says on stderr."""
    handlers = logging.getLogger().handlers[:]

    def run(*arguments: str, **environment: str) -> str:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        assert main(arguments) == 2
        said = capsys.readouterr()
        assert said.out == ""
        return said.err

    yield run
    logging.getLogger().handlers[:] = handlers


class TestArguments:
    def test_help_names_every_command(self, capsys):
        with pytest.raises(SystemExit) as ended:
            main(["--help"])
        assert ended.value.code == 0
        said = capsys.readouterr().out
        for command in ("serve", "schema", "token", "api-key", "seed", "tables"):
            assert command in said

    def test_help_imports_nothing_but_the_standard_library(self):
        code = "import sys; from app.cli.main import _parser; _parser(); print(sorted(sys.modules))"
        done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
        assert not {"msgspec", "graphql", "starlette", "uvicorn"} & set(re.findall(r"'(\w+)'", done.stdout))

    @pytest.mark.parametrize(
        "arguments", [["nothing"], ["schema"], ["token"], ["tables"], ["token", "ada", "--ttl", "x"]]
    )
    def test_what_is_no_command_ends_with_2(self, arguments):
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        assert ended.value.code == 2


class TestFaults:
    @pytest.mark.parametrize(
        ("arguments", "environment", "words"),
        [
            (["serve"], {"PORT": "x", "LOG_LEVEL": "LOUD"}, ["PORT: takes", "LOG_LEVEL: takes"]),
            (["serve", "--port", "x"], {}, ["PORT: takes"]),
            (["serve"], {"LAMBDA_AUTHORIZER": "no.such:function", "PORT": "0"}, ["LAMBDA_AUTHORIZER"]),
            (["serve"], {"OIDC_ISSUER": "http://id.example", "OIDC_CLIENT_IDS": "a", "PORT": "0"}, ["https"]),
            (["serve"], {"HOST": "192.0.2.1"}, ["Cannot listen on port 8000 of 192.0.2.1"]),
            (["token", "ada"], {"LOCAL_ISSUER": "off"}, ["LOCAL_ISSUER is off"]),
            (["token", "ada", "--group", "Kings"], {}, ["no group 'Kings'", "Mentors"]),
            (["token", "a da"], {}, ["username"]),
            (["token", "ada", "--ttl", "0"], {}, ["seconds"]),
            (["token", "a\udcffda"], {}, ["username"]),
            (["api-key", "--days", "400"], {}, ["365"]),
            (["tables", "create"], {}, ["RECORDS=dynamodb"]),
            (["schema", "diff", "no-such-revision"], {}, ["no-such-revision"]),
            (["schema", "diff", "--", "--output=x"], {}, ["revision"]),
            (["schema", "export", "--appsync"], {"LOCAL_ISSUER": "off"}, ["sign in"]),
            (["schema", "export", "--output", "/no/such/folder/x"], {}, ["/no/such/folder/x"]),
            (["plan", "{ nope }"], {}, ["'nope' in type 'Query' is undefined"]),
            (["plan", "{ getMe { id } }", "--variables", "[]"], {}, ["JSON object"]),
            (["plan", "{ __schema { types { name } } }"], {}, ["graphql-core executes this"]),
        ],
        ids=lambda value: " ".join(value) if isinstance(value, list) else "",
    )
    def test_a_fault_is_told_in_words_and_ends_with_2(self, fault, tmp_path: Path, arguments, environment, words):
        said = fault(*arguments, DATA_DIR=str(tmp_path), **environment)
        for word in words:
            assert word in said

    def test_a_folder_that_cannot_be_used(self, fault, tmp_path: Path):
        (tmp_path / "data").write_text("a file")
        assert str(tmp_path / "data") in fault("serve", DATA_DIR=str(tmp_path / "data"), PORT="0")

    def test_a_file_that_is_no_database(self, fault, tmp_path: Path):
        (tmp_path / "records.db").write_text("this is no database" * 1000)
        assert "records.db" in fault("serve", DATA_DIR=str(tmp_path), PORT="0")

    @pytest.mark.parametrize("name", ["issuer-key.pem", "cursor-secret"])
    def test_a_key_file_that_is_damaged(self, fault, tmp_path: Path, name):
        (tmp_path / name).write_text("")
        assert f"{tmp_path / name} is damaged" in fault("serve", DATA_DIR=str(tmp_path), PORT="0")

    def test_a_port_that_is_taken(self, fault, server: ServerProcess, tmp_path: Path):
        said = fault("serve", "--port", str(server.port), DATA_DIR=str(tmp_path))
        assert f"port {server.port}" in said

    def test_a_process_ends_as_its_command_does(self):
        done = app("serve", PORT="x")
        assert (done.returncode, done.stdout) == (2, "")
        assert "PORT: takes" in done.stderr


class TestSchema:
    def test_the_contract_has_no_findings(self, capsys):
        assert main(["schema", "check"]) == 0
        assert capsys.readouterr().out == ""

    def test_findings_are_printed_and_end_with_1(self, capsys, monkeypatch):
        monkeypatch.setattr("app.cli.schema.findings_of", lambda _: ["courses.graphql:1 Course: bad"])
        assert main(["schema", "check"]) == 1
        assert capsys.readouterr().out == "courses.graphql:1 Course: bad\n"

    def test_what_breaks_clients_is_printed_and_ends_with_1(self, capsys, monkeypatch):
        monkeypatch.setattr("app.cli.schema.at_revision", lambda revision, _: sdl.load())
        assert main(["schema", "diff", "main"]) == 0
        assert capsys.readouterr().out == ""
        monkeypatch.setattr("app.cli.schema.breaking_changes", lambda before, after: ["Query.me was removed."])
        assert main(["schema", "diff", "main"]) == 1
        assert capsys.readouterr().out == "Query.me was removed.\n"

    def test_export_writes_one_document(self, tmp_path: Path, capsys):
        assert main(["schema", "export", "--output", str(tmp_path / "schema.graphql")]) == 0
        assert main(["schema", "export"]) == 0
        written = (tmp_path / "schema.graphql").read_text()
        assert written == capsys.readouterr().out
        assert "type Query" in written
        assert "extend type" not in written

    def test_export_for_appsync_names_the_deployments_user_modes(self):
        oidc = {"OIDC_ISSUER": "https://id.example", "OIDC_CLIENT_IDS": "web"}
        assert "@aws_oidc" in app("schema", "export", "--appsync", **oidc).stdout
        assert "@aws_oidc" not in app("schema", "export", "--appsync").stdout

    @pytest.mark.parametrize("path", generated(), ids=lambda path: path.name)
    def test_generated_files_are_fresh(self, path: Path):
        assert path.read_text() == generated()[path], "run: ./dev generate"


def test_the_version_is_the_projects():
    assert f'\nversion = "{VERSION}"\n' in (ROOT / "pyproject.toml").read_text()


class TestToken:
    def test_a_token_is_the_last_line_alone(self, server: ServerProcess):
        found = claims(server.app("token", "somebody", "--ttl", "60"))
        assert found["sub"] == user_id("somebody")
        assert found["token_use"] == "access"
        assert found["exp"] - found["iat"] == 60

    def test_a_new_user_is_a_student(self, server: ServerProcess):
        assert claims(server.app("token", "somebody"))["cognito:groups"] == ["Students"]

    def test_a_known_user_has_the_roles_that_are_stored(self, server: ServerProcess):
        assert claims(server.app("token", "ada"))["cognito:groups"] == ["Mentors"]

    def test_groups_can_be_chosen(self, server: ServerProcess):
        token = server.app("token", "ada", "--group", "Admins", "--group", "Students", "--id")
        assert claims(token)["cognito:groups"] == ["Admins", "Students"]
        assert claims(token)["token_use"] == "id"

    def test_the_running_server_accepts_it(self, server: ServerProcess):
        answer = ask(server, "{ getMe { roles } }", authorization=server.app("token", "ada"))
        assert answer["data"]["getMe"]["roles"] == ["MENTOR"]


def test_the_keys_that_the_server_publishes_verify_its_tokens(server: ServerProcess):
    token = server.app("token", "ada")
    with urllib.request.urlopen(f"{server.origin}/.well-known/openid-configuration", timeout=30) as response:
        configuration = json.loads(response.read())
    assert configuration["issuer"] == claims(token)["iss"]
    key = jwt.PyJWKClient(configuration["jwks_uri"]).get_signing_key_from_jwt(token)
    assert jwt.decode(token, key, algorithms=["RS256"])["username"] == "ada"


def test_in_production_nothing_of_the_demo_is_there(tmp_path: Path):
    production = {
        "ENVIRONMENT": "production",
        "HOST": "127.0.0.1",
        "RECORDS": "sqlite",
        "BLOBS": "files",
        "PUBLIC_URL": "https://api.school.example",
        "CORS_ORIGINS": "https://school.example",
        "LOCAL_ISSUER": "on",
    }
    with server_process(tmp_path / "data", **production) as server:
        for path in ("/graphiql", "/graphiql/config"):
            with pytest.raises(urllib.error.HTTPError, match="404"):
                urllib.request.urlopen(server.origin + path, timeout=30)
        token = server.app("token", "ada")
        assert claims(token)["cognito:groups"] == ["Students"]
        assert (
            ask(server, "{ listCourses { items { id } } }", authorization=token)["data"]["listCourses"]["items"] == []
        )
        introspection = ask(server, "{ __schema { types { name } } }", authorization=token)
        assert introspection["data"] is None
        assert "FieldUndefined" in introspection["errors"][0]["message"]


def test_the_running_server_accepts_a_new_api_key(server: ServerProcess):
    key = server.app("api-key", "--days", "1")
    assert re.fullmatch(r"da2-[a-z0-9]{26}", key)
    answer = ask(server, "{ getServerInfo { apiVersion } }", x_api_key=key)
    assert answer["data"]["getServerInfo"]["apiVersion"] == VERSION


def test_a_second_seed_changes_nothing(server: ServerProcess):
    done = app("seed", DATA_DIR=str(server.data_dir))
    assert done.returncode == 0
    assert "nothing was changed" in done.stderr


def test_the_server_ends_with_0_when_asked_and_keeps_secrets_out_of_its_log(tmp_path: Path):
    with server_process(tmp_path / "data", SEED_DEMO="off") as server:
        token = server.app("token", "ada")
        ask(server, "{ getMe { id } }", authorization=token)
        assert server.stop() == 0
        said = server.log.read_text()
    assert f"http://127.0.0.1:{server.port}/graphiql" in said
    assert "eyJ" not in said
    for line in said.splitlines():
        if line.startswith("{"):
            json.loads(line)


def test_dynamodbs_tables_are_made_and_then_served(emulator: Emulator, tmp_path: Path):
    on_dynamodb = {
        "RECORDS": "dynamodb",
        "AWS_ENDPOINT_URL": emulator.url,
        "AWS_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "emulated",
        "AWS_SECRET_ACCESS_KEY": "emulated",
        "TABLE_PREFIX": "cli-",
        "CURSOR_SECRET": "c" * 40,
        "SEED_DEMO": "off",
        "DATA_DIR": str(tmp_path),
    }
    missing = app("tables", "list", **on_dynamodb)
    assert missing.returncode == 1
    assert "cli-Courses\tmissing\n" in missing.stdout
    early = app("serve", **on_dynamodb, PORT="0")
    assert early.returncode == 2
    assert "tables create" in early.stderr
    assert "cli-Courses\n" in app("tables", "create", **on_dynamodb).stdout
    assert app("tables", "create", **on_dynamodb).stdout == ""
    there = app("tables", "list", **on_dynamodb)
    assert (there.returncode, "missing" in there.stdout) == (0, False)
    with server_process(tmp_path / "data", **{k: v for k, v in on_dynamodb.items() if k != "DATA_DIR"}) as server:
        answer = ask(
            server, "{ getMe { roles } listCourses { items { id } } }", authorization=server.app("token", "ada")
        )
        assert answer == {"data": {"getMe": {"roles": ["STUDENT"]}, "listCourses": {"items": []}}}


def ask(server: ServerProcess, query: str, **headers: str) -> dict:
    request = urllib.request.Request(
        server.endpoint,
        data=json.dumps({"query": query}).encode(),
        headers={
            "content-type": "application/json",
            **{name.replace("_", "-"): text for name, text in headers.items()},
        },
    )
    with urllib.request.urlopen(request, timeout=30) as response:
        return json.loads(response.read())


def test_a_start_imports_nothing_that_only_some_requests_need(tmp_path: Path):
    """All these together would take as long as everything that it does import."""
    with server_process(tmp_path / "data", SEED_DEMO="false", PYTHONPROFILEIMPORTTIME="1") as server:
        imported = {line.rpartition("|")[2].strip() for line in server.log.read_text().splitlines()}
    assert {"graphql", "starlette", "uvicorn"} <= imported
    clients_of_aws = {"boto3", "botocore", "aiobotocore", "aioboto3", "aiohttp", "awscrt"}
    media_and_faces = {"av", "PIL", "dlib", "numpy"}
    others = {"redis", "aiosmtplib", "pywebpush", "py_vapid", "opentelemetry", "emoji", "phonenumbers"}
    assert not imported & (clients_of_aws | media_and_faces | others)
