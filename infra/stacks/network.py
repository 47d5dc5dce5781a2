"""The network: private subnets in several zones, and ways from there to AWS that leave no private network."""

from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.environments import Environment
from infra.stacks.base import EnvironmentStack, retention


class NetworkStack(EnvironmentStack):
    """Offers `vpc`."""

    def __init__(self, scope: Construct, environment: Environment) -> None:
        super().__init__(scope, "network", environment)
        self.vpc = ec2.Vpc(
            self,
            "Vpc",
            ip_addresses=ec2.IpAddresses.cidr(environment.cidr),
            availability_zones=list(environment.zones),
            nat_gateways=environment.nat_gateways,
            restrict_default_security_group=False,  # it would bring a custom resource; nothing uses that group
            flow_logs={"Flows": ec2.FlowLogOptions(destination=self._flow_destination())},
        )

    def _flow_destination(self) -> ec2.FlowLogDestination:
        group = logs.LogGroup(self, "FlowLog", retention=retention(self.settings.log_days), removal_policy=self.removal)
        return ec2.FlowLogDestination.to_cloud_watch_logs(group)
