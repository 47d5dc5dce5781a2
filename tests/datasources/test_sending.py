"""From an event to what leaves the house: once, where the user wants it, and with a record of why not."""

import pytest

from datasources.local.sqlite import SQLiteStore
from datasources.notifications import Notifications
from datasources.ports import RecordStore
from datasources.presence import Presences
from datasources.room_members import RoomMembers
from datasources.senders import Refused, Senders
from datasources.sending import Sending
from datasources.suppressions import Suppressions
from datasources.tables import NOTIFICATIONS
from domain.deliveries import MOST_TRIES
from domain.errors import dependency_failed
from tests.notifying import House, draft
from tests.races import at_once


@pytest.fixture
async def house(store: RecordStore) -> House:
    """With ben, who wants everything everywhere."""
    return await furnished(store)


@pytest.fixture
async def small_house(sqlite_store: SQLiteStore) -> House:
    """The same, for what does not depend on the store."""
    return await furnished(sqlite_store)


async def furnished(store: RecordStore) -> House:
    house = House(store)
    await house.add_user()
    await house.add_phone()
    await house.use_channels("IN_APP", "PUSH", "EMAIL", "SMS")
    return house


async def test_an_event_handled_many_times_at_once_is_told_once(house: House) -> None:
    event = draft()

    await at_once([lambda: house.notifier.tell([event])] * 10)
    await at_once([house.sending.run] * 4)
    await house.sending.run()

    assert len((await house.store.query(NOTIFICATIONS, "ben")).items) == 1
    assert (await Notifications(house.store).inbox("ben")).unread_count == 1
    [mail], [push], [text] = house.way.mails, house.way.pushes, house.way.texts
    assert mail.to == "ben@example.org"
    assert mail.body == "We meet outside.\n\nhttps://learn.example.org/courses/c1\n"
    assert (push[0], push[1].title, push[1].path) == ("a phone", "Room change", "/courses/c1")
    assert text == ("+4915112345678", "Room change")
    assert mail.id == push[1].id
    sent = ("SENT", None)
    assert await house.ends(event) == {"IN_APP": sent, "PUSH": sent, "EMAIL": sent, "SMS": sent}


async def test_what_the_user_does_not_want_is_not_sent_and_says_so(house: House) -> None:
    await house.use_channels("EMAIL")
    event = draft()

    await house.notifier.tell([event])
    await house.sending.run()

    assert len(house.way.mails) == 1
    assert not house.way.pushes
    assert (await house.store.query(NOTIFICATIONS, "ben")).items == []
    unwanted = ("SKIPPED", "PREFERENCE")
    assert await house.ends(event) == {"IN_APP": unwanted, "PUSH": unwanted, "EMAIL": ("SENT", None), "SMS": unwanted}


async def test_every_device_gets_a_push_and_one_that_is_gone_is_forgotten(small_house: House) -> None:
    house = small_house
    await house.use_channels("PUSH")
    await house.add_phone("a tablet")
    house.way.faults = [Refused("gone")]
    event = draft()

    await house.notifier.tell([event])
    await house.sending.run()
    assert len(house.way.pushes) == 1
    assert len(await house.push_tokens.of_user("ben")) == 1

    await house.notifier.tell([draft()])
    await house.sending.run()
    assert len(house.way.pushes) == 2


@pytest.mark.parametrize(
    ("missing", "channel", "reason"), [("email", "EMAIL", "NO_ADDRESS"), ("phone", "SMS", "NO_NUMBER")]
)
async def test_who_has_no_address_is_not_written_to(
    small_house: House, missing: str, channel: str, reason: str
) -> None:
    await small_house.add_user(**{missing: None})
    event = draft()

    await small_house.notifier.tell([event])
    await small_house.sending.run()

    assert (await small_house.ends(event))[channel] == ("SKIPPED", reason)


async def test_without_a_device_or_a_provider_the_record_says_so(small_house: House) -> None:
    house = small_house
    await house.add_user("eve")
    await house.use_channels("IN_APP", "PUSH", "EMAIL", "SMS", user_id="eve")
    hers, his = draft("eve"), draft("ben")

    await house.notifier.tell([hers, his])
    await Sending(house.store, Senders(), house.clock.now).run()

    assert (await house.ends(hers))["PUSH"] == ("SKIPPED", "NO_DEVICE")
    for channel in ("PUSH", "EMAIL", "SMS"):
        assert (await house.ends(his))[channel] == ("SKIPPED", "NO_PROVIDER")


@pytest.mark.parametrize(
    ("category", "status", "pushes"), [("CHAT", "ONLINE", 0), ("CHAT", "AWAY", 1), ("COURSE", "ONLINE", 1)]
)
async def test_what_is_said_in_rooms_is_not_pushed_to_who_is_online(
    small_house: House, category: str, status: str, pushes: int
) -> None:
    house = small_house
    await house.use_channels("PUSH", category=category)
    await Presences(house.store, RoomMembers(house.store), house.clock.now).beat("ben", status, house.clock.now())
    event = draft(category=category)

    await house.notifier.tell([event])
    await house.sending.run()

    assert len(house.way.pushes) == pushes
    assert (await house.ends(event))["PUSH"] == (("SENT", None) if pushes else ("SKIPPED", "PRESENT"))


async def test_an_address_that_refused_mail_gets_no_more(small_house: House) -> None:
    house = small_house
    await house.use_channels("EMAIL")
    house.way.faults = [Refused("550")]
    first, second = draft(), draft()

    await house.notifier.tell([first])
    await house.sending.run()
    await house.add_user(email="BEN@example.org")
    await house.notifier.tell([second])
    await house.sending.run()

    assert house.way.calls == 1
    assert (await house.ends(first))["EMAIL"] == ("FAILED", "REFUSED")
    assert (await house.ends(second))["EMAIL"] == ("SKIPPED", "SUPPRESSED")
    assert await Suppressions(house.store).has("ben@example.org")


async def test_what_fails_is_tried_again_with_growing_pauses_until_it_works(house: House) -> None:
    await house.use_channels("EMAIL")
    house.way.faults = [dependency_failed("The mail server")] * 3
    event = draft()
    await house.notifier.tell([event])

    await house.sending.run()
    for calls, pause in ((1, 30), (2, 60), (3, 120)):
        house.clock.advance(seconds=pause - 1)
        await house.sending.run()
        assert house.way.calls == calls
        house.clock.advance(seconds=1)
        await house.sending.run()

    assert house.way.calls == 4
    assert len(house.way.mails) == 1
    assert (await house.ends(event))["EMAIL"] == ("SENT", None)


async def test_what_never_works_is_set_aside_with_its_reason(
    small_house: House, caplog: pytest.LogCaptureFixture
) -> None:
    house = small_house
    await house.use_channels("EMAIL")
    house.way.faults = [dependency_failed("The mail server")] * 100
    event = draft()
    await house.notifier.tell([event])

    for _ in range(MOST_TRIES + 3):
        await house.sending.run()
        house.clock.advance(seconds=3_600)

    assert house.way.calls == MOST_TRIES
    [dead] = await house.deliveries.dead(most=100)
    assert (dead.channel, dead.status, dead.reason, dead.tries) == ("EMAIL", "FAILED", "TRIES_EXHAUSTED", MOST_TRIES)
    assert "given up" in caplog.text
    assert "ben" not in caplog.text


async def test_what_failed_is_tried_again_when_somebody_says_so(house: House) -> None:
    await house.use_channels("EMAIL")
    house.way.faults = [dependency_failed("The mail server")] * MOST_TRIES
    event = draft()
    await house.notifier.tell([event])
    for _ in range(MOST_TRIES):
        await house.sending.run()
        house.clock.advance(seconds=3_600)
    [dead] = await house.deliveries.dead(most=100)

    name = f"{dead.notice}#{dead.target}"
    again = await at_once([lambda: house.deliveries.try_again("ben", name, house.clock.now())] * 3)
    await house.sending.run()

    assert sorted(again) == [False, False, True]
    assert (await house.ends(event))["EMAIL"] == ("SENT", None)
    assert await house.deliveries.dead(most=100) == []
    assert not await house.deliveries.try_again("ben", name, house.clock.now())


async def test_a_fault_of_ours_is_bounded_like_any_other_and_holds_up_nothing(small_house: House) -> None:
    house = small_house
    await house.use_channels("EMAIL")
    house.way.faults = [ValueError("a bug")] * (MOST_TRIES - 1)
    first = draft()
    await house.notifier.tell([first])
    for _ in range(MOST_TRIES - 1):
        await house.sending.run()
        house.clock.advance(seconds=3_600)

    await house.notifier.tell([draft()])
    await house.sending.run()

    assert len(house.way.mails) == 2
    assert (await house.ends(first))["EMAIL"] == ("SENT", None)


async def test_tries_that_kill_their_process_come_to_an_end(small_house: House) -> None:
    house = small_house
    await house.use_channels("EMAIL")
    event = draft()
    await house.notifier.tell([event])
    for _ in range(MOST_TRIES):
        [due] = await house.deliveries.due(house.clock.now(), most=100)
        await house.deliveries.claim(due, house.clock.now())
        house.clock.advance(seconds=61)

    await house.sending.run()

    assert house.way.calls == 0
    assert (await house.ends(event))["EMAIL"] == ("FAILED", "TRIES_EXHAUSTED")


async def test_a_sender_that_died_amid_its_try_is_followed_by_another(house: House) -> None:
    await house.use_channels("EMAIL")
    event = draft()
    await house.notifier.tell([event])
    [due] = await house.deliveries.due(house.clock.now(), most=100)
    assert await house.deliveries.claim(due, house.clock.now()) is not None

    await house.sending.run()
    assert house.way.calls == 0
    house.clock.advance(seconds=61)
    await house.sending.run()

    assert len(house.way.mails) == 1
    assert (await house.ends(event))["EMAIL"] == ("SENT", None)


async def test_pushes_wait_for_the_end_of_quiet_hours_and_mail_does_not(house: House) -> None:
    await house.live_in("Europe/Paris")  # where it is 10 in the morning
    await house.use_channels("PUSH", "EMAIL", quiet_from="09:00:00", quiet_to="11:00:00")
    event = draft()

    await house.notifier.tell([event])
    await house.sending.run()
    assert (len(house.way.mails), len(house.way.pushes)) == (1, 0)
    assert (await house.ends(event))["PUSH"] == ("WAITING", None)
    house.clock.advance(seconds=3_599)
    await house.sending.run()
    assert house.way.pushes == []
    house.clock.advance(seconds=1)
    await house.sending.run()

    assert len(house.way.pushes) == 1
    assert (await house.ends(event))["PUSH"] == ("SENT", None)


async def test_quiet_hours_that_begin_before_a_second_try_hold_it_back(small_house: House) -> None:
    house = small_house
    await house.use_channels("PUSH")
    house.way.faults = [dependency_failed("The push service")]
    await house.notifier.tell([draft()])
    await house.sending.run()
    await house.use_channels("PUSH", quiet_from="08:00:10", quiet_to="09:00:00")

    house.clock.advance(seconds=60)
    await house.sending.run()
    assert house.way.calls == 1
    house.clock.advance(seconds=3_600)
    await house.sending.run()

    assert len(house.way.pushes) == 1


async def test_the_erased_are_told_nothing_more(small_house: House) -> None:
    house = small_house
    event = draft()
    await house.notifier.tell([event])
    await house.add_user(status="ERASED")

    await house.sending.run()
    assert await house.notifier.tell([draft()]) == 0

    assert house.way.calls == 0
    assert (await house.ends(event))["EMAIL"] == ("SKIPPED", "NO_ACCOUNT")


async def test_many_that_wait_are_all_sent(small_house: House) -> None:
    house = small_house
    await house.use_channels("EMAIL")
    await house.notifier.tell([draft() for _ in range(250)])

    assert await house.sending.run() == 250
    assert len({mail.id for mail in house.way.mails}) == 250
