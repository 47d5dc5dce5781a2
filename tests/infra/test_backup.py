"""Backups, and what they and all else may cost."""

import json

import pytest

from tests.infra.templates import Deployed

PLAN, VAULT = "AWS::Backup::BackupPlan", "AWS::Backup::BackupVault"


@pytest.mark.requirement("E37", "E58", "K94", "C31")
def test_backups_are_made_daily_and_monthly_and_kept(deployed: Deployed) -> None:
    rules = {each["RuleName"]: each for each in deployed.one(PLAN).properties["BackupPlan"]["BackupPlanRule"]}
    kept = {name: (each["ScheduleExpression"], each["Lifecycle"]["DeleteAfterDays"]) for name, each in rules.items()}
    assert kept == {"Daily": ("cron(0 2 * * ? *)", 35), "Monthly": ("cron(0 4 1 * ? *)", 365)}


@pytest.mark.requirement("E37")
def test_what_has_the_tag_is_backed_up_and_tables_and_lasting_files_have_it(deployed: Deployed) -> None:
    selection = deployed.one("AWS::Backup::BackupSelection").properties["BackupSelection"]
    assert selection["ListOfTags"] == [
        {"ConditionKey": "Backup", "ConditionType": "STRINGEQUALS", "ConditionValue": "daily"}
    ]
    tag = {"Key": "Backup", "Value": "daily"}
    tables = deployed.resources("AWS::DynamoDB::GlobalTable")
    assert tables
    assert all(tag in replica["Tags"] for table in tables for replica in table.properties["Replicas"])
    tagged = {each.name[:9] for each in deployed.resources("AWS::S3::Bucket") if tag in each.properties["Tags"]}
    assert {name[:5] for name in tagged} == {"Media", "Docum", "Recor"}


@pytest.mark.requirement("K94", "K95", "E58", "C31")
def test_in_production_backups_are_copied_to_another_region(prod: Deployed) -> None:
    for rule in prod.one(PLAN).properties["BackupPlan"]["BackupPlanRule"]:
        [copy] = rule["CopyActions"]
        arn = json.dumps(copy["DestinationBackupVaultArn"])
        assert ":backup:eu-west-1:" in arn
        assert "backup-vault:educonnect-prod-vault" in arn
        assert copy["Lifecycle"] == rule["Lifecycle"]
    assert prod.one(VAULT, stack="copies").properties["BackupVaultName"] == "educonnect-prod-vault"


@pytest.mark.requirement("E37", "V35", "E40")
@pytest.mark.parametrize("environment", ["staging", "prod"])
def test_vaults_are_encrypted_and_nobody_removes_backups_early(
    synthesized_environments: dict[str, Deployed], environment: str
) -> None:
    for vault in synthesized_environments[environment].resources(VAULT):
        assert "EncryptionKeyArn" in vault.properties, vault
        assert vault.properties["LockConfiguration"] == {"MinRetentionDays": 7}, vault
        assert vault.body["DeletionPolicy"] == "Retain", vault


@pytest.mark.requirement("K92", "V40")
def test_somebody_is_told_before_a_month_costs_too_much(deployed: Deployed) -> None:
    budget = deployed.one("AWS::Budgets::Budget").properties
    assert budget["Budget"]["TimeUnit"] == "MONTHLY"
    assert budget["Budget"]["CostFilters"] == {"TagKeyValue": [f"user:Environment${deployed.environment}"]}
    told = [
        (each["Notification"]["NotificationType"], each["Notification"]["Threshold"])
        for each in budget["NotificationsWithSubscribers"]
    ]
    assert told == [("ACTUAL", 80), ("ACTUAL", 100), ("FORECASTED", 100)]
    assert all(each["Subscribers"] for each in budget["NotificationsWithSubscribers"])


@pytest.mark.requirement("V40", "K92")
def test_costs_out_of_the_ordinary_are_told(deployed: Deployed) -> None:
    monitor = deployed.one("AWS::CE::AnomalyMonitor")
    subscription = deployed.one("AWS::CE::AnomalySubscription").properties
    assert subscription["MonitorArnList"] == [{"Fn::GetAtt": [monitor.name, "MonitorArn"]}]
