"""What calls to AWS's services fail with, and how long they may take."""

from typing import Any

from aiohttp import ClientError as ConnectionFault
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

CONNECT_SECONDS = 2
READ_SECONDS = 10

FAULTS = (BotoCoreError, ClientError, ConnectionFault, TimeoutError, OSError)


def client_config(read_seconds: int = READ_SECONDS) -> Any:
    """For services whose calls are tried again by the caller."""
    return Config(
        connect_timeout=CONNECT_SECONDS,
        read_timeout=read_seconds,
        retries={"total_max_attempts": 1, "mode": "standard"},
    )


def code_of(error: BaseException) -> str:
    """AWS's name of the fault; empty when it never answered."""
    return str(error.response.get("Error", {}).get("Code", "")) if isinstance(error, ClientError) else ""


def status_of(error: BaseException) -> int:
    """The HTTP status of AWS's answer; 0 when it never answered."""
    if not isinstance(error, ClientError):
        return 0
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
