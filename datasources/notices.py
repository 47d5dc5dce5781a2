"""Service notices: published and never stored; only that one was published is remembered, for repeats."""

import msgspec

from datasources.idempotency import MadeBefore, Request, once, replay
from datasources.ports import RecordStore
from datasources.transactions import commit
from domain.records import to_item
from domain.server import ServiceNotice


class Notices:
    """Notices by the requests that published them."""

    def __init__(self, store: RecordStore) -> None:
        self._store = store

    async def publish(self, notice: ServiceNotice, request: Request | None) -> ServiceNotice:
        """The notice; for a repeated request the one that it published first.

        Raises:
            DomainError: IDEMPOTENCY_MISMATCH.
        """
        if request is None:
            return notice
        try:
            await commit(self._store, once(request, to_item(notice), notice.created_at))
        except MadeBefore:
            return msgspec.convert(await replay(self._store, request), ServiceNotice)
        return notice
