"""The network: several zones, nothing public that need not be, private ways to AWS."""

import json

import pytest

from tests.infra.templates import Deployed, Resource

SUBNET, ENDPOINT = "AWS::EC2::Subnet", "AWS::EC2::VPCEndpoint"


def subnets(deployed: Deployed, kind: str) -> list[Resource]:
    return [
        each
        for each in deployed.resources(SUBNET, stack="network")
        if {"Key": "aws-cdk:subnet-type", "Value": kind} in each.properties["Tags"]
    ]


@pytest.mark.requirement("E55", "C28", "K95", "Y21")
@pytest.mark.parametrize("kind", ["Public", "Private", "Isolated"])
def test_each_kind_of_subnet_is_in_every_zone(deployed: Deployed, kind: str) -> None:
    zones = {each.properties["AvailabilityZone"] for each in subnets(deployed, kind)}
    wanted = {"eu-central-1a", "eu-central-1b"} | ({"eu-central-1c"} if deployed.environment == "prod" else set())
    assert zones == wanted


@pytest.mark.requirement("E55")
def test_in_production_no_zone_needs_another(prod: Deployed) -> None:
    assert len(prod.resources("AWS::EC2::NatGateway")) == 3


@pytest.mark.requirement("K73", "Y22")
def test_nothing_gets_a_public_address_by_itself(deployed: Deployed) -> None:
    for subnet in deployed.resources(SUBNET, stack="network"):
        assert subnet.properties["MapPublicIpOnLaunch"] is False, subnet


@pytest.mark.requirement("K73", "Y22")
def test_subnets_of_data_have_no_way_out(deployed: Deployed) -> None:
    isolated = {each.name for each in subnets(deployed, "Isolated")}
    tables = {
        each.properties["RouteTableId"]["Ref"]
        for each in deployed.resources("AWS::EC2::SubnetRouteTableAssociation", stack="network")
        if each.properties["SubnetId"]["Ref"] in isolated
    }
    routes = {each.properties["RouteTableId"]["Ref"] for each in deployed.resources("AWS::EC2::Route", stack="network")}
    assert len(tables) == len(isolated)
    assert tables.isdisjoint(routes)


@pytest.mark.requirement("V18", "K73", "C32")
def test_an_acl_lets_the_networks_own_addresses_alone_reach_data(deployed: Deployed) -> None:
    acl = deployed.one("AWS::EC2::NetworkAcl")
    entries = deployed.resources("AWS::EC2::NetworkAclEntry")
    assert {(each.properties["CidrBlock"], each.properties["Egress"]) for each in entries} == {
        ("10.20.0.0/16", True),
        ("10.20.0.0/16", False),
    }
    assert all(each.properties["NetworkAclId"] == {"Ref": acl.name} for each in entries)
    covered = {
        each.properties["SubnetId"]["Ref"] for each in deployed.resources("AWS::EC2::SubnetNetworkAclAssociation")
    }
    assert covered == {each.name for each in subnets(deployed, "Isolated")}


@pytest.mark.requirement("V18", "C32")
def test_s3_and_dynamodb_are_reached_without_the_internet(deployed: Deployed) -> None:
    gateways = [each for each in deployed.resources(ENDPOINT) if each.properties["VpcEndpointType"] == "Gateway"]
    told = json.dumps([each.properties["ServiceName"] for each in gateways])
    assert len(gateways) == 2
    assert ".s3" in told
    assert ".dynamodb" in told


@pytest.mark.requirement("V18", "C32", "K76")
@pytest.mark.parametrize("environment", ["staging", "prod"])
def test_other_services_have_private_endpoints(synthesized_environments: dict[str, Deployed], environment: str) -> None:
    endpoints = synthesized_environments[environment].resources(ENDPOINT)
    inside = [each for each in endpoints if each.properties["VpcEndpointType"] == "Interface"]
    told = json.dumps([each.properties["ServiceName"] for each in inside])
    for service in ("sqs", "sns", "kms", "secretsmanager", "logs", "monitoring", "ecr.dkr", "xray", "sts"):
        assert f".{service}" in told
    assert all(each.properties["PrivateDnsEnabled"] is True for each in inside)


@pytest.mark.requirement("V18", "K73")
def test_endpoints_hear_https_of_the_network_alone(prod: Deployed) -> None:
    group = prod.one("AWS::EC2::SecurityGroup", stack="network")
    [rule] = group.properties["SecurityGroupIngress"]
    assert (rule["CidrIp"], rule["FromPort"], rule["ToPort"]) == ("10.20.0.0/16", 443, 443)


@pytest.mark.requirement("E44", "K73")
def test_what_flows_is_logged(deployed: Deployed) -> None:
    assert deployed.one("AWS::EC2::FlowLog", stack="network").properties["TrafficType"] == "ALL"
