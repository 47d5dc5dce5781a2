"""Malware: GuardDuty looks at every file that users may see, and tags it with what it found."""

from aws_cdk import aws_guardduty as guardduty
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.environments import Environment
from infra.rights import Right, give
from infra.stacks.base import EnvironmentStack
from infra.stacks.storage import StorageStack

SCANNED = ("Media", "Documents", "Faces", "Recordings")
"""Files are looked at where they are kept: what arrives is moved there before anybody may read it."""
_RULE = "rule/DO-NOT-DELETE-AmazonGuardDutyMalwareProtectionS3*"


class ScanningStack(EnvironmentStack):
    """A plan for each bucket. Results go by EventBridge to the queue of the messaging stack."""

    def __init__(self, scope: Construct, environment: Environment, storage: StorageStack) -> None:
        super().__init__(scope, "scanning", environment)
        for name in SCANNED:
            self._plan(name, storage)

    def _plan(self, name: str, storage: StorageStack) -> None:
        role = self._role(name, storage)
        plan = guardduty.CfnMalwareProtectionPlan(
            self,
            name,
            role=role.role_arn,
            protected_resource=guardduty.CfnMalwareProtectionPlan.CFNProtectedResourceProperty(
                s3_bucket=guardduty.CfnMalwareProtectionPlan.S3BucketProperty(
                    bucket_name=storage.files[name].bucket_name
                )
            ),
            actions=guardduty.CfnMalwareProtectionPlan.CFNActionsProperty(
                tagging=guardduty.CfnMalwareProtectionPlan.CFNTaggingProperty(status="ENABLED")
            ),
        )
        plan.node.add_dependency(role)

    def _role(self, name: str, storage: StorageStack) -> iam.Role:
        """What GuardDuty's manual asks for, for one bucket."""
        role = iam.Role(
            self, f"{name}Role", assumed_by=iam.ServicePrincipal("malware-protection-plan.guardduty.amazonaws.com")
        )
        rule = self.format_arn(service="events", resource=_RULE)
        own = {"StringEquals": {"events:ManagedBy": "malware-protection-plan.guardduty.amazonaws.com"}}
        changing = ["events:DeleteRule", "events:PutRule", "events:PutTargets", "events:RemoveTargets"]
        reading = ["s3:GetObject", "s3:GetObjectTagging", "s3:GetObjectVersion", "s3:GetObjectVersionTagging"]
        tagging = ["s3:PutObjectTagging", "s3:PutObjectVersionTagging"]
        key = storage.face_key if name == "Faces" else storage.key
        arn = storage.export_value(storage.files[name].bucket_arn)
        ends = "GuardDuty ends the name of its rule by itself."
        rights = (
            Right(changing, [rule], ends, conditions=own),
            Right(["events:DescribeRule", "events:ListTargetsByRule"], [rule], ends),
            Right(["s3:GetBucketNotification", "s3:ListBucket", "s3:PutBucketNotification"], [arn]),
            Right([*reading, *tagging], [f"{arn}/*"], "Every file of this bucket is looked at."),
            Right(["s3:PutObject"], [f"{arn}/malware-protection-resource-validation-object"]),
            Right(["kms:Decrypt", "kms:GenerateDataKey"], [key.key_arn]),
        )
        give(role, rights)
        return role
