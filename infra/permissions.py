"""What a process of the product may do. No action is a wildcard; a resource is one only for a reason that is told."""

from collections.abc import Iterable, Sequence

from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs

from infra.rights import Right
from infra.stacks.base import EnvironmentStack
from infra.stacks.data import DataStack
from infra.stacks.media import MediaStack
from infra.stacks.messaging import MessagingStack
from infra.stacks.secrets import SecretsStack
from infra.stacks.storage import BUCKET_ACTIONS, FILE_ACTIONS, StorageStack

_RECORDS = (
    "BatchGetItem", "BatchWriteItem", "ConditionCheckItem", "DeleteItem", "DescribeTable", "GetItem", "PutItem",
    "Query", "UpdateItem",
)  # fmt: skip
_STREAMS = ("DescribeStream", "GetRecords", "GetShardIterator")
_FACES = (
    "AssociateFaces", "CreateCollection", "CreateUser", "DeleteFaces", "DeleteUser", "IndexFaces", "ListFaces",
    "SearchUsers", "SearchUsersByImage",
)  # fmt: skip
_LIVENESS = ("CreateFaceLivenessSession", "GetFaceLivenessSessionResults")
_CALLS = (
    "CreateAttendee", "DeleteAttendee", "DeleteMeeting", "GetAttendee", "GetMeeting", "StartMeetingTranscription",
    "StopMeetingTranscription",
)  # fmt: skip
_RECORDINGS = ("DeleteMediaCapturePipeline", "GetMediaPipeline")
_NEW_RECORDINGS = ("CreateMediaCapturePipeline", "CreateMediaConcatenationPipeline")
_RECEIVE = ("ChangeMessageVisibility", "DeleteMessage", "GetQueueAttributes", "ReceiveMessage")


Rights = list[Right]


def records(data: DataStack) -> Rights:
    """Every table of this environment, and their indexes. `Scan` is not among the actions."""
    tables = data.format_arn(service="dynamodb", resource="table", resource_name=f"{data.prefix}*")
    why = "The names of this environment's tables begin so, and of no others; any operation may lead to any of them."
    return [_right("dynamodb", _RECORDS, tables, f"{tables}/index/*", why=why), _key(data.key.key_arn)]


def streams(data: DataStack) -> Rights:
    """The change feeds of these tables."""
    feeds = data.format_arn(service="dynamodb", resource="table", resource_name=f"{data.prefix}*/stream/*")
    every = data.format_arn(service="dynamodb", resource="*")
    return [
        _right("dynamodb", _STREAMS, feeds, why="A stream's name ends with the moment it was made."),
        _right("dynamodb", ["ListStreams"], every, why="DynamoDB lists streams of all tables or of none."),
    ]


def files(storage: StorageStack) -> Rights:
    """All that the server does with files, and what it signs for clients."""
    buckets = [storage.export_value(bucket.bucket_arn) for bucket in storage.files.values()]
    return [
        Right(FILE_ACTIONS, [f"{bucket}/*" for bucket in buckets], why="Keys are made for each file."),
        Right(BUCKET_ACTIONS, buckets),
        _key(storage.key.key_arn),
        _key(storage.face_key.key_arn),
    ]


def faces(media: MediaStack) -> Rights:
    return [
        _right("rekognition", _FACES, media.collection_arn),
        _right("rekognition", _LIVENESS, "*", why="A session of a liveness check has no ARN."),
    ]


def calls(stack: EnvironmentStack) -> Rights:
    """Meetings over Chime, whose ARNs have no region, with captions."""
    meetings = stack.format_arn(service="chime", region="", resource="meeting", resource_name="*")
    return [
        _right("chime", _CALLS, meetings, why="A meeting's id is made when it is."),
        _right("chime", ["CreateMeeting"], "*", why="What is not there yet has no ARN."),
        _right("transcribe", ["StartStreamTranscription"], "*", why="A stream has no ARN; Chime asks in our name."),
    ]


def recordings(stack: EnvironmentStack) -> Rights:
    pipelines = stack.format_arn(service="chime", region="*", resource="media-pipeline", resource_name="*")
    return [
        _right("chime", _RECORDINGS, pipelines, why="A pipeline's id is made when it is, in the meeting's region."),
        _right("chime", _NEW_RECORDINGS, "*", why="What is not there yet has no ARN."),
    ]


def conversions(media: MediaStack) -> Rights:
    """Playlists by MediaConvert, which reads and writes by a role of its own."""
    jobs = media.format_arn(service="mediaconvert", resource="jobs", resource_name="*")
    to_mediaconvert = {"StringEquals": {"iam:PassedToService": "mediaconvert.amazonaws.com"}}
    return [
        _right("mediaconvert", ["CreateJob"], media.queue_arn),
        _right("mediaconvert", ["GetJob"], jobs, why="A job's id is made when it is."),
        _right("mediaconvert", ["Probe"], "*", why="MediaConvert knows no resource of it."),
        Right(["iam:PassRole"], [media.converter.role_arn], conditions=to_mediaconvert),
    ]


def mail(stack: EnvironmentStack) -> Rights:
    identity = stack.format_arn(service="ses", resource="identity", resource_name=stack.settings.domain)
    return [_right("ses", ["SendEmail"], identity)]


def receives(messaging: MessagingStack, queues: Iterable[sqs.IQueue]) -> Rights:
    return [_right("sqs", _RECEIVE, *(queue.queue_arn for queue in queues)), _key(messaging.key.key_arn)]


def tells(messaging: MessagingStack, topic: sns.ITopic) -> Rights:
    return [_right("sns", ["Publish"], topic.topic_arn), _key(messaging.key.key_arn)]


def secrets_of_functions(known: SecretsStack) -> Rights:
    return [
        _right("secretsmanager", ["GetSecretValue"], known.functions.secret_arn),
        _right("kms", ["Decrypt"], known.key.key_arn),
    ]


def traces() -> Rights:
    return [_right("xray", ["PutTelemetryRecords", "PutTraceSegments"], "*", why="X-Ray knows no resource of them.")]


def _key(arn: str) -> Right:
    return _right("kms", ["Decrypt", "GenerateDataKey"], arn)


def _right(service: str, actions: Sequence[str], *resources: str, why: str | None = None) -> Right:
    return Right([f"{service}:{action}" for action in actions], resources, why)
