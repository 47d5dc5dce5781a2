"""The buckets: one for each purpose, closed to the public, encrypted, cheaper with age."""

import json
from typing import Any

import pytest

from tests.infra.templates import Deployed, Resource

BUCKET = "AWS::S3::Bucket"
LASTING = {"Media", "Documents", "Recordings"}
LOAD_BALANCERS = {"Fn::Join": ["", ["arn:", {"Ref": "AWS::Partition"}, ":iam::054676820928:root"]]}
"""AWS's own account of eu-central-1's load balancers."""
PASSING = {"Arriving", "Faces", "Exports"}


def buckets(deployed: Deployed) -> dict[str, Resource]:
    """Those of the storage stack by their purpose, which their names in the template begin with."""
    purposes = LASTING | PASSING | {"Logs", "Backups"}
    found = deployed.resources(BUCKET, stack="storage")
    return {next(name for name in purposes if each.name.startswith(name)): each for each in found}


def rule(bucket: Resource) -> dict[str, Any]:
    [only] = bucket.properties["LifecycleConfiguration"]["Rules"]
    assert only["Status"] == "Enabled"
    return dict(only)


def policy_of(deployed: Deployed, bucket: Resource) -> list[dict[str, Any]]:
    [policy] = [
        each
        for each in deployed.resources("AWS::S3::BucketPolicy", stack=bucket.stack)
        if each.properties["Bucket"] == {"Ref": bucket.name}
    ]
    return list(policy.properties["PolicyDocument"]["Statement"])


@pytest.mark.requirement("K29", "E36")
def test_there_is_a_bucket_for_each_purpose(deployed: Deployed) -> None:
    assert set(buckets(deployed)) == LASTING | PASSING | {"Logs", "Backups"}


@pytest.mark.requirement("V34", "K75", "V35", "C33")
def test_no_bucket_of_any_stack_is_public(deployed: Deployed) -> None:
    for bucket in deployed.resources(BUCKET):
        block = bucket.properties["PublicAccessBlockConfiguration"]
        assert set(block.values()) == {True}, bucket
        assert len(block) == 4, bucket


@pytest.mark.requirement("V34", "K75", "E2", "C32", "C33", "Y22")
def test_every_bucket_of_any_stack_refuses_what_comes_without_tls(deployed: Deployed) -> None:
    for bucket in deployed.resources(BUCKET):
        refusals = [
            each
            for each in policy_of(deployed, bucket)
            if each["Effect"] == "Deny" and each.get("Condition") == {"Bool": {"aws:SecureTransport": "false"}}
        ]
        assert [(each["Action"], each["Principal"]) for each in refusals] == [("s3:*", {"AWS": "*"})], bucket


@pytest.mark.requirement("E40", "V12", "K29", "K75")
def test_every_bucket_is_encrypted_and_those_with_files_by_a_key_of_ours(deployed: Deployed) -> None:
    for bucket in deployed.resources(BUCKET):
        [setting] = bucket.properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        algorithm = setting["ServerSideEncryptionByDefault"]["SSEAlgorithm"]
        assert algorithm in ("aws:kms", "AES256"), bucket
    for purpose, bucket in buckets(deployed).items():
        [setting] = bucket.properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        assert ("KMSMasterKeyID" in setting["ServerSideEncryptionByDefault"]) is (purpose != "Logs")


@pytest.mark.requirement("E34")
def test_pictures_of_faces_have_a_place_and_a_key_of_their_own_and_a_day_to_live(deployed: Deployed) -> None:
    keys = {purpose: json.dumps(bucket.properties["BucketEncryption"]) for purpose, bucket in buckets(deployed).items()}
    faces = buckets(deployed)["Faces"]
    assert [purpose for purpose, key in keys.items() if key == keys["Faces"]] == ["Faces"]
    assert rule(faces)["ExpirationInDays"] == 1
    assert "CorsConfiguration" not in faces.properties
    assert "VersioningConfiguration" not in faces.properties
    assert {"Key": "Backup", "Value": "daily"} not in faces.properties["Tags"]


@pytest.mark.requirement("E52", "V13", "K29", "Y11")
def test_uploads_left_open_end_after_a_week(deployed: Deployed) -> None:
    for purpose in LASTING | PASSING:
        ended = rule(buckets(deployed)[purpose])["AbortIncompleteMultipartUpload"]
        assert ended == {"DaysAfterInitiation": 7}, purpose


@pytest.mark.requirement("E52", "V13")
def test_what_shall_pass_goes_even_when_no_worker_removes_it(deployed: Deployed) -> None:
    for purpose in PASSING:
        assert rule(buckets(deployed)[purpose])["ExpirationInDays"] <= 8, purpose


@pytest.mark.requirement("E65", "V38", "K91", "Y24")
def test_files_that_stay_get_cheaper_when_they_are_rarely_read(deployed: Deployed) -> None:
    for purpose in LASTING:
        moved = rule(buckets(deployed)[purpose])["Transitions"]
        assert [each["StorageClass"] for each in moved] == ["INTELLIGENT_TIERING"], purpose


@pytest.mark.requirement("Y11", "K29")
def test_files_that_stay_have_versions_which_end_after_a_month(deployed: Deployed) -> None:
    for purpose in LASTING:
        bucket = buckets(deployed)[purpose]
        assert bucket.properties["VersioningConfiguration"] == {"Status": "Enabled"}
        assert rule(bucket)["NoncurrentVersionExpiration"] == {"NoncurrentDays": 30}
        assert "ExpirationInDays" not in rule(bucket)


@pytest.mark.requirement("V25", "Y11")
def test_browsers_may_send_parts_and_see_their_etags(deployed: Deployed) -> None:
    [cors] = buckets(deployed)["Arriving"].properties["CorsConfiguration"]["CorsRules"]
    assert cors["AllowedMethods"] == ["PUT"]
    assert cors["ExposedHeaders"] == ["ETag"]
    assert "*" not in cors["AllowedOrigins"]
    for purpose in LASTING | {"Exports"}:
        [cors] = buckets(deployed)[purpose].properties["CorsConfiguration"]["CorsRules"]
        assert cors["AllowedMethods"] == ["GET", "HEAD"], purpose


@pytest.mark.requirement("V31")
def test_clients_read_no_file_from_where_it_arrives(deployed: Deployed) -> None:
    [cors] = buckets(deployed)["Arriving"].properties["CorsConfiguration"]["CorsRules"]
    assert "GET" not in cors["AllowedMethods"]


@pytest.mark.requirement("V35", "E58")
@pytest.mark.parametrize("environment", ["staging", "prod"])
def test_no_bucket_goes_with_its_stack(synthesized_environments: dict[str, Deployed], environment: str) -> None:
    for bucket in buckets(synthesized_environments[environment]).values():
        assert bucket.body["DeletionPolicy"] == bucket.body["UpdateReplacePolicy"] == "Retain", bucket


@pytest.mark.requirement("E36", "E44")
def test_reading_a_file_leaves_a_line_in_the_bucket_of_logs(deployed: Deployed) -> None:
    found = buckets(deployed)
    for purpose in LASTING | PASSING | {"Backups"}:
        assert found[purpose].properties["LoggingConfiguration"]["DestinationBucketName"] == {"Ref": found["Logs"].name}


@pytest.mark.requirement("E36")
def test_in_production_backups_and_logs_are_locked(prod: Deployed) -> None:
    for purpose in ("Backups", "Logs"):
        lock = buckets(prod)[purpose].properties["ObjectLockConfiguration"]
        assert lock["Rule"]["DefaultRetention"] == {"Days": 35, "Mode": "GOVERNANCE"}


@pytest.mark.requirement("E62")
def test_in_production_clients_send_over_the_nearest_edge(prod: Deployed) -> None:
    for purpose in ("Arriving", "Media", "Documents", "Recordings", "Exports"):
        assert buckets(prod)[purpose].properties["AccelerateConfiguration"] == {"AccelerationStatus": "Enabled"}


@pytest.mark.requirement("K29", "K90", "C31", "K95")
def test_in_production_files_that_stay_are_copied_to_another_region(prod: Deployed) -> None:
    copies = {json.dumps(each.properties["BucketName"]) for each in prod.resources(BUCKET, stack="copies")}
    for purpose in LASTING:
        [copied] = buckets(prod)[purpose].properties["ReplicationConfiguration"]["Rules"]
        assert copied["Status"] == "Enabled"
        assert copied["SourceSelectionCriteria"] == {"SseKmsEncryptedObjects": {"Status": "Enabled"}}
        name = copied["Destination"]["Bucket"]["Fn::Join"][1][-2].removeprefix(":s3:::")
        assert any(name in each for each in copies), purpose
        assert ":kms:eu-west-1:" in json.dumps(copied["Destination"]["EncryptionConfiguration"])
    assert len(copies) == len(LASTING)


@pytest.mark.requirement("V31")
@pytest.mark.parametrize("environment", ["staging", "prod"])
def test_guardduty_looks_at_every_file_where_it_is_kept(
    synthesized_environments: dict[str, Deployed], environment: str
) -> None:
    deployed = synthesized_environments[environment]
    plans = deployed.resources("AWS::GuardDuty::MalwareProtectionPlan")
    told = json.dumps([each.properties["ProtectedResource"] for each in plans])
    assert len(plans) == 4
    for purpose in (*LASTING, "Faces"):
        assert f"Ref{purpose}" in told
        notices = buckets(deployed)[purpose].properties["NotificationConfiguration"]
        assert notices == {"EventBridgeConfiguration": {"EventBridgeEnabled": True}}
    assert all(each.properties["Actions"] == {"Tagging": {"Status": "ENABLED"}} for each in plans)


@pytest.mark.requirement("V17", "V34")
def test_buckets_let_in_no_stranger_but_chime(deployed: Deployed) -> None:
    for purpose, bucket in buckets(deployed).items():
        for statement in policy_of(deployed, bucket):
            if statement["Effect"] == "Allow":
                if statement["Principal"] == {"AWS": LOAD_BALANCERS}:  # of the region, which bring their access logs
                    assert (purpose, statement["Action"]) == ("Logs", "s3:PutObject")
                    continue
                service = statement["Principal"]["Service"]
                allowed = {
                    "Recordings": "mediapipelines.chime.amazonaws.com",
                    "Logs": "logging.s3.amazonaws.com",
                    "Media": "cloudfront.amazonaws.com",
                }
                assert service in (allowed.get(purpose), "delivery.logs.amazonaws.com"), bucket
                assert "Condition" in statement or purpose == "Logs", bucket


@pytest.mark.requirement("E36", "V34")
def test_no_other_accounts_logs_are_taken(deployed: Deployed) -> None:
    refusal = {"StringNotEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
    [refused] = [each for each in policy_of(deployed, buckets(deployed)["Logs"]) if each.get("Condition") == refusal]
    assert (refused["Effect"], refused["Action"]) == ("Deny", "s3:PutObject")
    assert refused["Principal"] == {"Service": "logging.s3.amazonaws.com"}


@pytest.mark.requirement("V16", "V34", "E44")
def test_a_trail_tells_of_every_call_and_of_every_file(deployed: Deployed) -> None:
    trail = deployed.one("AWS::CloudTrail::Trail").properties
    assert trail["IsMultiRegionTrail"] is True
    assert trail["EnableLogFileValidation"] is True
    assert "KMSKeyId" in trail
    [selector] = [each for each in trail["EventSelectors"] if each.get("DataResources")]
    told = json.dumps(selector["DataResources"])
    for purpose in LASTING | PASSING:
        assert purpose in told
