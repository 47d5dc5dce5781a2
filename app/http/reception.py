"""What every request passes that asks something of the product: size, credentials, rate, and the account's gate."""

from collections.abc import Awaitable, Callable, Hashable
from functools import partial
from typing import Protocol, Self

from starlette.types import Receive, Scope

from app.auth.credentials import Credentials, Operation, ReadOperation
from app.auth.errors import Unauthenticated
from app.auth.recent_callers import Sender
from app.execution import Answer, GraphQLRequest
from app.http import body as bodies
from app.http.replies import HEAD, REQUEST_ID, Refusal, overloaded, rate_limited
from app.settings import Settings
from domain.callers import Caller
from domain.errors import Code, DomainError
from domain.rate import RateLimiter


class Service(Protocol):
    """What is served. app/wiring.py has the real one."""

    def recognize(self, sender: Sender, ip_address: str | None) -> Caller | None:
        """Who showed the same credential a moment ago; None: `identify` has to look at it."""
        ...

    def identify(self, credentials: Credentials, operation: ReadOperation) -> Awaitable[Caller]:
        """Raises Unauthenticated, or DomainError when a dependency fails."""
        ...

    def admit(self, caller: Caller) -> Awaitable[Caller]:
        """The caller's account, looked at. Raises DomainError UNAUTHORIZED_REQUEST for a revoked session."""
        ...

    def execute(self, request: GraphQLRequest, caller: Caller, request_id: str) -> Awaitable[Answer]: ...


class Reception:
    """Shared by all endpoints, so that their limits hold together. `with` it, a request is counted as at work.

    Callers have a rate, and so have addresses whose credentials are refused.
    """

    def __init__(self, service: Service, settings: Settings) -> None:
        self._service = service
        self._rate = RateLimiter(settings.rate_per_second, settings.rate_burst)
        self._sign_in_failures = RateLimiter(settings.rate_per_second, settings.rate_burst)
        self._most_bytes = settings.max_body_bytes
        self._most_requests = settings.max_requests
        self._working = 0

    def __enter__(self) -> Self:
        """Raises Refusal 503."""
        if self._working >= self._most_requests:
            raise overloaded("The server has too much to do.")
        self._working += 1
        return self

    def __exit__(self, *_: object) -> None:
        self._working -= 1

    def body(self, scope: Scope, receive: Receive) -> Awaitable[bytes]:
        """The whole body of a POST. Raises Refusal 413, 415."""
        return bodies.read(scope, receive, self._most_bytes)

    def body_at_hand(self, scope: Scope) -> bytes | None:
        """The same, where nothing has to be waited for; else None."""
        return bodies.at_hand(scope, self._most_bytes)

    async def caller(self, scope: Scope, body: bytes, operation: Callable[[Scope, bytes], Operation]) -> Caller:
        """Who asks, verified and admitted.

        Args:
            operation: what the credentials are shown for, should a Lambda authorizer have to be asked.

        Raises:
            Refusal: 401, 429, 503, or what `operation` raises.
        """
        address = address_of(scope)
        try:
            caller = self._service.recognize(scope["state"][HEAD].sender, address)
            if caller is None:
                shown = credentials_of(scope, body)
                caller = await self._service.identify(shown, partial(operation, scope, body))
            if wait := self._rate.wait(_bucket(caller)):
                raise rate_limited(wait)
            return await self._service.admit(caller)
        except Unauthenticated as error:
            message = error.message
        except DomainError as error:
            if error.code is not Code.UNAUTHORIZED_REQUEST:
                raise _unavailable(error) from error
            message = error.message
        if wait := self._sign_in_failures.wait(address):
            raise rate_limited(wait)
        raise Refusal(401, Code.UNAUTHORIZED_REQUEST, message)


def address_of(scope: Scope) -> str | None:
    """The client's, after trusted proxies."""
    return scope["client"][0] if scope["client"] else None


def credentials_of(scope: Scope, body: bytes) -> Credentials:
    """What a request shows to sign in."""
    return Credentials.of_request(
        scope["method"],
        scope["raw_path"],
        scope["query_string"],
        scope["headers"],
        body,
        ip_address=address_of(scope),
        request_id=scope["state"][REQUEST_ID],
    )


def _bucket(caller: Caller) -> Hashable:
    """Whose rate this is. An API key is public, so that all its users would share one: they go by address."""
    return caller.user_id or (caller.mode, caller.ip_address)


def _unavailable(error: DomainError) -> Refusal:
    """Signing in needs a dependency that does not answer: nobody's fault but ours."""
    return Refusal(503, error.code, error.message, info=error.info, headers=((b"retry-after", b"1"),))
