"""What the account gate remembers between requests of the same user, in this process."""

from datasources.recent import Recent
from domain.admission import Standing
from domain.users import UserSession

SECONDS = 30
"""So long may a revocation or suspension by another process go unnoticed."""
SIZE = 10_000


class AdmissionCache:
    """Standings of accounts and sessions, read at most 30 seconds ago. Own writes forget them at once."""

    def __init__(self) -> None:
        self.standings: Recent[str, Standing] = Recent(size=SIZE, seconds=SECONDS)
        self.sessions: Recent[tuple[str, str], UserSession] = Recent(size=SIZE, seconds=SECONDS)

    def forget_account(self, user_id: str) -> None:
        self.standings.forget(user_id)

    def forget_session(self, user_id: str, session_id: str) -> None:
        self.sessions.forget((user_id, session_id))
