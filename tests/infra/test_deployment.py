"""The templates deploy, and what they make answers: a user of the pool asks the API, it the function, it the tables."""

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest

from datasources.local.web_push_key import new_key
from datasources.tables import ALL
from tests.infra.emulator import Emulator, running_emulator

STACKS = ("data", "identity", "messaging", "storage", "secrets", "appsync")


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    with running_emulator(tmp_path_factory.mktemp("emulator")) as running:
        yield running


@pytest.fixture(scope="module")
def made(emulator: Emulator, synthesized: Path) -> dict[str, dict[str, str]]:
    """Physical ids by stack and name in its template."""
    deployed = {stack: emulator.deploy(synthesized / "dev", stack) for stack in STACKS}
    # Secrets Manager makes secrets of letters and digits, as the template says; the emulator puts punctuation in.
    known = {"CURSOR_SECRET": token_hex(32), "WEB_PUSH_KEY": new_key()}
    secrets = emulator.client("secretsmanager")
    secrets.put_secret_value(SecretId="educonnect-dev-functions", SecretString=json.dumps(known))
    return deployed


def found(made: dict[str, str], name: str) -> str:
    """The physical id of the resource whose name in the template is this, but for CDK's hash."""
    [only] = [each for logical, each in made.items() if logical.startswith(name) and len(logical) == len(name) + 8]
    return only


def token(emulator: Emulator, pool: str, client: str, email: str) -> str:
    cognito = emulator.client("cognito-idp")
    cognito.admin_create_user(UserPoolId=pool, Username=email, UserAttributes=[{"Name": "email", "Value": email}])
    cognito.admin_set_user_password(UserPoolId=pool, Username=email, Password="Correct-horse-7!", Permanent=True)
    cognito.admin_add_user_to_group(UserPoolId=pool, Username=email, GroupName="Students")
    # Clients prove that they know the password (SRP); this way is for a test, and the template does not open it.
    cognito.update_user_pool_client(
        UserPoolId=pool, ClientId=client, ExplicitAuthFlows=["ALLOW_ADMIN_USER_PASSWORD_AUTH"]
    )
    answer = cognito.admin_initiate_auth(
        UserPoolId=pool,
        ClientId=client,
        AuthFlow="ADMIN_USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": email, "PASSWORD": "Correct-horse-7!"},
    )
    return str(answer["AuthenticationResult"]["IdToken"])


def ask(emulator: Emulator, api_id: str, credentials: dict[str, str], document: str) -> Any:
    request = urllib.request.Request(
        f"{emulator.url}/v1/apis/{api_id}/graphql",
        data=json.dumps({"query": document}).encode(),
        headers={"content-type": "application/json", **credentials},
    )
    with urllib.request.urlopen(request, timeout=120) as answer:
        return json.load(answer)


@pytest.mark.requirement("K96", "K12", "K28")
def test_a_user_of_the_pool_reads_through_the_api_what_the_function_finds_in_the_tables(
    emulator: Emulator, made: dict[str, dict[str, str]]
) -> None:
    tables = emulator.client("dynamodb").list_tables()["TableNames"]
    assert {f"educonnect-dev-{table.name}" for table in ALL} <= set(tables)
    pool, client = found(made["identity"], "Users"), found(made["identity"], "UsersClients")
    signed_in = {"authorization": token(emulator, pool, client, "ada@educonnect.example")}
    answer = ask(emulator, made["appsync"]["Api"], signed_in, "{ getMe { id email roles } }")
    assert "errors" not in answer, answer
    me = answer["data"]["getMe"]
    assert (me["email"], me["roles"]) == ("ada@educonnect.example", ["STUDENT"])
    stored = emulator.client("dynamodb").get_item(
        TableName="educonnect-dev-Users", Key={"userId": {"S": me["id"]}}, ConsistentRead=True
    )
    assert stored["Item"]["email"] == {"S": "ada@educonnect.example"}


@pytest.mark.requirement("K96")
def test_little_is_left_out_of_what_is_deployed(emulator: Emulator, made: dict[str, dict[str, str]]) -> None:
    """Names, firewalls and deployments by stages, which the emulator does not have."""
    assert {each.partition("/")[0] for each in emulator.left_out} == {"appsync"}
    assert len(emulator.left_out) <= 10
