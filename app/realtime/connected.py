"""The sockets and streams that callers have open in this process, by user."""

from collections import defaultdict
from collections.abc import Callable
from typing import Protocol

from domain.callers import Caller
from domain.errors import DomainError


class Connection(Protocol):
    """One open socket or stream; who opened it, they are for its whole life."""

    def expel(self, error: DomainError) -> None:
        """Its caller may not be here any more. Never raises."""
        ...


class Connected:
    """One a process.

    Attributes:
        came, went: are told of every socket that a user opens and that is closed.
    """

    def __init__(self) -> None:
        self._of_user: dict[str, dict[Connection, Caller]] = defaultdict(dict)
        self.came: Callable[[str], None] = _nobody_asks
        self.went: Callable[[str], None] = _nobody_asks

    def opened(self, caller: Caller, connection: Connection) -> None:
        if caller.user_id is not None:
            self._of_user[caller.user_id][connection] = caller
            self.came(caller.user_id)

    def closed(self, caller: Caller, connection: Connection) -> None:
        user_id = caller.user_id
        if user_id is None or self._of_user[user_id].pop(connection, None) is None:
            return
        if not self._of_user[user_id]:
            del self._of_user[user_id]
        self.went(user_id)

    def __contains__(self, user_id: str) -> bool:
        return user_id in self._of_user

    def users(self) -> list[str]:
        return list(self._of_user)

    def of(self, user_id: str | None) -> list[tuple[Connection, Caller]]:
        """None, for no person, has none."""
        return [] if user_id is None else list(self._of_user.get(user_id, {}).items())


def _nobody_asks(user_id: str) -> None:
    """Where presence is not kept."""
