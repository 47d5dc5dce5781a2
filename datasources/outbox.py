"""The mailer of a machine without a mail server: mail is kept in table Outbox, to be looked at."""

from collections.abc import Callable

import msgspec

from datasources.ports import RecordStore
from datasources.senders import Mail
from datasources.tables import OUTBOX
from domain.times import Timestamp, epoch_seconds, later

KEPT_DAYS = 7
_BOX = "MAIL"


class Outbox:
    """A `Mailer`. A mail that is sent again takes the place of the first."""

    def __init__(self, store: RecordStore, now: Callable[[], Timestamp]) -> None:
        self._store = store
        self._now = now

    async def send(self, mail: Mail) -> None:
        expires = epoch_seconds(later(self._now(), days=KEPT_DAYS))
        await self._store.put(OUTBOX, {**msgspec.structs.asdict(mail), "box": _BOX, "sk": mail.id, "ttl": expires})

    async def latest(self, most: int) -> list[Mail]:
        """Newest first."""
        page = await self._store.query(OUTBOX, _BOX, limit=most, descending=True)
        return [msgspec.convert(item, Mail) for item in page.items]
