"""What knows faces, converts media and streams: Rekognition, MediaConvert and IVS. Chime has nothing to be made."""

from aws_cdk import aws_iam as iam
from aws_cdk import aws_ivs as ivs
from aws_cdk import aws_mediaconvert as mediaconvert
from aws_cdk import aws_rekognition as rekognition
from constructs import Construct

from infra.acknowledgements import acknowledge
from infra.environments import Environment
from infra.stacks.base import EnvironmentStack
from infra.stacks.storage import StorageStack


class MediaStack(EnvironmentStack):
    """Offers the names and roles of the services that media need.

    Attributes:
        collection, collection_arn: Rekognition's, of this environment's faces.
        converter: MediaConvert's role, which reads and writes files of media and nothing else.
        queue_arn: MediaConvert's queue of our jobs.
    """

    def __init__(self, scope: Construct, environment: Environment, storage: StorageStack) -> None:
        super().__init__(scope, "media", environment)
        self.collection = f"{environment.prefix}faces"
        faces = rekognition.CfnCollection(self, "Faces", collection_id=self.collection)
        faces.apply_removal_policy(self.removal)
        self.collection_arn = faces.attr_arn
        self.converter = self._converter(storage)
        queue = mediaconvert.CfnQueue(self, "Conversions", name=f"{environment.prefix}media", pricing_plan="ON_DEMAND")
        self.queue_arn = queue.attr_arn
        self._recordings_of_streams(storage)

    def _converter(self, storage: StorageStack) -> iam.Role:
        role = iam.Role(
            self,
            "Converter",
            assumed_by=iam.ServicePrincipal(
                "mediaconvert.amazonaws.com", conditions={"StringEquals": {"aws:SourceAccount": self.account}}
            ),
            description="MediaConvert reads originals and writes playlists beside them",
        )
        for name in ("Media", "Recordings"):
            bucket = storage.export_value(storage.files[name].bucket_arn)
            role.add_to_policy(iam.PolicyStatement(actions=["s3:GetObject", "s3:PutObject"], resources=[f"{bucket}/*"]))
            shown = self.resolve(bucket)["Fn::ImportValue"]
            acknowledge(role, f"IAM5[Resource::{shown}/*]", "Keys are made for each file.")
        role.add_to_policy(
            iam.PolicyStatement(actions=["kms:Decrypt", "kms:GenerateDataKey"], resources=[storage.key.key_arn])
        )
        return role

    def _recordings_of_streams(self, storage: StorageStack) -> None:
        """Live streams become recordings."""
        ivs.CfnRecordingConfiguration(
            self,
            "StreamRecordings",
            name=f"{self.settings.prefix}streams",
            destination_configuration=ivs.CfnRecordingConfiguration.DestinationConfigurationProperty(
                s3=ivs.CfnRecordingConfiguration.S3DestinationConfigurationProperty(
                    bucket_name=storage.files["Recordings"].bucket_name
                )
            ),
        )
