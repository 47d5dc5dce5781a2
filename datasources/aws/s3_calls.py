"""Requests to S3: bounded in number and time by botocore's own repeats and our deadline, errors translated."""

import asyncio
import logging
from collections.abc import Mapping, Set
from typing import Any

from aiohttp import ClientError as ConnectionFault
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from domain.errors import DomainError, dependency_failed, throttled

_log = logging.getLogger(__name__)

SERVICE = "The file store"
CONNECT_SECONDS = 2
READ_SECONDS = 60
"""S3 may think for long about a copy or a completion; `call` bounds each request besides."""
ATTEMPTS = 4
CONNECTIONS = 50
DEADLINE_SECONDS = 15.0

_BUSY = frozenset(
    {
        "SlowDown",
        "503",
        "Throttling",
        "ThrottlingException",
        "RequestLimitExceeded",
        "ServiceUnavailable",
        "OperationAborted",
        "BandwidthLimitExceeded",
    }
)
VENDOR_ERRORS = (ClientError, BotoCoreError, ConnectionFault, TimeoutError, OSError)


Request = Mapping[str, Any]
"""Parameters under botocore's names."""


class Refused(Exception):
    """S3's answer is one that the caller has to interpret."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def client_config(*, path_style: bool = False, acceleration: bool = False) -> Any:
    """For all clients of S3.

    Args:
        path_style: the bucket's name is in the path, as emulators want it, and not in the host.
        acceleration: requests go to the nearest edge location.
    """
    return Config(
        signature_version="s3v4",
        connect_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS,
        max_pool_connections=CONNECTIONS,
        parameter_validation=False,
        retries={"total_max_attempts": ATTEMPTS, "mode": "standard"},
        # A checksum of botocore's own would end up in signed URLs, where clients would have to send it.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        s3={"addressing_style": "path" if path_style else "virtual", "use_accelerate_endpoint": acceleration},
    )


async def call(
    client: Any,
    operation: str,
    request: Request,
    *,
    interpreted: Set[str] = frozenset(),
    seconds: float = DEADLINE_SECONDS,
) -> dict[str, Any]:
    """One operation's answer.

    Args:
        client: aioboto3's low-level client.
        operation: its method, e.g. "head_object".
        request: its parameters.
        interpreted: S3's codes that the caller reads itself.
        seconds: for all attempts together.

    Raises:
        Refused: with one of `interpreted`.
        DomainError: THROTTLED or DEPENDENCY_FAILED.
    """
    try:
        async with asyncio.timeout(seconds):
            answer: dict[str, Any] = await getattr(client, operation)(**request)
            return answer
    except VENDOR_ERRORS as error:
        if (code := code_of(error)) in interpreted:
            raise Refused(code) from None
        raise translated(operation, code) from None


def code_of(error: BaseException) -> str:
    """S3's name of the fault, or the exception's where S3 never answered."""
    if isinstance(error, ClientError):
        return str(error.response.get("Error", {}).get("Code", "")) or type(error).__name__
    return type(error).__name__


def translated(operation: str, code: str) -> DomainError:
    """Only the error's code is logged: messages may hold keys."""
    if code in _BUSY:
        return throttled(SERVICE)
    _log.error("S3 failed", extra={"operation": operation, "error": code})
    return dependency_failed(SERVICE)
