"""What every stack has: its environment, its name, protection."""

import aws_cdk as cdk
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.environments import Environment


class EnvironmentStack(cdk.Stack):
    """A stack of one environment, named `educonnect-ENVIRONMENT-PART`.

    Args:
        part: what it holds, in one word; its id in the app.
        region: another than the environment's.
        shared: it uses what lies in another region, or is used from there.
    """

    def __init__(
        self,
        scope: Construct,
        part: str,
        environment: Environment,
        *,
        region: str | None = None,
        shared: bool = False,
    ) -> None:
        super().__init__(
            scope,
            part,
            stack_name=f"{environment.prefix}{part}",
            env=cdk.Environment(account=scope.node.try_get_context("account"), region=region or environment.region),
            termination_protection=environment.keeps_data,
            cross_region_references=shared or None,
        )
        self.settings = environment

    @property
    def removal(self) -> cdk.RemovalPolicy:
        """What becomes of data when its resource leaves a template."""
        return cdk.RemovalPolicy.RETAIN if self.settings.keeps_data else cdk.RemovalPolicy.DESTROY


def retention(days: int) -> logs.RetentionDays:
    """CloudWatch's name for a number of days. Raises ValueError for a number that it does not offer."""
    return _RETENTIONS[days]


_RETENTIONS = {
    7: logs.RetentionDays.ONE_WEEK,
    30: logs.RetentionDays.ONE_MONTH,
    365: logs.RetentionDays.ONE_YEAR,
}
