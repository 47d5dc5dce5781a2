"""Settings: what the environment may say, and how all its faults are told at once."""

from pathlib import Path

import pytest

from app.settings import Settings, SettingsFault

PRODUCTION = {
    "ENVIRONMENT": "production",
    "HOST": "0.0.0.0",  # noqa: S104 - a setting, nothing is bound
    "RECORDS": "dynamodb",
    "BLOBS": "s3",
    "S3_BUCKET": "school-files",
    "CORS_ORIGINS": "https://school.example",
    "CURSOR_SECRET": "c" * 40,
    "COGNITO_USER_POOL_ID": "eu-west-1_AbCdEf123",
    "COGNITO_CLIENT_IDS": "web",
}


def faults(**environment: str) -> list[str]:
    with pytest.raises(SettingsFault) as caught:
        Settings.load(environment)
    return list(caught.value.faults)


def test_nothing_needs_to_be_set_on_a_laptop():
    settings = Settings.load({})
    assert (settings.host, settings.port, settings.data_dir) == ("127.0.0.1", 8000, Path("data"))
    assert settings.records == "sqlite"
    assert settings.graphiql
    assert settings.introspection
    assert settings.local_issuer
    assert settings.seed_demo


def test_each_setting_is_read_from_the_variable_of_its_name():
    settings = Settings.load(
        {"PORT": "9000", "DATA_DIR": "x/y", "API_KEYS": f" {'a' * 20} , {'b' * 20},", "REQUEST_SECONDS": "2.5"}
    )
    assert (settings.port, settings.data_dir, settings.request_seconds) == (9000, Path("x/y"), 2.5)
    assert settings.api_keys == ("a" * 20, "b" * 20)


def test_an_empty_variable_counts_as_absent():
    assert Settings.load({"PORT": "", "OIDC_ISSUER": " "}) == Settings.load({})


@pytest.mark.parametrize(("text", "value"), [("true", True), ("on", True), ("1", True), ("No", False), ("off", False)])
def test_switches_take_the_usual_words(text, value):
    assert Settings.load({"GRAPHIQL": text}).graphiql is value


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("PORT", "80000"),
        ("PORT", "http"),
        ("PORT", "-1"),
        ("RECORDS", "mysql"),
        ("LAMBDA_AUTHORIZER_IDENTITY_REGEX", "("),
        ("GRAPHIQL", "maybe"),
        ("REQUEST_SECONDS", "nan"),
        ("REQUEST_SECONDS", "0"),
        ("MAX_BODY_BYTES", "1"),
        ("CORS_ORIGINS", "school.example"),
        ("CORS_ORIGINS", "https://school.example/path"),
        ("OIDC_ISSUER", "ftp://id.example"),
        ("COGNITO_USER_POOL_ID", "pool"),
        ("CURSOR_SECRET", "short"),
        ("IAM_KEYS", "no-secret"),
        ("LOG_LEVEL", "LOUD"),
        ("TABLE_PREFIX", "a/b"),
        ("MINIMUM_CLIENT_VERSION", "1"),
    ],
)
def test_what_a_setting_does_not_take_is_a_fault_that_says_what_it_takes(name, text):
    (fault,) = faults(**{name: text})
    assert fault.startswith(f"{name}: takes ")
    assert len(fault) > len(f"{name}: takes ")


def test_all_faults_come_in_one_message_and_without_values():
    found = faults(PORT="x", CURSOR_SECRET="hunter2", IAM_KEYS="hunter3", GRAPHIQL="x")
    assert [fault.split(":")[0] for fault in found] == ["PORT", "CURSOR_SECRET", "IAM_KEYS", "GRAPHIQL"]
    assert "hunter" not in "".join(found)


def test_a_repr_shows_no_value():
    assert "hunter" not in repr(Settings.load({"API_KEYS": "hunter" * 4}))


class TestProduction:
    def test_it_runs_when_all_choices_are_made_and_shows_nothing_of_a_demo(self):
        settings = Settings.load(PRODUCTION)
        demo = (settings.graphiql, settings.introspection, settings.local_issuer, settings.seed_demo)
        assert demo == (False, False, False, False)

    @pytest.mark.parametrize("name", ["HOST", "RECORDS", "CORS_ORIGINS"])
    def test_risky_choices_have_to_be_made(self, name):
        chosen = {key: value for key, value in PRODUCTION.items() if key != name}
        assert f"{name}: has to be chosen in production" in faults(**chosen)

    @pytest.mark.parametrize("name", ["GRAPHIQL", "SEED_DEMO"])
    def test_demo_parts_cannot_be_on(self, name):
        assert faults(**PRODUCTION, **{name: "true"}) == [f"{name}: cannot be on in production"]

    def test_there_has_to_be_a_way_to_sign_in(self):
        chosen = {key: value for key, value in PRODUCTION.items() if not key.startswith("COGNITO")}
        (fault,) = faults(**chosen)
        assert "sign in" in fault


class TestContradictions:
    def test_many_processes_need_one_secret(self):
        assert "CURSOR_SECRET" in faults(RECORDS="dynamodb")[0]

    def test_a_user_pool_takes_the_place_of_the_local_issuer(self):
        pool = {"COGNITO_USER_POOL_ID": "eu-west-1_AbCdEf123", "COGNITO_CLIENT_IDS": "web"}
        assert Settings.load(pool).local_issuer is False
        assert "LOCAL_ISSUER" in faults(**pool, LOCAL_ISSUER="on")[0]

    def test_tokens_are_accepted_for_named_clients_only(self):
        assert "COGNITO_CLIENT_IDS" in faults(COGNITO_USER_POOL_ID="eu-west-1_AbCdEf123")[0]
        assert "OIDC_CLIENT_IDS" in faults(OIDC_ISSUER="https://id.example")[0]

    def test_any_origin_stands_alone(self):
        assert "CORS_ORIGINS" in faults(CORS_ORIGINS="*,https://school.example")[0]
