"""Notifications live: new ones and reads reach their user's other clients, and nobody else's."""

import pytest

from datasources.notifier import Notifier
from domain.errors import Code, DomainError
from domain.notifications import Draft
from tests.app.realtime.test_chat import LiveSchool, listen
from tests.app.realtime.test_chat import school as live_school
from tests.school import Client
from tests.waiting import until

__all__ = ["live_school"]

ON_NOTIFICATION = "subscription ($user: ID) { onNotification(userId: $user) { id userId title body readAt } }"
ON_INBOX = "subscription ($user: ID) { onNotificationInbox(userId: $user) { userId unreadCount readUntilAt } }"
READ = "mutation ($id: ID!) { markNotificationRead(id: $id) { __typename } }"
READ_ALL = "mutation { markAllNotificationsRead { userId unreadCount readUntilAt } }"


async def tell(school: LiveSchool, client: Client, title: str) -> None:
    await client.data("{ getMe { id } }")
    await Notifier(school.store, school.clock.now).tell([Draft(title, client.id, "CHAT", title, "Body.")])
    await school.drain()


async def test_a_new_notification_and_its_reading_are_heard_whole(live_school: LiveSchool) -> None:
    ben = live_school.as_("ben")
    ear, _ = await listen(ben, ON_NOTIFICATION, user=ben.id)
    await tell(live_school, live_school.as_("eve"), "hers")

    await tell(live_school, ben, "his")
    await until(lambda: len(ear.heard) == 1)
    [new] = ear.heard
    assert (new["userId"], new["title"], new["body"], new["readAt"]) == (ben.id, "his", "Body.", None)
    await ben.data(READ, id=new["id"])
    await until(lambda: len(ear.heard) == 2)

    assert ear.heard[1] == {**new, "readAt": live_school.clock.now()}


async def test_all_read_is_heard_by_the_users_other_clients(live_school: LiveSchool) -> None:
    ben = live_school.as_("ben")
    await tell(live_school, ben, "his")
    ear, _ = await listen(ben, ON_INBOX, user=ben.id)

    inbox = (await ben.data(READ_ALL))["markAllNotificationsRead"]
    await until(lambda: len(ear.heard) == 1)

    assert ear.heard == [inbox]
    assert inbox["unreadCount"] == 0


@pytest.mark.parametrize("subscription", [ON_NOTIFICATION, ON_INBOX])
async def test_one_listens_to_ones_own_only(live_school: LiveSchool, subscription: str) -> None:
    ben, eve = live_school.as_("ben"), live_school.as_("eve")

    with pytest.raises(DomainError) as foreign:
        await listen(eve, subscription, user=ben.id)
    with pytest.raises(DomainError) as unnamed:
        await listen(eve, subscription)

    assert (foreign.value.code, unnamed.value.code) == (Code.FORBIDDEN, Code.BAD_REQUEST)
