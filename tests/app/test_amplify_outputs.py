"""The file that Amplify's clients are configured with."""

import json
from pathlib import Path

import pytest

from app.amplify_outputs import of_server
from app.cli.main import main
from app.settings import Settings

POOL = {"COGNITO_USER_POOL_ID": "eu-west-1_abc", "COGNITO_CLIENT_IDS": "client"}


def test_a_server_without_tls_is_dialled_so_that_subscriptions_work() -> None:
    file = of_server(Settings.load({"PORT": "8123"}), "a-key")
    assert file["version"].startswith("1.")
    assert file["data"]["url"] == "HTTP://127.0.0.1:8123/graphql"
    assert (file["data"]["default_authorization_type"], file["data"]["api_key"]) == ("API_KEY", "a-key")
    assert "auth" not in file


def test_a_server_with_a_user_pool_tells_it() -> None:
    file = of_server(Settings.load({**POOL, "PUBLIC_URL": "https://learn.example"}), None)
    assert file["data"]["url"] == "https://learn.example/graphql"
    assert file["data"]["default_authorization_type"] == "AMAZON_COGNITO_USER_POOLS"
    assert "api_key" not in file["data"]
    assert (file["auth"]["aws_region"], file["auth"]["user_pool_client_id"]) == ("eu-west-1", "client")
    assert file["auth"]["groups"][0] == {"Students": {"precedence": 0}}


def test_the_file_of_this_server_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["amplify-outputs", "--api-key", "a-key"]) == 0
    assert json.loads(capsys.readouterr().out)["data"]["api_key"] == "a-key"


def test_what_the_stacks_tell_is_written_as_it_is(tmp_path: Path) -> None:
    told = {"version": "1.4", "data": {"url": "https://appsync.learn.example/graphql"}}
    stacks = {"educonnect-dev-appsync": {"AmplifyOutputs": json.dumps(told)}, "educonnect-dev-edge": {}}
    source, target = tmp_path / "stacks.json", tmp_path / "amplify_outputs.json"
    source.write_text(json.dumps(stacks))
    assert main(["amplify-outputs", "--stacks", str(source), "--output", str(target)]) == 0
    assert json.loads(target.read_text()) == told


@pytest.mark.parametrize("content", ["{}", "[]", "no json", '{"x-appsync": {"AmplifyOutputs": "no json"}}'])
def test_a_file_without_the_api_is_said_so(content: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "stacks.json"
    source.write_text(content)
    assert main(["amplify-outputs", "--stacks", str(source)]) == 2
    assert str(source) in capsys.readouterr().err
