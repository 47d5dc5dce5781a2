"""The Lambda mode: a function of the operator says whom a token stands for.

Event, answer and caching are AppSync's. Two things are ours: a resolverContext without the user's id is a
refusal, since this mode is for people; and a denied field that cannot be read denies everything.
"""

import asyncio
import hashlib
import re
import uuid
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final

import msgspec

from app.auth.claims import USER_ID, group_names, text
from app.auth.config import MAX_AUTHORIZER_TTL_SECONDS, AuthorizerConfig
from app.auth.credentials import Credentials, ReadOperation
from datasources.ports import LambdaAuthorizer
from datasources.recent import ExpiringCache
from domain.callers import Caller, Mode
from domain.errors import DomainError

CALL_SECONDS = 10.0
MAX_CALLS = 32
"""Calls at once; others wait within their 10 seconds."""
REMEMBERED_ANSWERS = 10_000
MAX_REMEMBERED_BYTES = 1024 * 1024
_DENIED_FIELD: Final = re.compile(
    r"(?:arn:[\w-]+:appsync:[\w-]*:\d*:apis/[\w-]+/types/(\w+)/fields/(\w+)|(\w+)\.(\w+))", re.ASCII
)
_HIDDEN_HEADERS: Final = frozenset({"cookie"})


class _Answer(msgspec.Struct, frozen=True, rename="camel"):
    """What a Lambda authorizer returns; resolverContext is flat."""

    is_authorized: bool
    resolver_context: dict[str, str | int | float | bool | list[str] | None] | None = None
    denied_fields: list[str] | None = None
    ttl_override: Annotated[float, msgspec.Meta(ge=0)] | None = None


class _Decision(msgspec.Struct, frozen=True):
    """A remembered answer; no caller is a refusal."""

    caller: Caller | None


class AuthorizerVerifier:
    """Asks the authorizer and remembers what it said about a token for as long as it allows.

    Args:
        clock: epoch seconds.
    """

    def __init__(self, config: AuthorizerConfig, authorizer: LambdaAuthorizer, clock: Callable[[], float]) -> None:
        self._config = config
        self._authorizer = authorizer
        self._clock = clock
        expression = config.identity_expression
        self._identity = None if expression is None else re.compile(expression)
        self._decisions: ExpiringCache[bytes, _Decision, float] = ExpiringCache(REMEMBERED_ANSWERS)
        self._slots = asyncio.Semaphore(MAX_CALLS)

    async def verify(self, token: str, credentials: Credentials, operation: ReadOperation) -> Caller | None:
        """The caller; None when the authorizer refuses, fails, or answers what it may not."""
        digest = hashlib.sha256(token.encode()).digest()
        remembered = self._decisions.get(digest, self._clock())
        if remembered is not None:
            return remembered.caller
        if self._identity is not None and self._identity.fullmatch(token) is None:
            return None
        event = self._event(token, credentials, operation)
        try:
            async with asyncio.timeout(CALL_SECONDS), self._slots:
                raw = await self._authorizer.authorize(event)
            answer = msgspec.convert(raw, _Answer)
        except (DomainError, TimeoutError, msgspec.ValidationError):
            return None
        decision = _Decision(_caller(answer, self._config))
        self._remember(digest, decision, answer, raw)
        return decision.caller

    def forget(self) -> None:
        self._decisions.clear()

    def _event(self, token: str, credentials: Credentials, read: ReadOperation) -> dict[str, Any]:
        operation = read()
        return {
            "authorizationToken": token,
            "requestContext": {
                "apiId": self._config.api_id,
                "accountId": self._config.account_id,
                "requestId": credentials.request_id or str(uuid.uuid4()),
                "queryString": operation.query,
                "operationName": operation.operation_name,
                "variables": operation.variables or {},
            },
            "requestHeaders": _headers(credentials),
        }

    def _remember(self, digest: bytes, decision: _Decision, answer: _Answer, raw: Any) -> None:
        given = answer.ttl_override
        ttl = self._config.ttl_seconds if given is None else min(given, MAX_AUTHORIZER_TTL_SECONDS)
        if ttl > 0 and len(msgspec.json.encode(raw)) < MAX_REMEMBERED_BYTES:
            now = self._clock()
            self._decisions.put(digest, decision, since=now, until=now + ttl)


def approved(raw: Any, config: AuthorizerConfig) -> dict[str, Any]:
    """What an authorizer answered, as AppSync is to hear it: refused where the server would refuse it, and with a
    resolverContext that AppSync takes. Whatever is no answer at all is a refusal."""
    try:
        answer = msgspec.convert(raw, _Answer)
    except msgspec.ValidationError:
        return {"isAuthorized": False}
    caller = _caller(answer, config)
    ttl = (
        {}
        if answer.ttl_override is None
        else {"ttlOverride": int(min(answer.ttl_override, MAX_AUTHORIZER_TTL_SECONDS))}
    )
    if caller is None:
        return {"isAuthorized": False, **ttl}
    context = {
        name: ",".join(value) if isinstance(value, list) else value
        for name, value in (answer.resolver_context or {}).items()
        if value is not None
    }
    return {
        "isAuthorized": True,
        "resolverContext": context,
        "deniedFields": sorted(caller.denied_fields),
        **ttl,
    }


def _caller(answer: _Answer, config: AuthorizerConfig) -> Caller | None:
    denied = _denied_fields(answer.denied_fields or [])
    if not answer.is_authorized or denied is None:
        return None
    caller = caller_of_context(answer.resolver_context or {}, config)
    return None if caller is None else msgspec.structs.replace(caller, denied_fields=denied)


def caller_of_context(context: Mapping[str, Any], config: AuthorizerConfig) -> Caller | None:
    """Whom a resolverContext names; None when it names nobody. AppSync makes its values text."""
    user_id = context.get(config.user_key)
    if not isinstance(user_id, str) or not USER_ID.fullmatch(user_id):
        return None
    return Caller(
        Mode.LAMBDA,
        user_id=user_id,
        groups=_groups(context.get(config.groups_key)),
        username=text(context.get("username")),
        name=text(context.get("name")),
        email=text(context.get("email")) if context.get("email_verified") in (True, "true") else None,
    )


def _headers(credentials: Credentials) -> dict[str, str]:
    headers: dict[str, str] = {}
    for name, value in credentials.headers:
        if name not in _HIDDEN_HEADERS:
            headers[name] = f"{headers[name]},{value}" if name in headers else value
    return headers


def _groups(value: Any) -> frozenset[str]:
    """resolverContext holds no lists on AppSync, so that groups are a text with commas there."""
    if isinstance(value, str):
        return frozenset(name for part in value.split(",") if (name := part.strip()))
    return group_names(value)


def _denied_fields(names: list[str]) -> frozenset[str] | None:
    """`Type.field` for each short name or ARN; None when one is neither.

    An ARN counts whatever API it names: a field too many that is null is better than one too few.
    """
    fields = set()
    for name in names:
        match = _DENIED_FIELD.fullmatch(name)
        if match is None:
            return None
        fields.add(f"{match[1] or match[3]}.{match[2] or match[4]}")
    return frozenset(fields)
