"""What a deployment may choose, read once from the environment and handed on; nobody else reads it.

Each field is set by the variable of its name in capitals. docs/settings.md is made from this class.
"""

import re
from collections.abc import Callable, Mapping, Set
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from app import settings_text
from domain.part_plan import MAX_OBJECT_BYTES, MIB
from domain.upload_rules import GIB

Port = Annotated[int, Meta(ge=0, le=65_535)]
Seconds = Annotated[float, Meta(gt=0, le=3_600)]
FileBytes = Annotated[int, Meta(ge=1, le=MAX_OBJECT_BYTES)]
Count = Annotated[int, Meta(ge=1, le=1_000_000)]
Word = Annotated[str, Meta(title="text without spaces", pattern=r"^\S+$", max_length=2_048)]
HttpUrl = Annotated[str, Meta(title="http(s) URL", pattern=r"^https?://[^\s/?#@]+[^\s?#@]*$", max_length=2_048)]
RedisUrl = Annotated[str, Meta(title="redis(s) URL", pattern=r"^rediss?://[^\s]+$", max_length=2_048)]
Origin = Annotated[str, Meta(title="web origin or `*`", pattern=r"^(\*|https?://[^\s/?#@]+)$", max_length=300)]
Expression = Annotated[str, Meta(title="regular expression", max_length=300)]
PoolId = Annotated[
    str, Meta(title="Cognito user pool id", pattern=r"^[a-z]{2}(-[a-z]+)+-\d_[A-Za-z0-9]{1,55}$", max_length=100)
]
Version = Annotated[str, Meta(title="version, `1.2.3`", pattern=r"^\d+\.\d+\.\d+$", max_length=30)]
TablePrefix = Annotated[str, Meta(title="letters, digits, `_.-`", pattern=r"^[A-Za-z0-9_.-]*$", max_length=100)]
KeyPrefix = Annotated[
    str, Meta(title="names, each with a slash behind", pattern=r"^([A-Za-z0-9_.=-]+/)*$", max_length=200)
]
PrefixBucket = Annotated[
    str,
    Meta(
        title="`PREFIX=BUCKET`",
        pattern=r"^(incoming|media|documents|faces|recordings|exports)/=[a-z0-9.-]+$",
        max_length=100,
    ),
]
ApiKey = Annotated[str, Meta(title="secret text", pattern=r"^\S+$", min_length=20, max_length=200)]
EmailAddress = Annotated[str, Meta(title="e-mail address", pattern=r"^[^\s@<>]+@[^\s@<>]+$", max_length=254)]
SmtpUrl = Annotated[str, Meta(title="`smtp://` or `smtps://` URL", pattern=r"^smtps?://[^\s/?#]+/?$", max_length=2_048)]
FifoTopic = Annotated[str, Meta(title="ARN of a FIFO topic", pattern=r"^arn:[^\s,]+\.fifo$", max_length=400)]
FifoQueue = Annotated[
    str, Meta(title="URL of a FIFO queue", pattern=r"^https?://[^\s/?#@]+[^\s?#@]*\.fifo$", max_length=2_048)
]
PushKey = Annotated[str, Meta(title="key of `python -m app push-key --new`", pattern=r"^[A-Za-z0-9_-]{43}$")]
PushApplication = Annotated[
    str, Meta(title="`APNS=ARN` or `FCM=ARN`", pattern=r"^(APNS|FCM)=arn:[^\s,]+$", max_length=400)
]
SealingSecret = Annotated[
    str, Meta(title="secret text of 32 characters or more", pattern=r"^\S{32,}$", max_length=2_048)
]
IamKey = Annotated[str, Meta(title="`ID:SECRET`", pattern=r"^[^\s:]+:[^\s:]+$", max_length=300)]

Embedded = Annotated[bool | None, Meta(extra={"default": "on in development, off in production"})]
"""A switch whose default follows ENVIRONMENT; None until `Settings.load` has decided."""


class SettingsFault(Exception):
    """The environment does not make sense; `faults` has one line for each reason, without any value."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("These settings do not make sense:\n" + "\n".join(f"  {fault}" for fault in faults))
        self.faults = tuple(faults)


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """One deployment's choices. The defaults run the embedded product on a laptop."""

    environment: Annotated[
        Literal["development", "production"],
        Meta(description="Production has no GraphiQL, demo token or demo data, and wants every risky choice made."),
    ] = "development"

    host: Annotated[Word, Meta(description="Address to listen on.")] = "127.0.0.1"
    port: Annotated[Port, Meta(description="Port to listen on; 0 takes a free one.")] = 8000
    tls: Annotated[
        bool, Meta(description="Serve https and wss, with a certificate of an authority made in DATA_DIR/tls.")
    ] = False
    data_dir: Annotated[
        Path, Meta(description="Folder of the database and keys that the server makes for itself; made when absent.")
    ] = Path("data")

    records: Annotated[Literal["sqlite", "dynamodb"], Meta(description="Where records are kept.")] = "sqlite"
    aws_region: Annotated[Word, Meta(description="AWS region of DynamoDB, S3 and Lambda.")] = "us-east-1"
    aws_endpoint_url: Annotated[
        HttpUrl | None, Meta(description="Where DynamoDB, S3 and Lambda are, when not at AWS: an emulator.")
    ] = None
    table_prefix: Annotated[
        TablePrefix,
        Meta(description="What DynamoDB's table names begin with."),
    ] = ""
    blobs: Annotated[
        Literal["files", "s3"], Meta(description="Where files are kept: in DATA_DIR/files, or in a bucket.")
    ] = "files"
    public_url: Annotated[
        HttpUrl | None,
        Meta(
            description="Where clients reach this server: links to files begin with it. No slash at the end.",
            extra={"default": "HOST and PORT"},
        ),
    ] = None
    s3_bucket: Annotated[Word | None, Meta(description="Bucket of the files; needed with BLOBS=s3.")] = None
    s3_buckets: Annotated[
        tuple[PrefixBucket, ...],
        Meta(
            description="Other buckets for some files, by what their keys begin with: `recordings/=school-recordings`."
        ),
    ] = ()
    s3_prefix: Annotated[KeyPrefix, Meta(description="What the keys of files begin with in every bucket.")] = ""
    s3_kms_key: Annotated[
        Word | None, Meta(description="KMS key (id or ARN) that encrypts files; the bucket's own choice when absent.")
    ] = None
    s3_acceleration: Annotated[
        bool, Meta(description="Clients send and read files through S3 Transfer Acceleration.")
    ] = False
    cursor_secret: Annotated[
        SealingSecret | None,
        Meta(
            description="Seals `nextToken`s; the same in every process. Made once in DATA_DIR when records are in"
            " SQLite, needed with DynamoDB."
        ),
    ] = None
    face_attendance: Annotated[
        bool | None,
        Meta(
            description="Let users enroll their faces, by consent, and be marked in meetings by them.",
            extra={"default": "on in development with records in SQLite, off elsewhere"},
        ),
    ] = None
    faces: Annotated[
        Literal["local", "rekognition"],
        Meta(description="What knows faces: this machine, or Amazon Rekognition, which can also tell life."),
    ] = "local"
    face_secret: Annotated[
        SealingSecret | None,
        Meta(
            description="Seals what FACES=local knows of faces; the same in every process. Made once in DATA_DIR when"
            " records are in SQLite, needed with DynamoDB."
        ),
    ] = None
    face_processes: Annotated[
        Annotated[int, Meta(ge=1, le=64)], Meta(description="Processes of FACES=local that look at pictures.")
    ] = 1
    rekognition_collection: Annotated[
        Word, Meta(description="Rekognition's collection of this deployment's faces; made with the first face.")
    ] = "educonnect-faces"
    seed_demo: Annotated[Embedded, Meta(description="Fill an empty database with a demo school.")] = None

    execution: Annotated[
        Literal["plans", "core"],
        Meta(
            description="`plans` compiles operations that come again; `core` leaves everything to graphql-core, some"
            " times slower."
        ),
    ] = "plans"

    local_issuer: Annotated[
        Embedded, Meta(description="Sign tokens with a key of our own in DATA_DIR, as a Cognito user pool would.")
    ] = None
    cognito_user_pool_id: Annotated[
        PoolId | None,
        Meta(description="Accept this Cognito user pool's tokens; its region is the part before the underscore."),
    ] = None
    cognito_client_ids: Annotated[
        tuple[Word, ...], Meta(description="App clients of the pool whose tokens are accepted.")
    ] = ()
    oidc_issuer: Annotated[HttpUrl | None, Meta(description="Accept this OpenID Connect issuer's tokens.")] = None
    oidc_jwks_url: Annotated[
        HttpUrl | None, Meta(description="The issuer's keys; asked of its discovery document when absent.")
    ] = None
    oidc_client_ids: Annotated[
        tuple[Word, ...], Meta(description="Client ids (`aud` or `azp`) whose tokens are accepted.")
    ] = ()
    oidc_groups_claim: Annotated[Word, Meta(description="Claim of an OIDC token that lists its groups.")] = "groups"
    lambda_authorizer: Annotated[
        Word | None,
        Meta(description="Asked about tokens that no issuer signed: `module:function`, or a Lambda's name or ARN."),
    ] = None
    lambda_authorizer_ttl_seconds: Annotated[
        Annotated[int, Meta(ge=0, le=3_600)],
        Meta(description="How long its answer is kept when it sets no ttlOverride; 0 asks every time."),
    ] = 300
    lambda_authorizer_identity_regex: Annotated[
        Expression | None,
        Meta(description="Tokens that do not match are refused without asking."),
    ] = None
    lambda_authorizer_user_key: Annotated[
        Word, Meta(description="Key of resolverContext that holds the user's id.")
    ] = "userId"
    lambda_authorizer_groups_key: Annotated[
        Word, Meta(description="Key of resolverContext that holds the groups, comma-separated.")
    ] = "groups"
    iam_keys: Annotated[
        tuple[IamKey, ...], Meta(description="Backends that may sign requests, as `ACCESS_KEY_ID:SECRET_ACCESS_KEY`.")
    ] = ()
    api_keys: Annotated[
        tuple[ApiKey, ...],
        Meta(description="API keys accepted besides those made by `python -m app api-key`; they do not expire."),
    ] = ()

    cors_origins: Annotated[
        tuple[Origin, ...],
        Meta(description="Web origins that may call the API; `*` is any, as on AppSync. Never with cookies."),
    ] = ("*",)
    trusted_proxies: Annotated[
        tuple[Word, ...],
        Meta(description="Addresses or networks whose X-Forwarded-For is believed for the caller's address."),
    ] = ()
    rate_per_second: Annotated[Count, Meta(description="Requests a second that one caller may make.")] = 100
    rate_burst: Annotated[Count, Meta(description="Requests that one caller may make at once.")] = 200
    max_body_bytes: Annotated[
        Annotated[int, Meta(ge=1_024, le=64 * 1024 * 1024)], Meta(description="Largest request body, bytes.")
    ] = 1024 * 1024
    max_header_bytes: Annotated[
        Annotated[int, Meta(ge=1_024, le=1024 * 1024)], Meta(description="Largest request line and headers, bytes.")
    ] = 32 * 1024
    max_connections: Annotated[Count, Meta(description="Open connections, WebSockets not counted; beyond, 503.")] = (
        5_000
    )
    max_requests: Annotated[Count, Meta(description="Requests worked on at once; beyond, 503.")] = 500
    room_changes_per_second: Annotated[
        Count, Meta(description="Messages, edits, deletions and reactions a second of one room, in each process.")
    ] = 20
    room_changes_burst: Annotated[Count, Meta(description="The same, at once.")] = 50
    user_changes_per_second: Annotated[
        Count, Meta(description="Messages, edits, deletions and reactions a second of one user, in each process.")
    ] = 10
    user_changes_burst: Annotated[Count, Meta(description="The same, at once.")] = 30
    message_days: Annotated[
        Annotated[int, Meta(ge=1, le=3_650)], Meta(description="How long chat messages are kept, days.")
    ] = 30
    max_video_bytes: Annotated[FileBytes, Meta(description="Largest video that may be uploaded, bytes.")] = 50 * GIB
    max_audio_bytes: Annotated[FileBytes, Meta(description="Largest audio file, bytes.")] = 2 * GIB
    max_image_bytes: Annotated[FileBytes, Meta(description="Largest image, bytes.")] = 25 * MIB
    max_document_bytes: Annotated[FileBytes, Meta(description="Largest document, bytes.")] = 200 * MIB
    max_recording_bytes: Annotated[FileBytes, Meta(description="Largest recording, bytes.")] = 50 * GIB
    storage_per_user_bytes: Annotated[
        Annotated[int, Meta(ge=1, le=1024**5)], Meta(description="Bytes of all files of one user together.")
    ] = 100 * GIB
    open_uploads_per_user: Annotated[
        Annotated[int, Meta(ge=1, le=10_000)],
        Meta(description="Uploads of one user that are begun and neither completed, aborted nor expired."),
    ] = 100
    ffmpeg: Annotated[
        Word,
        Meta(description="The program that makes playlists; without it, videos have a length and a still only."),
    ] = "ffmpeg"
    media_processes: Annotated[
        Annotated[int, Meta(ge=1, le=32)],
        Meta(description="Videos and sounds converted at once on this machine."),
    ] = 1
    media_convert_role: Annotated[
        Word | None,
        Meta(description="Role (ARN) for MediaConvert to read and write S3_BUCKET; with it, it makes the playlists."),
    ] = None
    media_convert_queue: Annotated[
        Word | None, Meta(description="MediaConvert's queue (ARN); the account's default when absent.")
    ] = None
    malware_scan_queue_url: Annotated[
        HttpUrl | None,
        Meta(
            description="SQS queue with the results of GuardDuty Malware Protection for S3. With it, no file is used"
            " before it was scanned; without it, none is scanned."
        ),
    ] = None
    redis_url: Annotated[
        RedisUrl | None,
        Meta(description="Redis through which several processes share their events; without it a process is alone."),
    ] = None
    max_sockets: Annotated[Count, Meta(description="Open WebSockets and event streams; beyond, 503.")] = 20_000
    max_sockets_per_caller: Annotated[Count, Meta(description="The same, of one caller.")] = 50
    max_subscriptions: Annotated[Count, Meta(description="Subscriptions on one WebSocket.")] = 200
    max_frame_bytes: Annotated[
        Annotated[int, Meta(ge=1_024, le=16 * 1024 * 1024)],
        Meta(description="Largest message of a client on a WebSocket, bytes."),
    ] = 256 * 1024
    max_unsent_bytes: Annotated[
        Annotated[int, Meta(ge=256 * 1024, le=1024 * 1024 * 1024)],
        Meta(description="Bytes that may wait for a client to read them before it is cut off."),
    ] = 4 * 1024 * 1024
    socket_init_seconds: Annotated[Seconds, Meta(description="Time for the first message on a WebSocket.")] = 10
    max_transfers: Annotated[
        Count, Meta(description="Files that are received at once, and as many that are sent; beyond, 503.")
    ] = 200
    transfer_seconds: Annotated[Seconds, Meta(description="Time for the next 64 KiB of a file to arrive.")] = 30
    request_seconds: Annotated[Seconds, Meta(description="Time for a GraphQL request to be answered.")] = 30
    header_seconds: Annotated[Seconds, Meta(description="Time for a request's headers to arrive.")] = 10
    body_seconds: Annotated[
        Seconds, Meta(description="Time for a request's body to arrive, and for its answer to be taken.")
    ] = 20
    keep_alive_seconds: Annotated[
        Annotated[int, Meta(ge=1, le=3_600)], Meta(description="How long an idle connection is kept.")
    ] = 65
    drain_notice_seconds: Annotated[
        Annotated[float, Meta(ge=0, le=60)],
        Meta(description="On SIGTERM, time between /readyz turning 503 and the end of new connections."),
    ] = 1
    drain_seconds: Annotated[
        Annotated[int, Meta(ge=1, le=300)], Meta(description="After that, time for requests at work to finish.")
    ] = 20

    trusted_documents: Annotated[
        Path | None,
        Meta(
            description="JSON file of the clients' documents by id, as GraphQL Code Generator or Apollo writes it:"
            " clients may send the id alone."
        ),
    ] = None
    only_trusted_documents: Annotated[bool, Meta(description="Execute no other documents.")] = False
    introspection: Annotated[Embedded, Meta(description="Answer `__schema` and `__type`.")] = None
    graphiql: Annotated[Embedded, Meta(description="Serve GraphiQL at /graphiql.")] = None
    max_tokens: Annotated[Count, Meta(description="Tokens of one document.")] = 1_000
    max_depth: Annotated[Count, Meta(description="Nesting of one document's fields.")] = 10
    max_root_fields: Annotated[Count, Meta(description="Root fields of one operation.")] = 20
    max_aliases: Annotated[Count, Meta(description="Aliases of one field, after fragments are spread.")] = 15
    max_cost: Annotated[
        Count, Meta(description="Cost of one operation: 1 a field, times `limit` below a paged list.")
    ] = 5_000

    mail: Annotated[
        Literal["outbox", "smtp", "ses"] | None,
        Meta(
            description="How mail leaves: into `python -m app outbox`, over SMTP_URL, or over Amazon SES.",
            extra={"default": "`outbox` in development, none in production"},
        ),
    ] = None
    mail_from: Annotated[EmailAddress, Meta(description="Address that mail comes from.")] = "educonnect@localhost"
    smtp_url: Annotated[
        SmtpUrl | None,
        Meta(description="Mail server, with user and password if it wants them: `smtp://user:password@host:587`."),
    ] = None
    mail_feedback_queue_url: Annotated[
        HttpUrl | None,
        Meta(description="SQS queue with SES's bounces and complaints; such addresses get no more mail."),
    ] = None
    changes_topic_arn: Annotated[
        FifoTopic | None,
        Meta(description="SNS topic that is told of committed changes, instead of running the steps that follow."),
    ] = None
    changes_queue_url: Annotated[
        FifoQueue | None,
        Meta(description="SQS queue on that topic, whose changes this process handles."),
    ] = None
    workers: Annotated[
        bool, Meta(description="Do here what follows from changes and what is due; off where other processes do it.")
    ] = True
    appsync_url: Annotated[
        HttpUrl | None,
        Meta(description="GraphQL endpoint of the AppSync API, to which Lambda functions publish events, signed."),
    ] = None
    clients_url: Annotated[
        HttpUrl | None, Meta(description="Where the web client is; mails link to it. Without a slash at the end.")
    ] = None
    web_push_key: Annotated[
        PushKey | None,
        Meta(
            description="Signs pushes to browsers; the same in every process. Made once in DATA_DIR when records are"
            " in SQLite; absent with DynamoDB, browsers get none."
        ),
    ] = None
    web_push_hosts: Annotated[
        tuple[Word, ...], Meta(description="Push services of browsers that may be called; `*` is any part of a name.")
    ] = (
        "fcm.googleapis.com",
        "updates.push.services.mozilla.com",
        "*.push.apple.com",
        "*.notify.windows.com",
    )
    sns_push_applications: Annotated[
        tuple[PushApplication, ...], Meta(description="SNS platform applications that push to phones.")
    ] = ()
    sns_texts: Annotated[bool, Meta(description="Send text messages over Amazon SNS.")] = False
    announced_per_second: Annotated[
        Count, Meta(description="Learners told of announcements a second, in all courses together.")
    ] = 200

    meetings: Annotated[
        Literal["local", "chime"],
        Meta(description="What carries meetings: our own engine, which has no sound or picture yet, or Amazon Chime."),
    ] = "local"
    meeting_media_regions: Annotated[
        tuple[Word, ...],
        Meta(
            description="Chime's media regions that may be used: the one near the host's time zone is. Without any it"
            " is AWS_REGION."
        ),
    ] = ()
    meeting_events_queue_url: Annotated[
        HttpUrl | None, Meta(description="SQS queue with Chime's events, from which presence in meetings is known.")
    ] = None
    meeting_recordings: Annotated[
        bool, Meta(description="Let hosts record meetings over Chime. Its media pipelines need access to S3_BUCKET.")
    ] = False

    traces: Annotated[
        Literal["none", "otlp"],
        Meta(description="Send OpenTelemetry traces over OTLP/HTTP; where and which, OTEL_* variables say."),
    ] = "none"
    dashboard: Annotated[
        Embedded, Meta(description="Serve a page with live metrics at /dashboard, to this machine only.")
    ] = None
    metrics_host: Annotated[Word, Meta(description="Address of METRICS_PORT; never one that the world reaches.")] = (
        "127.0.0.1"
    )
    metrics_port: Annotated[
        Port | None, Meta(description="Serve Prometheus' /metrics there; 0 takes a free port. Absent, nowhere.")
    ] = None
    metrics_emf: Annotated[
        bool, Meta(description="Write metrics to stdout every minute, as CloudWatch's Embedded Metric Format.")
    ] = False

    minimum_client_version: Annotated[Version, Meta(description="Oldest client version served.")] = "0.1.0"
    log_level: Annotated[
        Literal["DEBUG", "INFO", "WARNING", "ERROR"], Meta(description="Least severe lines that are logged.")
    ] = "INFO"

    @classmethod
    def load(cls, environ: Mapping[str, str]) -> "Settings":
        """From environment variables; an empty one counts as absent. Raises SettingsFault with all faults."""
        given = {
            field.name: text
            for field in msgspec.structs.fields(cls)
            if (text := environ.get(field.name.upper(), "").strip())
        }
        chosen: dict[str, Any] = {}
        faults: list[str] = []
        for field in msgspec.structs.fields(cls):
            if field.name not in given:
                continue
            try:
                shape = settings_text.shaped(given[field.name], field.type)
                chosen[field.name] = msgspec.convert(shape, field.type, strict=False, dec_hook=_custom)
            except msgspec.ValidationError:
                faults.append(f"{field.name.upper()}: takes {settings_text.takes(field.type)}")
        settings = cls(**chosen)._decided()
        faults += [fault for broken, fault in _RULES if broken(settings, given.keys())]
        if faults:
            raise SettingsFault(faults)
        return settings

    def _decided(self) -> "Settings":
        """The switches that follow ENVIRONMENT, turned."""
        development = self.environment == "development"
        defaults = {
            "seed_demo": development,
            "face_attendance": development and self.records == "sqlite",
            "local_issuer": development and self.cognito_user_pool_id is None,
            "introspection": development,
            "graphiql": development,
            "dashboard": development,
            "mail": "outbox" if development else None,
        }
        undecided = {name: value for name, value in defaults.items() if getattr(self, name) is None}
        return msgspec.structs.replace(self, **undecided)

    @property
    def base_url(self) -> str:
        """Where clients reach this server, without a slash at the end; on this machine when PUBLIC_URL does not say."""
        return self.local_url if self.public_url is None else self.public_url.rstrip("/")

    @property
    def local_url(self) -> str:
        """The same, as this machine names itself."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104 - compared only
        named = f"[{host}]" if ":" in host and not host.startswith("[") else host
        return f"{'https' if self.tls else 'http'}://{named}:{self.port}"

    def __repr__(self) -> str:
        """Names only: values may be secret, and a repr ends up in tracebacks."""
        return f"Settings(environment={self.environment!r}, ...)"


def _custom(kind: type, value: Any) -> Any:
    """msgspec's hook for a type that it does not know: a path is made from its text."""
    return kind(value)


def _is_expression(text: str) -> bool:
    try:
        re.compile(text)
    except re.error:
        return False
    return True


_Rule = tuple[Callable[[Settings, Set[str]], bool], str]
"""What must not be, of the settings and of the names given, and how to say so."""


def _in_production(needed: str) -> _Rule:
    return (
        lambda it, given: it.environment == "production" and needed not in given,
        f"{needed.upper()}: has to be chosen in production",
    )


def _never_in_production(name: str) -> _Rule:
    return (
        lambda it, _: it.environment == "production" and bool(getattr(it, name)),
        f"{name.upper()}: cannot be on in production",
    )


_RULES: tuple[_Rule, ...] = (
    _in_production("host"),
    _in_production("records"),
    _in_production("blobs"),
    _in_production("cors_origins"),
    _never_in_production("graphiql"),
    _never_in_production("seed_demo"),
    _never_in_production("tls"),
    (
        lambda it, _: it.records == "dynamodb" and it.cursor_secret is None,
        "CURSOR_SECRET: needed with RECORDS=dynamodb, the same in every process",
    ),
    (
        lambda it, _: it.blobs == "s3" and it.s3_bucket is None,
        "S3_BUCKET: needed with BLOBS=s3",
    ),
    (
        lambda it, _: it.media_convert_role is not None and it.blobs != "s3",
        "MEDIA_CONVERT_ROLE: needs BLOBS=s3",
    ),
    (
        lambda it, given: (
            it.environment == "production" and "blobs" in given and it.blobs == "files" and it.public_url is None
        ),
        "PUBLIC_URL: needed with BLOBS=files in production",
    ),
    (
        lambda it, _: (
            bool(it.face_attendance) and it.faces == "local" and it.records == "dynamodb" and it.face_secret is None
        ),
        "FACE_SECRET: needed with FACE_ATTENDANCE, FACES=local and RECORDS=dynamodb, the same in every process",
    ),
    (
        lambda it, _: bool(it.local_issuer) and it.cognito_user_pool_id is not None,
        "LOCAL_ISSUER: has to be off with COGNITO_USER_POOL_ID, whose place it takes",
    ),
    (
        lambda it, _: it.cognito_user_pool_id is not None and not it.cognito_client_ids,
        "COGNITO_CLIENT_IDS: needed with COGNITO_USER_POOL_ID",
    ),
    (
        lambda it, _: it.oidc_issuer is not None and not it.oidc_client_ids,
        "OIDC_CLIENT_IDS: needed with OIDC_ISSUER",
    ),
    (
        lambda it, _: (
            it.environment == "production"
            and not (it.local_issuer or it.cognito_user_pool_id or it.oidc_issuer or it.lambda_authorizer)
        ),
        "COGNITO_USER_POOL_ID, OIDC_ISSUER, LAMBDA_AUTHORIZER or LOCAL_ISSUER: production needs one way to sign in",
    ),
    (
        lambda it, _: it.only_trusted_documents and it.trusted_documents is None,
        "TRUSTED_DOCUMENTS: needed with ONLY_TRUSTED_DOCUMENTS",
    ),
    (
        lambda it, _: it.mail == "smtp" and it.smtp_url is None,
        "SMTP_URL: needed with MAIL=smtp",
    ),
    (
        lambda it, given: it.mail in ("smtp", "ses") and "mail_from" not in given,
        "MAIL_FROM: needed with MAIL=smtp and MAIL=ses",
    ),
    (
        lambda it, _: it.meetings == "chime" and it.meeting_events_queue_url is None,
        "MEETING_EVENTS_QUEUE_URL: needed with MEETINGS=chime",
    ),
    (
        lambda it, _: it.meeting_recordings and not (it.meetings == "chime" and it.blobs == "s3"),
        "MEETING_RECORDINGS: needs MEETINGS=chime and BLOBS=s3",
    ),
    (
        lambda it, _: not _is_expression(it.lambda_authorizer_identity_regex or ""),
        "LAMBDA_AUTHORIZER_IDENTITY_REGEX: takes regular expression",
    ),
    (
        lambda it, _: "*" in it.cors_origins and len(it.cors_origins) > 1,
        "CORS_ORIGINS: `*` stands alone",
    ),
)
