"""Backups by AWS Backup: of everything with the tag `Backup`, daily and monthly, copied to another region on demand."""

import aws_cdk as cdk
from aws_cdk import aws_backup as backup
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from infra.acknowledgements import acknowledge
from infra.environments import Environment
from infra.stacks.base import EnvironmentStack

DAILY_KEPT_DAYS = 35
MONTHLY_KEPT_DAYS = 365
TAG = ("Backup", "daily")
_POLICIES = (
    "service-role/AWSBackupServiceRolePolicyForBackup",
    "service-role/AWSBackupServiceRolePolicyForRestores",
    "AWSBackupServiceRolePolicyForS3Backup",
    "AWSBackupServiceRolePolicyForS3Restore",
)


class BackupStack(EnvironmentStack):
    """A vault, and the plan that fills it."""

    def __init__(self, scope: Construct, environment: Environment) -> None:
        super().__init__(scope, "backup", environment)
        vault = make_vault(self)
        copied_to = self._vault_elsewhere()
        plan = backup.BackupPlan(self, "Plan", backup_plan_name=f"{environment.prefix}plan", backup_vault=vault)
        schedules = {"Daily": ("0 2 * * ? *", DAILY_KEPT_DAYS), "Monthly": ("0 4 1 * ? *", MONTHLY_KEPT_DAYS)}
        for name, (schedule, days) in schedules.items():
            kept = cdk.Duration.days(days)
            copies = [backup.BackupPlanCopyActionProps(destination_backup_vault=copied_to, delete_after=kept)]
            plan.add_rule(
                backup.BackupPlanRule(
                    rule_name=name,
                    schedule_expression=events.Schedule.expression(f"cron({schedule})"),
                    delete_after=kept,
                    copy_actions=copies if copied_to else None,
                )
            )
        plan.add_selection(
            "Tagged",
            resources=[backup.BackupResource.from_tag(*TAG)],
            role=self._role(),
            disable_default_backup_policy=True,
        )

    def _vault_elsewhere(self) -> backup.IBackupVault | None:
        if self.settings.copy_region is None:
            return None
        arn = self.format_arn(
            service="backup",
            region=self.settings.copy_region,
            resource="backup-vault",
            resource_name=vault_name(self.settings),
            arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
        )
        return backup.BackupVault.from_backup_vault_arn(self, "Elsewhere", arn)

    def _role(self) -> iam.Role:
        role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("backup.amazonaws.com"))
        for policy in _POLICIES:
            role.add_managed_policy(iam.ManagedPolicy.from_aws_managed_policy_name(policy))
            acknowledge(
                role,
                f"IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/{policy}]",
                "AWS Backup's own policies follow what it can back up; a copy of ours would fall behind.",
            )
        return role


def vault_name(environment: Environment) -> str:
    return f"{environment.prefix}vault"


def make_vault(stack: EnvironmentStack) -> backup.BackupVault:
    """A vault with a key of its own, from which nobody removes a backup before its time where data is kept."""
    key = kms.Key(stack, "VaultKey", description="Backups", enable_key_rotation=True, removal_policy=stack.removal)
    kept = stack.settings.keeps_data
    lock = backup.LockConfiguration(min_retention=cdk.Duration.days(7)) if kept else None
    return backup.BackupVault(
        stack,
        "Vault",
        backup_vault_name=vault_name(stack.settings),
        encryption_key=key,
        lock_configuration=lock,
        removal_policy=stack.removal,
    )
