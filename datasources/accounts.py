"""The account gate: every signed-in request passes it once, behind authentication and before anything else."""

from collections.abc import Awaitable, Callable

from datasources.admission_cache import AdmissionCache
from datasources.sessions import Sessions
from datasources.users import Users
from domain.admission import Standing, admitted, standing_of
from domain.callers import Caller
from domain.times import Timestamp
from domain.users import UserSession


class Accounts:
    """Admits verified callers.

    A request of a user seen in the last 30 seconds costs two dictionary lookups. Others read the account
    and the session; a write happens at first sight of either and every 5 minutes of a session's use.
    """

    def __init__(self, users: Users, sessions: Sessions, cache: AdmissionCache, now: Callable[[], Timestamp]) -> None:
        self._users = users
        self._sessions = sessions
        self._cache = cache
        self._now = now

    def admit(self, caller: Caller) -> Awaitable[Caller]:
        """The caller with the groups that hold now, marked when suspended; who is no person passes as is.

        Raises:
            DomainError: UnauthorizedException when the account was erased or the session was revoked.
        """
        return self._admitted(caller, anew=False)

    def readmit(self, caller: Caller) -> Awaitable[Caller]:
        """As `admit`, with account and session read anew."""
        return self._admitted(caller, anew=True)

    def forget(self, caller: Caller) -> None:
        """Read the caller's account and session anew: another process has changed them."""
        if caller.user_id is not None:
            self._cache.forget_account(caller.user_id)
            if caller.session_id is not None:
                self._cache.forget_session(caller.user_id, caller.session_id)

    async def _admitted(self, caller: Caller, *, anew: bool) -> Caller:
        if caller.user_id is None:
            return caller
        now = self._now()
        standing = None if anew else self._cache.standings.get(caller.user_id, now)
        if standing is None:
            standing = await self._standing(caller, now)
        if caller.session_id is None or standing.status == "ERASED":  # nothing is stored about the erased any more
            return admitted(caller, standing, None)
        session = None if anew else self._cache.sessions.get((caller.user_id, caller.session_id), now)
        if session is None:
            session = await self._session(caller, caller.session_id, now)
        return admitted(caller, standing, session)

    async def _standing(self, caller: Caller, now: Timestamp) -> Standing:
        ticket = self._cache.standings.ticket()
        standing = standing_of(await self._users.seen(caller, now))
        self._cache.standings.remember(caller.id, standing, now, ticket)
        return standing

    async def _session(self, caller: Caller, session_id: str, now: Timestamp) -> UserSession:
        ticket = self._cache.sessions.ticket()
        session = await self._sessions.seen(caller, session_id, now)
        self._cache.sessions.remember((caller.id, session_id), session, now, ticket)
        return session
