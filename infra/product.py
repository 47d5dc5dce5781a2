"""The product's settings (docs/settings.md) as this infrastructure answers them, the same for every process."""

from domain.callers import Mode
from infra.environments import Environment
from infra.stacks.data import DataStack
from infra.stacks.identity import IdentityStack
from infra.stacks.media import MediaStack
from infra.stacks.messaging import MessagingStack
from infra.stacks.storage import StorageStack


def settings(
    environment: Environment,
    data: DataStack,
    storage: StorageStack,
    identity: IdentityStack,
    messaging: MessagingStack,
    media: MediaStack,
) -> dict[str, str]:
    """Environment variables, without secrets and without what only one kind of process has."""
    chosen = {
        "ENVIRONMENT": "production",
        "HOST": "0.0.0.0",  # noqa: S104 - of the container, which is in a private network
        "RECORDS": "dynamodb",
        "TABLE_PREFIX": data.prefix,
        **storage.server_settings,
        "PUBLIC_URL": f"https://{environment.server_name}",
        "COGNITO_USER_POOL_ID": identity.pool.user_pool_id,
        "COGNITO_CLIENT_IDS": identity.client.user_pool_client_id,
        "TRUSTED_PROXIES": environment.cidr,  # the load balancer
        "CORS_ORIGINS": ",".join(environment.web_origins),
        "CLIENTS_URL": environment.web_origins[0],
        "FACES": "rekognition",
        "REKOGNITION_COLLECTION": media.collection,
        "MEDIA_CONVERT_ROLE": media.converter.role_arn,
        "MEDIA_CONVERT_QUEUE": media.queue_arn,
        "MEETINGS": "chime",
        "MEETING_EVENTS_QUEUE_URL": messaging.meeting_events.queue_url,
        "MEETING_RECORDINGS": "true",
        "MAIL": "ses",
        "MAIL_FROM": f"learning@{environment.domain}",
        "MAIL_FEEDBACK_QUEUE_URL": messaging.mail_feedback.queue_url,
        "CHANGES_TOPIC_ARN": messaging.changes_topic.topic_arn,
        "CHANGES_QUEUE_URL": messaging.changes_queue.queue_url,
    }
    if environment.malware_scans:
        chosen["MALWARE_SCAN_QUEUE_URL"] = messaging.malware_scans.queue_url
    if environment.oidc_issuer is not None:
        chosen["OIDC_ISSUER"] = environment.oidc_issuer
        chosen["OIDC_CLIENT_IDS"] = ",".join(environment.oidc_client_ids)
    if environment.lambda_authorizer is not None:
        chosen["LAMBDA_AUTHORIZER"] = environment.lambda_authorizer
    return chosen


def user_modes(environment: Environment) -> frozenset[Mode]:
    """In which of AppSync's modes people may sign in."""
    modes = {Mode.COGNITO}
    if environment.oidc_issuer is not None:
        modes.add(Mode.OIDC)
    if environment.lambda_authorizer is not None:
        modes.add(Mode.LAMBDA)
    return frozenset(modes)
