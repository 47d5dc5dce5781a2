"""What sockets and event streams need of the process: who may connect, how many, and the subscriptions themselves."""

from collections.abc import Awaitable, Callable
from typing import Protocol

from app.auth.credentials import Credentials, ReadOperation
from app.auth.errors import Unauthenticated
from app.errors import refusal
from app.http.replies import Refusal as BadBody
from app.http.requests import RequestReader
from app.persisted import PersistedDocuments
from app.realtime.connected import Connected, Connection
from app.realtime.connecting import Refusal, bucket, refusal_of
from app.realtime.live import LiveSubscriptions
from app.realtime.realtime import RealTime
from app.realtime.sockets import SocketLimits, Sockets
from app.settings import Settings
from domain.callers import Caller
from domain.errors import DomainError, account_suspended
from domain.rate import RateLimiter


class Services:
    """What every session needs of the process.

    Args:
        identify: checks credentials; raises Unauthenticated, or DomainError when a dependency fails.
        admit: the account gate.
        requests: reads what clients send.
        starts: how many subscriptions a caller may start in a time.
        failures: how many refused connections an address may have in a time.
    """

    def __init__(
        self,
        live: LiveSubscriptions,
        connected: Connected,
        sockets: Sockets,
        identify: Callable[[Credentials, ReadOperation], Awaitable[Caller]],
        admit: Callable[[Caller], Awaitable[Caller]],
        requests: RequestReader,
        *,
        starts: RateLimiter,
        failures: RateLimiter,
    ) -> None:
        self.live = live
        self.connected = connected
        self.sockets = sockets
        self.identify = identify
        self.admit = admit
        self.requests = requests
        self.starts = starts
        self.failures = failures

    async def connect(
        self,
        credentials: Credentials,
        operation: ReadOperation,
        connection: Connection,
        *,
        suspended_too: bool = False,
    ) -> Caller:
        """Who connects, counted; `dismiss` follows.

        Args:
            suspended_too: whoever is suspended is told so by what they ask for.

        Raises:
            Refusal: they may not.
            whatever `operation` raises, when a Lambda authorizer has to be told of it.
        """
        try:
            caller = await self.identify(credentials, operation)
            if (await self.admit(caller)).suspended and not suspended_too:
                raise account_suspended()
        except (Unauthenticated, DomainError) as error:
            refused = refusal_of(error)
            if refused.code == 401 and self.failures.wait(credentials.ip_address):
                raise _too_often() from None
            raise refused from None
        except BadBody:
            raise
        except Exception as error:
            raise refusal_of(refusal(error, credentials.request_id)) from None
        if not self.sockets.admit(bucket(caller)):
            raise Refusal("LimitExceededError", "The caller has too many connections.", 429)
        self.connected.opened(caller, connection)
        return caller

    def dismiss(self, caller: Caller, connection: Connection) -> None:
        self.sockets.dismiss(bucket(caller))
        self.connected.closed(caller, connection)


class Served(Protocol):
    """What of the product sockets need. app/wiring.py has the real one."""

    @property
    def realtime(self) -> RealTime: ...

    def identify(self, credentials: Credentials, operation: ReadOperation) -> Awaitable[Caller]: ...

    def admit(self, caller: Caller) -> Awaitable[Caller]: ...


def socket_services(served: Served, settings: Settings, requests: RequestReader | None = None) -> Services:
    """Args: requests: shared with the HTTP endpoint; None: documents are only what clients send."""
    limits = SocketLimits(
        sockets=settings.max_sockets,
        sockets_of_caller=settings.max_sockets_per_caller,
        subscriptions=settings.max_subscriptions,
        frame_bytes=settings.max_frame_bytes,
        unsent_bytes=settings.max_unsent_bytes,
        init_seconds=settings.socket_init_seconds,
    )
    return Services(
        served.realtime.live,
        served.realtime.connected,
        Sockets(limits),
        served.identify,
        served.admit,
        requests or RequestReader(PersistedDocuments()),
        starts=RateLimiter(settings.rate_per_second, settings.rate_burst),
        failures=RateLimiter(settings.rate_per_second, settings.rate_burst),
    )


def _too_often() -> Refusal:
    return Refusal("LimitExceededError", "Rate limit exceeded", 429)
