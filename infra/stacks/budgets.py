"""What it may cost: a monthly budget, and a watch for costs that are out of the ordinary."""

from aws_cdk import aws_budgets as budgets
from aws_cdk import aws_ce as ce
from constructs import Construct

from infra.environments import Environment
from infra.stacks.base import EnvironmentStack

ANOMALY_USD = 50
"""Told daily from here on."""


class BudgetsStack(EnvironmentStack):
    """Mails to the environment's `ops_mail`. Costs are told apart by the tag `Environment`, which has to be made a cost
    allocation tag in the account's billing settings."""

    def __init__(self, scope: Construct, environment: Environment) -> None:
        super().__init__(scope, "budgets", environment)
        self._budget()
        self._anomalies()

    def _budget(self) -> None:
        told = budgets.CfnBudget.SubscriberProperty(subscription_type="EMAIL", address=self.settings.ops_mail)
        moments = (("ACTUAL", 80), ("ACTUAL", 100), ("FORECASTED", 100))
        budgets.CfnBudget(
            self,
            "Monthly",
            budget=budgets.CfnBudget.BudgetDataProperty(
                budget_name=f"{self.settings.prefix}monthly",
                budget_type="COST",
                time_unit="MONTHLY",
                budget_limit=budgets.CfnBudget.SpendProperty(amount=self.settings.monthly_budget_usd, unit="USD"),
                cost_filters={"TagKeyValue": [f"user:Environment${self.settings.name}"]},
            ),
            notifications_with_subscribers=[
                budgets.CfnBudget.NotificationWithSubscribersProperty(
                    notification=budgets.CfnBudget.NotificationProperty(
                        notification_type=kind,
                        comparison_operator="GREATER_THAN",
                        threshold=percent,
                        threshold_type="PERCENTAGE",
                    ),
                    subscribers=[told],
                )
                for kind, percent in moments
            ],
        )

    def _anomalies(self) -> None:
        specification = f'{{"Tags": {{"Key": "Environment", "Values": ["{self.settings.name}"]}}}}'
        monitor = ce.CfnAnomalyMonitor(
            self,
            "Costs",
            monitor_name=f"{self.settings.prefix}costs",
            monitor_type="CUSTOM",
            monitor_specification=specification,
        )
        threshold = (
            f'{{"Dimensions": {{"Key": "ANOMALY_TOTAL_IMPACT_ABSOLUTE", "MatchOptions": ["GREATER_THAN_OR_EQUAL"],'
            f' "Values": ["{ANOMALY_USD}"]}}}}'
        )
        ce.CfnAnomalySubscription(
            self,
            "Told",
            subscription_name=f"{self.settings.prefix}costs",
            frequency="DAILY",
            monitor_arn_list=[monitor.attr_monitor_arn],
            subscribers=[ce.CfnAnomalySubscription.SubscriberProperty(type="EMAIL", address=self.settings.ops_mail)],
            threshold_expression=threshold,
        )
