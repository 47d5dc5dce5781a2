"""Requests to DynamoDB: repeated where that is safe, bounded in number and time, errors translated.

Only what DynamoDB surely did not do, or what may be done twice, is sent again.
"""

import asyncio
import logging
import random
from typing import Any

import aiohttp
from botocore.exceptions import BotoCoreError, ClientError, ConnectTimeoutError, EndpointConnectionError

from datasources.values import item_too_large
from domain.errors import Code, DomainError, dependency_failed, throttled

_log = logging.getLogger(__name__)

SERVICE = "The record store"
DEADLINE_SECONDS = 9.0
RETRIES = 5
BACKOFF_SECONDS = 0.05
"""The first pause is at most this, each later one at most twice the one before; all are random (full jitter)."""

_BUSY = frozenset(
    {
        "ProvisionedThroughputExceeded",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "Throttling",
        "ThrottlingError",
        "ThrottlingException",
        "TransactionConflict",
        "TransactionConflictException",
        "TransactionInProgressException",
    }
)
_NEVER_SENT = (
    EndpointConnectionError,
    ConnectTimeoutError,
    aiohttp.ClientConnectorError,
    aiohttp.ConnectionTimeoutError,
)
_VENDOR_ERRORS = (ClientError, BotoCoreError, aiohttp.ClientError)
_INTERPRETED = frozenset(
    {
        "ConditionalCheckFailedException",
        "ExpiredIteratorException",
        "IdempotentParameterMismatchException",
        "TransactionCanceledException",
        "TrimmedDataAccessException",
    }
)


class Refused(Exception):
    """DynamoDB's answer is one that the caller has to interpret."""

    def __init__(self, code: str, response: dict[str, Any]) -> None:
        super().__init__(code)
        self.code = code
        self.response = response


class Missing(DomainError):
    """DEPENDENCY_FAILED because a table or stream does not exist."""

    def __init__(self) -> None:
        super().__init__(Code.DEPENDENCY_FAILED, f"{SERVICE} lacks a table.", service=SERVICE)


def deadline() -> "_Deadline":
    """Everything that one call of the port sends, pauses included, fits in here or is DEPENDENCY_FAILED."""
    return _Deadline()


class _Deadline:
    """A class, because a generator would cost as much as the checks of an operation."""

    async def __aenter__(self) -> None:
        self._timeout = asyncio.timeout(DEADLINE_SECONDS)
        await self._timeout.__aenter__()

    async def __aexit__(self, *raised: Any) -> None:
        try:
            await self._timeout.__aexit__(*raised)
        except TimeoutError:
            _log.error("DynamoDB did not answer in time")
            raise dependency_failed(SERVICE) from None


async def pause(attempt: int) -> None:
    """Wait before attempt 1, 2, ...; raises THROTTLED when there have been enough."""
    if attempt > RETRIES:
        raise throttled(SERVICE)
    await asyncio.sleep(random.uniform(0, BACKOFF_SECONDS * 2 ** (attempt - 1)))  # noqa: S311 - not a secret


async def send(client: Any, operation: str, *, repeatable: bool, **request: Any) -> dict[str, Any]:
    """One operation's answer.

    Args:
        client: ours, or aioboto3's for streams.
        operation: its method, e.g. "get_item".
        repeatable: doing it twice has the effect and the answer of doing it once.

    Raises:
        Refused: for conditions and other answers that the caller knows how to read.
        DomainError: THROTTLED or DEPENDENCY_FAILED; LIMIT_EXCEEDED for an item that grew too large.
        ValueError: DynamoDB finds the request invalid.
    """
    attempt = 0
    while True:
        try:
            answer: dict[str, Any] = await getattr(client, operation)(**request)
            return answer
        except _VENDOR_ERRORS as error:
            failure = _Failure(error)
            if failure.code in _INTERPRETED and not failure.busy:
                raise Refused(failure.code, failure.response) from None
            attempt += 1
            if attempt > RETRIES or not failure.may_be_repeated(repeatable):
                raise failure.translated(operation) from None
        await pause(attempt)


class _Failure:
    """A vendor's exception, read once."""

    def __init__(self, error: Exception) -> None:
        self._error = error
        self.response: dict[str, Any] = error.response if isinstance(error, ClientError) else {}
        self.code: str = self.response.get("Error", {}).get("Code", type(error).__name__)
        self._status: int = self.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        reasons = {reason.get("Code", "None") for reason in self.response.get("CancellationReasons", ())} - {"None"}
        self.busy = (reasons or {self.code}) <= _BUSY

    def may_be_repeated(self, repeatable: bool) -> bool:
        if self.busy or isinstance(self._error, _NEVER_SENT):
            return True
        # The request may have been carried out: an answer was lost, or the server failed amid it.
        uncertain = self._status >= 500 or not isinstance(self._error, ClientError)
        return repeatable and uncertain

    def translated(self, operation: str) -> DomainError | ValueError:
        """Only the error's code is logged: messages may hold keys and values."""
        if self.busy:
            return throttled(SERVICE)
        if self.code == "ValidationException":
            if "Item size" in self.response["Error"].get("Message", ""):
                return item_too_large()
            return ValueError(f"DynamoDB finds {operation} invalid")
        _log.error("DynamoDB failed", extra={"operation": operation, "error": self.code})
        if self.code == "ResourceNotFoundException":
            return Missing()
        return dependency_failed(SERVICE)
