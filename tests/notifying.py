"""Users to be told, and ways out of the house that remember what left, or fail as they are bidden."""

from dataclasses import dataclass, field
from typing import Any

from ulid import ULID

from datasources.deliveries import Deliveries
from datasources.notification_preferences import Preferences
from datasources.notifier import Notifier
from datasources.ports import RecordStore
from datasources.push_tokens import PushTokens
from datasources.senders import Mail, Push, Senders
from datasources.sending import Sending
from datasources.settings import PersonalSettings
from datasources.tables import USERS
from domain.notifications import Draft
from domain.push_tokens import PushToken, registered
from tests.school import Clock


@dataclass
class Way:
    """A sender of every kind. `faults` are raised one a call, before anything is sent again."""

    mails: list[Mail] = field(default_factory=list)
    pushes: list[tuple[str, Push]] = field(default_factory=list)
    texts: list[tuple[str, str]] = field(default_factory=list)
    faults: list[Exception] = field(default_factory=list)
    calls: int = 0

    async def send(self, first: Any, second: Any = None) -> None:
        self.calls += 1
        if self.faults:
            raise self.faults.pop(0)
        if isinstance(first, Mail):
            self.mails.append(first)
        elif isinstance(first, PushToken):
            self.pushes.append((first.token, second))
        else:
            self.texts.append((first, second))

    @property
    def senders(self) -> Senders:
        return Senders(mailer=self, pushes={"FCM": self}, texts=self)


class House:
    """The pipeline over one store, and a user "ben" with an address, a number and a phone."""

    def __init__(self, store: RecordStore) -> None:
        self.store = store
        self.clock = Clock()
        self.way = Way()
        self.notifier = Notifier(store, self.clock.now)
        self.sending = Sending(store, self.way.senders, self.clock.now, "https://learn.example.org")
        self.preferences = Preferences(store)
        self.push_tokens = PushTokens(store)
        self.deliveries = Deliveries(store)

    async def add_user(self, user_id: str = "ben", **fields: Any) -> None:
        user = {"userId": user_id, "status": "ACTIVE", "email": f"{user_id}@example.org", "phone": "+4915112345678"}
        given = {name: value for name, value in {**user, **fields}.items() if value is not None}
        await self.store.put(USERS, given)

    async def add_phone(self, name: str = "a phone", user_id: str = "ben") -> PushToken:
        device = registered({"platform": "FCM", "token": name}, user_id, self.clock.now())
        return await self.push_tokens.register(device)

    async def use_channels(self, *channels: str, category: str = "COURSE", user_id: str = "ben", **more: Any) -> None:
        given = {"rules": [{"category": category, "channels": list(channels)}], **more}
        await self.preferences.change(user_id, given, None)

    async def live_in(self, time_zone: str, user_id: str = "ben") -> None:
        await PersonalSettings(self.store).change(user_id, {"time_zone": time_zone}, None, self.clock.now())

    async def ends(self, draft: Draft) -> dict[str, tuple[str, str | None]]:
        """How each delivery of a draft stands, by channel: its status, and why."""
        found = await self.deliveries.of_notice(draft.user_id, draft.key)
        return {delivery.channel: (delivery.status, delivery.reason) for delivery in found}


def draft(user_id: str = "ben", *, event: str | None = None, category: Any = "COURSE") -> Draft:
    return Draft(event or f"event#{ULID()}", user_id, category, "Room change", "We meet outside.", "/courses/c1")
