"""The network: private subnets in several zones, and ways from there to AWS that leave no private network."""

from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.acknowledgements import acknowledge
from infra.environments import Environment
from infra.stacks.base import EnvironmentStack, retention

ENDPOINTS = {
    "Sqs": ec2.InterfaceVpcEndpointAwsService.SQS,
    "Sns": ec2.InterfaceVpcEndpointAwsService.SNS,
    "Kms": ec2.InterfaceVpcEndpointAwsService.KMS,
    "Sts": ec2.InterfaceVpcEndpointAwsService.STS,
    "Secrets": ec2.InterfaceVpcEndpointAwsService.SECRETS_MANAGER,
    "Logs": ec2.InterfaceVpcEndpointAwsService.CLOUDWATCH_LOGS,
    "Metrics": ec2.InterfaceVpcEndpointAwsService.CLOUDWATCH_MONITORING,
    "Traces": ec2.InterfaceVpcEndpointAwsService.XRAY,
    "Images": ec2.InterfaceVpcEndpointAwsService.ECR_DOCKER,
    "Registry": ec2.InterfaceVpcEndpointAwsService.ECR,
    "Faces": ec2.InterfaceVpcEndpointAwsService.REKOGNITION,
}
"""What the server calls all the time. Chime, MediaConvert and SES are called through the NAT gateways."""


class NetworkStack(EnvironmentStack):
    """Offers `vpc`, with three kinds of subnets in each zone.

    PUBLIC holds load balancers and NAT gateways; PRIVATE_WITH_EGRESS what runs; PRIVATE_ISOLATED what keeps data, and
    is reached from the network alone.
    """

    def __init__(self, scope: Construct, environment: Environment) -> None:
        super().__init__(scope, "network", environment)
        self.vpc = ec2.Vpc(
            self,
            "Vpc",
            ip_addresses=ec2.IpAddresses.cidr(environment.cidr),
            availability_zones=list(environment.zones),
            nat_gateways=environment.nat_gateways,
            subnet_configuration=[
                ec2.SubnetConfiguration(
                    name="Front", subnet_type=ec2.SubnetType.PUBLIC, cidr_mask=24, map_public_ip_on_launch=False
                ),
                ec2.SubnetConfiguration(name="Service", subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS, cidr_mask=20),
                ec2.SubnetConfiguration(name="Data", subnet_type=ec2.SubnetType.PRIVATE_ISOLATED, cidr_mask=24),
            ],
            gateway_endpoints={
                "S3": ec2.GatewayVpcEndpointOptions(service=ec2.GatewayVpcEndpointAwsService.S3),
                "DynamoDb": ec2.GatewayVpcEndpointOptions(service=ec2.GatewayVpcEndpointAwsService.DYNAMODB),
            },
            restrict_default_security_group=False,  # it would bring a custom resource; nothing uses that group
            flow_logs={"Flows": ec2.FlowLogOptions(destination=self._flow_destination())},
        )
        self._close_data_subnets()
        if environment.private_endpoints:
            self._open_endpoints()

    def _flow_destination(self) -> ec2.FlowLogDestination:
        group = logs.LogGroup(self, "FlowLog", retention=retention(self.settings.log_days), removal_policy=self.removal)
        return ec2.FlowLogDestination.to_cloud_watch_logs(group)

    def _close_data_subnets(self) -> None:
        """A second fence, should a security group be opened by mistake: the network's own addresses only."""
        inside = ec2.AclCidr.ipv4(self.settings.cidr)
        acl = ec2.NetworkAcl(
            self,
            "DataAcl",
            vpc=self.vpc,
            subnet_selection=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_ISOLATED),
        )
        acknowledge(acl, "VPC3", "It is short, and stands behind security groups, which do the daily work.")
        for name, direction in (("In", ec2.TrafficDirection.INGRESS), ("Out", ec2.TrafficDirection.EGRESS)):
            acl.add_entry(
                f"Inside{name}",
                cidr=inside,
                rule_number=100,
                traffic=ec2.AclTraffic.tcp_port_range(1, 65_535),
                direction=direction,
            )

    def _open_endpoints(self) -> None:
        group = ec2.SecurityGroup(
            self, "Endpoints", vpc=self.vpc, description="HTTPS from the network to AWS", allow_all_outbound=False
        )
        group.add_ingress_rule(ec2.Peer.ipv4(self.settings.cidr), ec2.Port.tcp(443), "HTTPS from the network")
        acknowledge(group, "EC23", "Its one rule names the network's own addresses; the check cannot read them.")
        for name, service in ENDPOINTS.items():
            self.vpc.add_interface_endpoint(name, service=service, security_groups=[group], open=False)
