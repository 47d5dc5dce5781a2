"""Who may be here at all: credentials that still hold, of accounts that still may."""

from app.auth.authenticator import Authenticator
from app.auth.errors import REFUSED
from datasources.accounts import Accounts
from domain.callers import Caller
from domain.errors import Code, DomainError


class Gate:
    """See app.realtime.rights.Gate."""

    def __init__(self, authenticator: Authenticator, accounts: Accounts) -> None:
        self._authenticator = authenticator
        self._accounts = accounts

    async def admit(self, caller: Caller) -> Caller:
        return await self._accounts.admit(caller)

    async def readmit(self, caller: Caller) -> Caller:
        if not await self._authenticator.accepts(caller):
            raise DomainError(Code.UNAUTHORIZED_REQUEST, REFUSED)
        return await self._accounts.readmit(caller)

    def forget(self, caller: Caller) -> None:
        self._accounts.forget(caller)
