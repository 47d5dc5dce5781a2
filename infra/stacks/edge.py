"""What the world sees: CloudFront before our server and before the web client's bucket. Nothing behind it is public."""

import aws_cdk as cdk
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_cloudfront as cloudfront
from aws_cdk import aws_cloudfront_origins as origins
from aws_cdk import aws_elasticloadbalancingv2 as balancing
from aws_cdk import aws_route53 as route53
from aws_cdk import aws_route53_targets as targets
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_shield as shield
from constructs import Construct

from infra.acknowledgements import acknowledge
from infra.environments import Environment
from infra.firewall import firewall
from infra.stacks.base import EnvironmentStack
from infra.stacks.storage import StorageStack

GLOBAL_REGION = "us-east-1"
"""Where CloudFront and AppSync's names look for certificates, and CloudFront for its firewall."""
ORIGIN_SECONDS = 60
"""How long CloudFront waits for our server, which answers within REQUEST_SECONDS; sockets are not bound by it."""


class GlobalStack(EnvironmentStack):
    """Offers the `certificate` of all names of the environment, and CloudFront's `firewall`."""

    def __init__(self, scope: Construct, environment: Environment) -> None:
        super().__init__(scope, "global", environment, region=GLOBAL_REGION, shared=True)
        zone = hosted_zone(self)
        self.certificate = acm.Certificate(
            self,
            "Certificate",
            domain_name=environment.domain,
            subject_alternative_names=[f"*.{environment.domain}"],
            validation=acm.CertificateValidation.from_dns(zone),
        )
        self.firewall_arn = firewall(self, "CLOUDFRONT").attr_arn


class EdgeStack(EnvironmentStack):
    """Offers the distributions: `api` before the server, None without one, and `site`, the web client's.

    Args:
        server: the load balancer of the server, in private subnets.
    """

    def __init__(
        self,
        scope: Construct,
        environment: Environment,
        shared: GlobalStack,
        storage: StorageStack,
        server: balancing.ApplicationLoadBalancer | None,
    ) -> None:
        super().__init__(scope, "edge", environment, shared=True)
        self._shared = shared
        self._storage = storage
        self._zone = hosted_zone(self)
        self.site = self._site()
        self.api = None if server is None else self._api(server)

    def _api(self, server: balancing.ApplicationLoadBalancer) -> cloudfront.Distribution:
        """Nothing is cached: an answer is one caller's. All headers pass, for IAM callers sign the host."""
        origin = origins.VpcOrigin.with_application_load_balancer(
            server,
            protocol_policy=cloudfront.OriginProtocolPolicy.HTTPS_ONLY,
            origin_ssl_protocols=[cloudfront.OriginSslPolicy.TLS_V1_2],
            read_timeout=cdk.Duration.seconds(ORIGIN_SECONDS),
            keepalive_timeout=cdk.Duration.seconds(60),
        )
        behavior = cloudfront.BehaviorOptions(
            origin=origin,
            allowed_methods=cloudfront.AllowedMethods.ALLOW_ALL,
            cache_policy=cloudfront.CachePolicy.CACHING_DISABLED,
            origin_request_policy=cloudfront.OriginRequestPolicy.ALL_VIEWER,
            viewer_protocol_policy=cloudfront.ViewerProtocolPolicy.HTTPS_ONLY,
        )
        return self._distribution("Api", self.settings.server_name, behavior)

    def _site(self) -> cloudfront.Distribution:
        """The web client: files that a build of another project puts into the bucket."""
        self.site_bucket = s3.Bucket(
            self,
            "SiteBucket",
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            encryption=s3.BucketEncryption.S3_MANAGED,  # public files; a key of ours would have to trust CloudFront
            enforce_ssl=True,
            versioned=True,
            server_access_logs_bucket=self._storage.logs,
            server_access_logs_prefix="site/",
            lifecycle_rules=[s3.LifecycleRule(noncurrent_version_expiration=cdk.Duration.days(30))],
            removal_policy=self.removal,
        )
        behavior = cloudfront.BehaviorOptions(
            origin=origins.S3BucketOrigin.with_origin_access_control(self.site_bucket),
            cache_policy=cloudfront.CachePolicy.CACHING_OPTIMIZED,
            response_headers_policy=cloudfront.ResponseHeadersPolicy.SECURITY_HEADERS,
            viewer_protocol_policy=cloudfront.ViewerProtocolPolicy.REDIRECT_TO_HTTPS,
        )
        return self._distribution("Site", self.settings.domain, behavior, root="index.html")

    def _distribution(
        self, name: str, host: str, behavior: cloudfront.BehaviorOptions, *, root: str | None = None
    ) -> cloudfront.Distribution:
        made = cloudfront.Distribution(
            self,
            name,
            domain_names=[host],
            certificate=self._shared.certificate,
            minimum_protocol_version=cloudfront.SecurityPolicyProtocol.TLS_V1_2_2021,
            default_behavior=behavior,
            default_root_object=root,
            http_version=cloudfront.HttpVersion.HTTP2_AND_3,
            enable_logging=True,
            log_bucket=self._storage.logs,
            log_file_prefix=f"cloudfront/{name.lower()}/",
            log_includes_cookies=False,
            price_class=getattr(cloudfront.PriceClass, f"PRICE_CLASS_{self.settings.price_class}"),
            publish_additional_metrics=True,
            web_acl_id=self._shared.firewall_arn,
        )
        acknowledge(made, "CFR1", "Learners are everywhere; who may see what is decided by the API, not by country.")
        target = route53.RecordTarget.from_alias(targets.CloudFrontTarget(made))
        route53.ARecord(self, f"{name}Record", zone=self._zone, record_name=host, target=target)
        route53.AaaaRecord(self, f"{name}Record6", zone=self._zone, record_name=host, target=target)
        if self.settings.shield_advanced:
            shielded = f"{self.settings.prefix}{name}"
            shield.CfnProtection(self, f"{name}Shield", name=shielded, resource_arn=made.distribution_arn)
        return made


def hosted_zone(stack: EnvironmentStack) -> route53.IHostedZone:
    """The zone that is there before; asked about nothing, so that synthesis needs no account."""
    return route53.HostedZone.from_hosted_zone_attributes(
        stack, "Zone", hosted_zone_id=stack.settings.hosted_zone_id, zone_name=stack.settings.domain
    )
