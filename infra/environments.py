"""The environments, as data. What differs between them is here and nowhere else."""

from dataclasses import dataclass, field
from datetime import date
from typing import Literal

Name = Literal["dev", "staging", "prod"]


@dataclass(frozen=True, kw_only=True)
class Capacity:
    """Provisioned capacity of each table and index, scaled between these bounds at 70 % use."""

    least: int
    most: int


@dataclass(frozen=True, kw_only=True)
class Replica:
    """A further region of every table, and the KMS key there that encrypts them."""

    region: str
    key_arn: str


@dataclass(frozen=True, kw_only=True)
class SocialSignIn:
    """A provider of sign-in whose client secret is in Secrets Manager, under `educonnect-ENVIRONMENT-PROVIDER`."""

    provider: Literal["Google", "Facebook", "LinkedIn"]
    client_id: str


@dataclass(frozen=True, kw_only=True)
class Environment:
    """One deployment of the whole.

    Attributes:
        region: where everything is, but what CloudFront wants in us-east-1.
        zones: availability zones of the network, two at least.
        appsync: serve the API by AppSync and Lambda.
        fargate: serve the API by our own server on Fargate.
        keeps_data: tables, buckets, keys and user pools outlive their stacks and refuse to be deleted.
        log_days: how long log groups keep what they hold; one of CloudWatch's choices.
        nat_gateways: ways from private subnets to services without endpoints; with one a zone, none depends on another.
        private_endpoints: reach AWS's services from the private subnets without the internet; some $8 a month, service
            and zone. S3 and DynamoDB are always reached so, which costs nothing.
        web_origins: origins of the web clients, which may send files and read answers in browsers.
        table_capacity: None is on demand.
        replicas: further regions of every table (DynamoDB global tables; the last writer wins).
        copy_region: where backups and files are copied to; None copies nothing.
        object_lock_days: what is in the buckets of backups and logs can be removed by nobody for so long; None locks
            nothing.
        malware_scans: GuardDuty looks at each file before it is used.
        accelerated_uploads: clients send files over S3 Transfer Acceleration.
        social_sign_in: further ways to sign in to the user pool.
        domain: the zone that the API's names are made in: `api.` is our server, `appsync.` is AppSync.
        hosted_zone_id: Route 53's id of that zone, which is there before.
        cloudfront_prefix_list: the region's managed list `com.amazonaws.global.cloudfront.origin-facing`.
        tasks: bounds of the server's tasks; two at least, so that one may go.
        worker_tasks: tasks that run the workers, on Spot.
        cache_node: size of the Redis that carries events between tasks.
        provisioned_concurrency: resolver functions that AppSync finds warm; 0 keeps none.
        appsync_cache: size of AppSync's cache for public fields ("SMALL"); None is none.
        api_key_expires: when AppSync's API key ends, a day within 365 days of the deployment.
        oidc_issuer: accept this OpenID Connect issuer's tokens too.
        oidc_client_ids: the clients of that issuer.
        lambda_authorizer: accept tokens that a function of yours judges: `module:function` in the bundle.
        requests_per_address: what one address may send in five minutes before WAF refuses it.
        price_class: of CloudFront; "100" is Europe and North America.
        shield_advanced: protect by Shield Advanced, to which the account has to be subscribed.
        analytics_database: a PostgreSQL for reports.
        monthly_budget_usd: what a month may cost before somebody is told.
        ops_mail: who is told, of budgets and alarms.
    """

    name: Name
    region: str = "eu-central-1"
    zones: tuple[str, ...] = ("eu-central-1a", "eu-central-1b")
    cidr: str = "10.20.0.0/16"
    appsync: bool = True
    fargate: bool = True
    keeps_data: bool = True
    log_days: int = 30
    nat_gateways: int = 1
    web_origins: tuple[str, ...] = ()
    table_capacity: Capacity | None = None
    replicas: tuple[Replica, ...] = ()
    copy_region: str | None = None
    object_lock_days: int | None = None
    malware_scans: bool = True
    accelerated_uploads: bool = False
    private_endpoints: bool = True
    social_sign_in: tuple[SocialSignIn, ...] = ()
    domain: str
    hosted_zone_id: str
    cloudfront_prefix_list: str = "pl-a3a144ca"
    tasks: tuple[int, int] = (2, 4)
    worker_tasks: int = 1
    cache_node: str = "cache.t4g.micro"
    provisioned_concurrency: int = 0
    appsync_cache: str | None = None
    api_key_expires: date = date(2027, 10, 1)
    oidc_issuer: str | None = None
    oidc_client_ids: tuple[str, ...] = ()
    lambda_authorizer: str | None = None
    requests_per_address: int = 3_000
    price_class: Literal["100", "200", "ALL"] = "100"
    shield_advanced: bool = False
    analytics_database: bool = False
    monthly_budget_usd: int
    ops_mail: str = "ops@educonnect.example"
    tags: dict[str, str] = field(default_factory=lambda: {"CostCenter": "learning", "Owner": "platform"})

    @property
    def prefix(self) -> str:
        """What the names of tables, queues and the like begin with."""
        return f"educonnect-{self.name}-"

    @property
    def server_name(self) -> str:
        """Where clients reach our server: its API, playlists and uploads over plain HTTP."""
        return f"api.{self.domain}"

    @property
    def appsync_name(self) -> str:
        """Where clients reach AppSync."""
        return f"appsync.{self.domain}"


ENVIRONMENTS: dict[Name, Environment] = {
    "dev": Environment(
        name="dev",
        keeps_data=False,
        log_days=7,
        private_endpoints=False,
        malware_scans=False,
        web_origins=("http://localhost:5173",),
        domain="dev.educonnect.example",
        hosted_zone_id="Z0123456789DEV",
        monthly_budget_usd=200,
    ),
    "staging": Environment(
        name="staging",
        web_origins=("https://staging.educonnect.example",),
        domain="staging.educonnect.example",
        hosted_zone_id="Z0123456789STAGING",
        monthly_budget_usd=600,
    ),
    "prod": Environment(
        name="prod",
        zones=("eu-central-1a", "eu-central-1b", "eu-central-1c"),
        nat_gateways=3,
        log_days=365,
        web_origins=("https://educonnect.example",),
        copy_region="eu-west-1",
        object_lock_days=35,
        accelerated_uploads=True,
        domain="educonnect.example",
        hosted_zone_id="Z0123456789PROD",
        tasks=(3, 30),
        worker_tasks=2,
        cache_node="cache.m7g.large",
        provisioned_concurrency=5,
        appsync_cache="SMALL",
        price_class="ALL",
        monthly_budget_usd=4_000,
    ),
}
