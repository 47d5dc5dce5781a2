"""The API on AppSync is the contract's, and no more open than the server is."""

import json
from typing import Any

import pytest

import resolvers
from app import sdl
from app.appsync.fields import field_resolvers
from domain.callers import Mode
from tests.infra.policies import actions, allowed, listed
from tests.infra.templates import Deployed


def api(deployed: Deployed) -> dict[str, Any]:
    return deployed.one("AWS::AppSync::GraphQLApi").properties


@pytest.mark.requirement("K12")
def test_every_field_with_a_resolver_has_one(deployed: Deployed) -> None:
    made = {
        (each["TypeName"], each["FieldName"], each.get("MaxBatchSize", 0))
        for each in (resource.properties for resource in deployed.resources("AWS::AppSync::Resolver"))
    }
    assert made == {
        (each.type_name, each.field_name, each.max_batch_size) for each in field_resolvers(resolvers.registry)
    }


@pytest.mark.requirement("K12", "E5")
def test_the_schema_is_the_exported_one(prod: Deployed) -> None:
    definition = prod.one("AWS::AppSync::GraphQLSchema").properties["Definition"]
    assert definition == sdl.appsync_sdl(sdl.load(), frozenset({Mode.COGNITO}))


def test_resolvers_wait_for_the_schema(prod: Deployed) -> None:
    [schema] = prod.resources("AWS::AppSync::GraphQLSchema")
    assert all(schema.name in listed(each.body["DependsOn"]) for each in prod.resources("AWS::AppSync::Resolver"))


def test_ways_to_sign_in_that_need_no_choice_are_on(prod: Deployed) -> None:
    modes = {each["AuthenticationType"] for each in api(prod)["AdditionalAuthenticationProviders"]}
    assert api(prod)["AuthenticationType"] == Mode.COGNITO
    assert modes == {Mode.API_KEY, Mode.IAM}


@pytest.mark.requirement("E41", "E43", "V3", "K74", "Y15")
def test_waf_stands_before_it(deployed: Deployed) -> None:
    [acl] = deployed.resources("AWS::WAFv2::WebACL", stack="appsync")
    association = deployed.one("AWS::WAFv2::WebACLAssociation").properties
    assert association["WebACLArn"] == {"Fn::GetAtt": [acl.name, "Arn"]}
    assert acl.properties["Scope"] == "REGIONAL"


@pytest.mark.requirement("E44", "C35")
def test_logs_tell_requests_but_not_what_users_say(deployed: Deployed) -> None:
    log = api(deployed)["LogConfig"]
    assert (log["FieldLogLevel"], log["ExcludeVerboseContent"]) == ("ERROR", True)


@pytest.mark.requirement("E47", "K48", "V15")
def test_requests_are_traced(deployed: Deployed) -> None:
    assert api(deployed)["XrayEnabled"] is True


def test_production_tells_nobody_its_schema(prod: Deployed) -> None:
    assert api(prod)["IntrospectionConfig"] == "DISABLED"
    assert api(prod)["QueryDepthLimit"] == 10


@pytest.mark.requirement("K16")
def test_only_what_is_the_same_for_everybody_is_cached(prod: Deployed) -> None:
    cached = {
        f"{each.properties['TypeName']}.{each.properties['FieldName']}"
        for each in prod.resources("AWS::AppSync::Resolver")
        if "CachingConfig" in each.properties
    }
    assert cached == {"Query.getServerInfo", "Query.listUploadRules"}
    cache = prod.one("AWS::AppSync::ApiCache").properties
    assert cache["ApiCachingBehavior"] == "PER_RESOLVER_CACHING"
    assert cache["AtRestEncryptionEnabled"]
    assert cache["TransitEncryptionEnabled"]


@pytest.mark.requirement("E2", "Y15")
def test_it_has_a_name_of_ours(deployed: Deployed) -> None:
    name = deployed.one("AWS::AppSync::DomainName").properties["DomainName"]
    assert name.startswith("appsync.")


@pytest.mark.requirement("K76")
def test_only_functions_may_publish_events_and_nothing_else(prod: Deployed) -> None:
    [statement] = [each for each in allowed(prod, role="Resolver") if listed(each["Action"]) == ["appsync:GraphQL"]]
    fields = {json.dumps(each).rpartition("/fields/")[2] for each in listed(statement["Resource"])}
    assert fields
    assert all(field.startswith("publish") for field in fields)


@pytest.mark.requirement("E15", "C33", "V17")
def test_the_function_behind_it_reads_no_queue_and_scans_no_table(prod: Deployed) -> None:
    may = actions(prod, "ResolverRole")
    assert {"dynamodb:Query", "s3:PutObject"} <= may
    assert not {action for action in may if action.startswith(("sqs:", "ses:", "iam:"))}
    assert "dynamodb:Scan" not in may


@pytest.mark.requirement("E11", "E50", "E44")
def test_functions_have_traces_and_logs_that_end(deployed: Deployed) -> None:
    ours = [
        each for each in deployed.resources("AWS::Lambda::Function") if "app.functions" in each.properties["Handler"]
    ]
    assert ours
    for each in ours:
        assert each.properties["TracingConfig"] == {"Mode": "Active"}
        assert each.properties["Architectures"] == ["arm64"]
        log = each.properties["LoggingConfig"]["LogGroup"]["Ref"]
        [group] = [found for found in deployed.resources("AWS::Logs::LogGroup") if found.name == log]
        assert group.properties["RetentionInDays"] > 0


@pytest.mark.requirement("C27", "K88")
def test_no_function_is_switched_off_by_a_concurrency_of_none(deployed: Deployed) -> None:
    for each in deployed.resources("AWS::Lambda::Function"):
        assert each.properties.get("ReservedConcurrentExecutions") != 0


@pytest.mark.requirement("E61", "C23", "K88")
def test_production_keeps_functions_warm(prod: Deployed) -> None:
    alias = prod.one("AWS::Lambda::Alias").properties
    assert alias["ProvisionedConcurrencyConfig"]["ProvisionedConcurrentExecutions"] > 0


@pytest.mark.requirement("K100")
def test_a_new_version_that_fails_goes_back(deployed: Deployed) -> None:
    group = deployed.one("AWS::CodeDeploy::DeploymentGroup").properties
    assert "DEPLOYMENT_STOP_ON_ALARM" in group["AutoRollbackConfiguration"]["Events"]
    assert group["AlarmConfiguration"]["Enabled"] is True
    assert group["DeploymentConfigName"] == "CodeDeployDefault.LambdaCanary10Percent5Minutes"
