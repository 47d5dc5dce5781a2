"""Sends what is due, each delivery by one process at a time, and writes down how it ended.

A delivery is tried up to ten times. What then has not worked is set aside in the queue of the dead. A crash
between sending and writing it down sends it again, under the same id.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping

from datasources import trace_context
from datasources.deliveries import Deliveries
from datasources.notification_preferences import Preferences
from datasources.ports import Item, RecordStore
from datasources.presence import Presences
from datasources.push_tokens import PushTokens
from datasources.room_members import RoomMembers
from datasources.senders import Mail, Push, Refused, Senders
from datasources.suppressions import Suppressions
from datasources.tables import USERS
from domain.deliveries import MOST_TRIES, Delivery, Reason, Status, tried_again_at
from domain.errors import Code, DomainError
from domain.notification_preferences import not_before
from domain.notifications import Draft
from domain.times import Timestamp

AT_ONCE = 100
ROUNDS = 20
TRY_SECONDS = 30.0
"""Shorter than the lease of a try."""
MOST_PUSH_BODY = 500
"""Characters; the services take 4 KB with all that is around it."""

_log = logging.getLogger("educonnect.deliveries")

_End = tuple[Status, Reason | None]
_SENT: _End = ("SENT", None)


class Sending:
    """
    Args:
        site: where the clients are, e.g. "https://learn.example.org"; paths in mails begin with it. None: none.
    """

    def __init__(
        self, store: RecordStore, senders: Senders, now: Callable[[], Timestamp], site: str | None = None
    ) -> None:
        self._store = store
        self._senders = senders
        self._now = now
        self._site = site
        self._deliveries = Deliveries(store)
        self._preferences = Preferences(store)
        self._push_tokens = PushTokens(store)
        self._presences = Presences(store, RoomMembers(store), now)
        self._suppressions = Suppressions(store)

    async def run(self) -> int:
        """Tries what is due, at most some thousand; how many tries that were."""
        tried = 0
        for _ in range(ROUNDS):
            due = await self._deliveries.due(self._now(), most=AT_ONCE)
            if not due:
                break
            tried += sum(await asyncio.gather(*map(self._try, due)))
        return tried

    async def read_feedback(self) -> int:
        """Suppresses the addresses of mail that came back; how many messages told of some."""
        if self._senders.feedback is None:
            return 0

        async def suppress(address: str, why: str) -> None:
            await self._suppressions.suppress(address, why, self._now())

        return await self._senders.feedback.read(suppress)

    async def _try(self, waiting: Delivery) -> bool:
        with trace_context.within(waiting.trace):
            return await self._tried(waiting)

    async def _tried(self, waiting: Delivery) -> bool:
        delivery = await self._deliveries.claim(waiting, self._now())
        if delivery is None:
            return False
        if delivery.tries > MOST_TRIES:  # every try ended with its process
            await self._give_up(delivery, "no try ever ended")
            return True
        try:
            async with asyncio.timeout(TRY_SECONDS):
                await self._send(delivery)
        except (DomainError, TimeoutError) as error:
            await self._failed(delivery, str(error) or "no answer in time")
        except Exception as error:  # a fault of ours: it must not hold up what follows, nor be tried for ever
            _log.exception("a delivery by %s failed", delivery.channel)
            await self._failed(delivery, type(error).__name__)
        return True

    async def _send(self, delivery: Delivery) -> None:
        """Raises DomainError when it may work later."""
        preferences, time_zone = await self._preferences.with_time_zone(delivery.user_id)
        at = not_before(preferences, delivery.channel, time_zone, self._now())
        if at > self._now():  # the quiet hours have begun since
            await self._deliveries.again(delivery, at, self._now(), counts=False)
            return
        user, draft = await asyncio.gather(
            self._store.get(USERS, {"userId": delivery.user_id}), self._deliveries.draft(delivery)
        )
        if user is None or user["status"] == "ERASED" or draft is None:
            status, reason = _skipped("NO_ACCOUNT")
        else:
            status, reason = await self._channels[delivery.channel](delivery, user, draft)
        await self._deliveries.end(delivery, status, reason, self._now())

    async def _failed(self, delivery: Delivery, why: str) -> None:
        now = self._now()
        at = tried_again_at(delivery.tries, now)
        if at is None:
            await self._give_up(delivery, why)
        else:
            await self._deliveries.again(delivery, at, now)

    async def _give_up(self, delivery: Delivery, why: str) -> None:
        _log.warning("a delivery by %s is given up after %d tries: %s", delivery.channel, delivery.tries, why)
        await self._deliveries.end(delivery, "FAILED", "TRIES_EXHAUSTED", self._now())

    @property
    def _channels(self) -> Mapping[str, Callable[[Delivery, Item, Draft], Awaitable[_End]]]:
        return {"EMAIL": self._mail, "PUSH": self._push, "SMS": self._text}

    async def _mail(self, delivery: Delivery, user: Item, draft: Draft) -> _End:
        address = user.get("email")  # only verified addresses are ever stored
        if address is None:
            return _skipped("NO_ADDRESS")
        if self._senders.mailer is None:
            return _skipped("NO_PROVIDER")
        if await self._suppressions.has(address):
            return _skipped("SUPPRESSED")
        link = f"\n\n{self._site}{draft.path}" if self._site and draft.path else ""
        try:
            await self._senders.mailer.send(
                Mail(delivery.notification_id, address, draft.title, f"{draft.body}{link}\n")
            )
        except Refused as refusal:
            _log.info("a mail was refused: %s", refusal)
            await self._suppressions.suppress(address, "REFUSED", self._now())
            return "FAILED", "REFUSED"
        return _SENT

    async def _push(self, delivery: Delivery, user: Item, draft: Draft) -> _End:
        device = await self._push_tokens.get(delivery.user_id, delivery.device_id)
        if device is None:
            return _skipped("NO_DEVICE")
        sender = self._senders.pushes.get(device.platform)
        if sender is None:
            return _skipped("NO_PROVIDER")
        if draft.category == "CHAT" and await self._is_present(delivery.user_id):
            return _skipped("PRESENT")
        try:
            await sender.send(
                device, Push(delivery.notification_id, draft.title, draft.body[:MOST_PUSH_BODY], draft.path)
            )
        except Refused as refusal:
            _log.info("a device is gone: %s", refusal)
            await self._forget(delivery)
            return _skipped("NO_DEVICE")
        return _SENT

    async def _text(self, delivery: Delivery, user: Item, draft: Draft) -> _End:
        number = user.get("phone")
        if number is None:
            return _skipped("NO_NUMBER")
        if self._senders.texts is None:
            return _skipped("NO_PROVIDER")
        try:
            await self._senders.texts.send(number, draft.title)
        except Refused as refusal:
            _log.info("a text message was refused: %s", refusal)
            return "FAILED", "REFUSED"
        return _SENT

    async def _is_present(self, user_id: str) -> bool:
        [presence] = await self._presences.of([user_id], self._now())
        return presence.status == "ONLINE"

    async def _forget(self, delivery: Delivery) -> None:
        """The device registers again if it ever comes back."""
        try:
            await self._push_tokens.delete(delivery.user_id, delivery.device_id)
        except DomainError as error:
            if error.code is not Code.NOT_FOUND:
                raise


def _skipped(reason: Reason) -> _End:
    return "SKIPPED", reason
