"""AppSync with everything on Lambda, every way to sign in, and the options that cost extra."""

import json

import pytest

from app import sdl
from datasources.tables import ALL
from domain.callers import USER_MODES, Mode
from tests.infra.templates import Deployed

serverless = pytest.mark.parametrize("option", ["serverless"], indirect=True)


@serverless
@pytest.mark.requirement("K12")
def test_all_five_ways_to_sign_in_are_on(option: Deployed) -> None:
    api = option.one("AWS::AppSync::GraphQLApi").properties
    further = {each["AuthenticationType"] for each in api["AdditionalAuthenticationProviders"]}
    assert {api["AuthenticationType"], *further} == set(Mode)
    definition = option.one("AWS::AppSync::GraphQLSchema").properties["Definition"]
    assert definition == sdl.appsync_sdl(sdl.load(), USER_MODES)


@serverless
@pytest.mark.requirement("K27", "C23")
def test_nothing_runs_on_fargate(option: Deployed) -> None:
    assert not option.resources("AWS::ECS::Service")
    handlers = {each.properties["Handler"] for each in option.resources("AWS::Lambda::Function", stack="workers")}
    assert handlers == {f"app.functions.{name}.handler" for name in ("changes", "queue", "schedule")}


@serverless
@pytest.mark.requirement("Y15", "E5")
def test_paths_beside_graphql_are_answered_under_the_servers_name(option: Deployed) -> None:
    routes = {each.properties["RouteKey"] for each in option.resources("AWS::ApiGatewayV2::Route")}
    assert routes == {"ANY /playback/{rest+}", "ANY /multipart/{rest+}"}
    assert option.one("AWS::ApiGatewayV2::Api").properties["DisableExecuteApiEndpoint"] is True
    name = option.one("AWS::ApiGatewayV2::DomainName").properties
    assert name["DomainName"] == "api.dev.educonnect.example"
    assert name["DomainNameConfigurations"][0]["SecurityPolicy"] == "TLS_1_2"
    assert option.one("AWS::ApiGatewayV2::Stage").properties["DefaultRouteSettings"]["ThrottlingRateLimit"] > 0


@serverless
@pytest.mark.requirement("C29")
def test_failed_messages_come_again_alone(option: Deployed) -> None:
    sources = option.resources("AWS::Lambda::EventSourceMapping")
    assert len(sources) == len([table for table in ALL if table.feed]) + 3
    assert all(each.properties["FunctionResponseTypes"] == ["ReportBatchItemFailures"] for each in sources)


@serverless
@pytest.mark.requirement("E48")
def test_slow_steps_have_a_clock_of_their_own(option: Deployed) -> None:
    rules = option.resources("AWS::Events::Rule", stack="workers")
    inputs = sorted(each.properties["Targets"][0]["Input"] for each in rules)
    assert [json.loads(each) for each in inputs] == [{"steps": ["media-p", "exports"]}, {"steps": []}]
    assert all("DeadLetterConfig" in each.properties["Targets"][0] for each in rules)


@serverless
@pytest.mark.requirement("E42", "K74")
def test_shield_advanced_is_a_flag(option: Deployed, prod: Deployed) -> None:
    assert option.resources("AWS::Shield::Protection")
    assert not prod.resources("AWS::Shield::Protection")


@serverless
def test_the_database_for_reports_is_private_encrypted_and_off_by_default(option: Deployed, prod: Deployed) -> None:
    cluster = option.one("AWS::RDS::DBCluster").properties
    assert cluster["StorageEncrypted"] is True
    assert cluster["KmsKeyId"]
    assert all(not each.properties["PubliclyAccessible"] for each in option.resources("AWS::RDS::DBInstance"))
    assert not prod.resources("AWS::RDS::DBCluster")


@pytest.mark.requirement("E48")
def test_events_reach_appsyncs_subscribers_also_beside_our_server(deployed: Deployed) -> None:
    handlers = {each.properties["Handler"] for each in deployed.resources("AWS::Lambda::Function", stack="workers")}
    assert handlers == {"app.functions.changes.handler"}
    variables = deployed.one("AWS::Lambda::Function", stack="workers").properties["Environment"]["Variables"]
    assert "APPSYNC_URL" in variables
