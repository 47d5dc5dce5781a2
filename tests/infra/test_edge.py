"""The edge is all that the world reaches."""

import json
from typing import Any

import pytest

from tests.infra.templates import Deployed


def distributions(deployed: Deployed) -> list[dict[str, Any]]:
    return [each.properties["DistributionConfig"] for each in deployed.resources("AWS::CloudFront::Distribution")]


def names(deployed: Deployed) -> set[str]:
    return {each["Aliases"][0] for each in distributions(deployed)}


@pytest.mark.requirement("E4", "E49", "E56", "Y3", "Y16", "K82")
def test_cloudfront_stands_before_the_server_and_the_web_client(prod: Deployed) -> None:
    assert names(prod) == {"educonnect.example", "api.educonnect.example"}


@pytest.mark.requirement("E4", "E56")
def test_dns_names_lead_to_the_distributions(deployed: Deployed) -> None:
    records = {
        each.properties["Name"].rstrip(".") for each in deployed.resources("AWS::Route53::RecordSet", stack="edge")
    }
    assert records == names(deployed)


@pytest.mark.requirement("E2", "K75", "Y22", "C32")
def test_clients_speak_tls_from_1_2_on(deployed: Deployed) -> None:
    for each in distributions(deployed):
        assert each["ViewerCertificate"]["MinimumProtocolVersion"] == "TLSv1.2_2021"
        assert each["DefaultCacheBehavior"]["ViewerProtocolPolicy"] in ("https-only", "redirect-to-https")


@pytest.mark.requirement("E41", "E43", "V2", "V32", "K74")
def test_waf_stands_before_every_distribution(deployed: Deployed) -> None:
    assert all(each["WebACLId"] for each in distributions(deployed))
    [acl] = deployed.resources("AWS::WAFv2::WebACL", stack="global")
    assert acl.properties["Scope"] == "CLOUDFRONT"


@pytest.mark.requirement("V3", "E41", "E43", "Y15")
def test_waf_holds_back_floods_and_large_bodies(deployed: Deployed) -> None:
    for acl in deployed.resources("AWS::WAFv2::WebACL"):
        rules = {rule["Name"]: rule for rule in acl.properties["Rules"]}
        assert rules["RequestsOfOneAddress"]["Statement"]["RateBasedStatement"]["AggregateKeyType"] == "IP"
        assert rules["LargeBodies"]["Action"] == {"Block": {}}
        assert {"AmazonIpReputationList", "KnownBadInputsRuleSet", "CommonRuleSet"} <= rules.keys()


def test_wafs_log_holds_no_credentials(deployed: Deployed) -> None:
    for log in deployed.resources("AWS::WAFv2::LoggingConfiguration"):
        redacted = log.properties["RedactedFields"]
        headers = {each["SingleHeader"]["Name"] for each in redacted if "SingleHeader" in each}
        assert {"authorization", "x-api-key", "sec-websocket-protocol"} <= headers
        assert {"QueryString": {}} in redacted


def test_no_answer_of_the_api_is_cached(prod: Deployed) -> None:
    [api] = [each for each in distributions(prod) if each["Aliases"] == ["api.educonnect.example"]]
    caching_disabled, all_viewer = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad", "216adef6-5c7f-47e4-b989-5492eafa07d3"
    assert api["DefaultCacheBehavior"]["CachePolicyId"] == caching_disabled
    assert api["DefaultCacheBehavior"]["OriginRequestPolicyId"] == all_viewer


@pytest.mark.requirement("V34", "Y21")
def test_the_server_is_reached_inside_the_network_only(deployed: Deployed) -> None:
    assert deployed.one("AWS::ElasticLoadBalancingV2::LoadBalancer").properties["Scheme"] == "internal"
    origin = deployed.one("AWS::CloudFront::VpcOrigin").properties["VpcOriginEndpointConfig"]
    assert origin["OriginProtocolPolicy"] == "https-only"


@pytest.mark.requirement("K2", "C2", "Y13")
def test_the_web_client_comes_from_a_private_bucket(deployed: Deployed) -> None:
    [site] = [each for each in distributions(deployed) if each.get("DefaultRootObject")]
    assert site["Origins"][0]["OriginAccessControlId"]
    [bucket] = deployed.resources("AWS::S3::Bucket", stack="edge")
    assert set(bucket.properties["PublicAccessBlockConfiguration"].values()) == {True}


@pytest.mark.requirement("E67", "V38")
def test_the_price_class_follows_the_environment(deployed: Deployed) -> None:
    wanted = "PriceClass_All" if deployed.environment == "prod" else "PriceClass_100"
    assert {each["PriceClass"] for each in distributions(deployed)} == {wanted}


@pytest.mark.requirement("E36", "V48")
def test_distributions_have_logs_and_metrics_of_their_cache(deployed: Deployed) -> None:
    assert all(each["Logging"]["Prefix"].startswith("cloudfront/") for each in distributions(deployed))
    assert len(deployed.resources("AWS::CloudFront::MonitoringSubscription")) == len(distributions(deployed))


def test_what_cloudfront_needs_is_in_its_region(synthesized: Any) -> None:
    stacks = json.loads((synthesized / "prod" / "manifest.json").read_text())["artifacts"]
    assert stacks["global"]["environment"].endswith("/us-east-1")


@pytest.mark.requirement("E42", "K74")
def test_shield_advanced_is_off_as_it_is_a_decision_for_the_account(deployed: Deployed) -> None:
    assert deployed.resources("AWS::Shield::Protection") == []
