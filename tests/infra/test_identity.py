"""The user pool: our groups, strong passwords, second factors, no user who can be guessed."""

import pytest

from domain.callers import Group
from tests.infra.templates import Deployed

POOL = "AWS::Cognito::UserPool"


@pytest.mark.requirement("V7", "Y22")
def test_the_pools_groups_are_those_that_the_product_knows(deployed: Deployed) -> None:
    groups = deployed.resources("AWS::Cognito::UserPoolGroup")
    assert {each.properties["GroupName"] for each in groups} == {group.value for group in Group}


@pytest.mark.requirement("K5", "V9")
def test_users_may_have_a_second_factor_by_app_or_text_message(deployed: Deployed) -> None:
    pool = deployed.one(POOL).properties
    assert pool["MfaConfiguration"] == "OPTIONAL"
    assert set(pool["EnabledMfas"]) == {"SMS_MFA", "SOFTWARE_TOKEN_MFA"}


@pytest.mark.requirement("V9")
def test_stolen_passwords_and_strange_sign_ins_are_stopped(deployed: Deployed) -> None:
    pool = deployed.one(POOL).properties
    assert pool["UserPoolTier"] == "PLUS"
    assert pool["UserPoolAddOns"] == {"AdvancedSecurityMode": "ENFORCED"}


@pytest.mark.requirement("K9")
def test_passwords_are_long_and_accounts_are_recovered_by_mail(deployed: Deployed) -> None:
    pool = deployed.one(POOL).properties
    rules = pool["Policies"]["PasswordPolicy"]
    assert rules["MinimumLength"] >= 12
    assert all(rules[f"Require{kind}"] for kind in ("Lowercase", "Uppercase", "Numbers", "Symbols"))
    assert pool["AccountRecoverySetting"]["RecoveryMechanisms"] == [{"Name": "verified_email", "Priority": 1}]
    assert pool["AutoVerifiedAttributes"] == ["email"]


@pytest.mark.requirement("V35", "V7")
@pytest.mark.parametrize("environment", ["staging", "prod"])
def test_the_pool_does_not_go_with_its_stack(synthesized_environments: dict[str, Deployed], environment: str) -> None:
    pool = synthesized_environments[environment].one(POOL)
    assert pool.properties["DeletionProtection"] == "ACTIVE"
    assert pool.body["DeletionPolicy"] == "Retain"


@pytest.mark.requirement("V7", "K76")
def test_clients_keep_no_secret_and_send_no_password(deployed: Deployed) -> None:
    client = deployed.one("AWS::Cognito::UserPoolClient").properties
    assert client["GenerateSecret"] is False
    assert set(client["ExplicitAuthFlows"]) == {"ALLOW_USER_SRP_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"}
    assert client["AllowedOAuthFlows"] == ["code"]
    assert client["PreventUserExistenceErrors"] == "ENABLED"
    assert client["EnableTokenRevocation"] is True


@pytest.mark.requirement("K76", "V7")
def test_only_who_signed_in_gets_credentials(deployed: Deployed) -> None:
    pool = deployed.one("AWS::Cognito::IdentityPool")
    assert pool.properties["AllowUnauthenticatedIdentities"] is False
    roles = deployed.one("AWS::Cognito::IdentityPoolRoleAttachment").properties["Roles"]
    assert set(roles) == {"authenticated"}


@pytest.mark.requirement("K6")
@pytest.mark.parametrize("option", ["social"], indirect=True)
def test_as_an_option_users_sign_in_elsewhere(option: Deployed) -> None:
    providers = {
        each.properties["ProviderName"]: each.properties
        for each in option.resources("AWS::Cognito::UserPoolIdentityProvider")
    }
    assert {name: each["ProviderType"] for name, each in providers.items()} == {
        "Google": "Google",
        "Facebook": "Facebook",
        "LinkedIn": "OIDC",
    }
    for name, each in providers.items():
        secret = each["ProviderDetails"]["client_secret"]
        assert secret.startswith(f"{{{{resolve:secretsmanager:educonnect-prod-{name}:"), (
            "a secret is never in a template"
        )
    client = option.one("AWS::Cognito::UserPoolClient").properties
    assert set(client["SupportedIdentityProviders"]) == {"COGNITO", *providers}
