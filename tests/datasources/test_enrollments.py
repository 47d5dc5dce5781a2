"""Seats and places in courses, on every engine, raced as races."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import pytest

from datasources import seats, waitlist
from datasources.enrollments import Enrollments
from datasources.idempotency import Request, request
from datasources.ports import RecordStore
from datasources.waitlist import promote
from domain.enrollments import Enrollment
from domain.errors import Code, DomainError
from domain.money import Money
from domain.times import later
from tests.learning import NOW, crowd, published_course, set_capacity, set_state
from tests.races import at_once, codes, successes

PRICE = {"amount_minor": 4900, "currency": "EUR"}


async def enroll(
    store: RecordStore, course_id: str, user_id: str, *, wait: bool = False, token: str | None = None, **given: Any
) -> Enrollment:
    asked: Request | None = request(user_id, "enrollInCourse", token, {"course_id": course_id, "wait": wait})
    options = {"is_staff": False, "now": NOW, **given}
    return await Enrollments(store).enroll(course_id, user_id, join_waitlist=wait, request=asked, **options)


async def grant(store: RecordStore, course_id: str, user_id: str, **given: Any) -> Enrollment:
    return await Enrollments(store).grant(
        course_id, user_id, **{"expires_at": None, "request": None, "now": NOW, **given}
    )


async def drop(store: RecordStore, course_id: str, user_id: str, **given: Any) -> Enrollment:
    return await Enrollments(store).drop(course_id, user_id, **{"expected_version": None, "now": NOW, **given})


async def all_rows(store: RecordStore, course_id: str, status: str | None = None) -> list[Enrollment]:
    rows: list[Enrollment] = []
    position = None
    while True:
        page, position = await Enrollments(store).list_course(course_id, status, position, 100)
        rows += page
        if position is None:
            return rows


async def require_true_seats(store: RecordStore, course_id: str) -> seats.Seats:
    """The seats, when they say what the rows say."""
    room = await seats.read(store, course_id)
    rows = await all_rows(store, course_id)
    assert room is not None
    assert room.seats_taken == sum(row.holds_seat for row in rows)
    assert room.waiting == sum(row.waits for row in rows)
    return room


async def refused(call: Any) -> DomainError:
    with pytest.raises(DomainError) as refusal:
        await call
    return refusal.value


async def test_a_free_course_gives_access_for_its_days(store: RecordStore) -> None:
    course = await published_course(store, access_days=30)

    row = await enroll(store, course.id, "ben")

    assert (row.status, row.source, row.last_change) == ("ACTIVE", "FREE", "ENROLLED")
    assert (row.id, row.version, row.enrolled_at) == (f"{course.id}#ben", 1, NOW)
    assert row.expires_at == later(NOW, days=30)
    assert await Enrollments(store).get(course.id, "ben") == row


async def test_a_paid_course_holds_a_seat_for_half_an_hour(store: RecordStore) -> None:
    course = await published_course(store, access_model="PAID", price=PRICE)
    assert course.price == Money(4900, "EUR")

    row = await enroll(store, course.id, "ben")

    assert (row.status, row.source) == ("PENDING_PAYMENT", "PURCHASE")
    assert row.hold_expires_at == later(NOW, seconds=1800)
    assert row.expires_at is None
    assert (await require_true_seats(store, course.id)).seats_taken == 1


async def test_a_plan_course_needs_a_plan_but_its_waiting_list_is_open(store: RecordStore) -> None:
    course = await published_course(store, access_model="PLAN", capacity=1)
    assert (await refused(enroll(store, course.id, "ben", wait=True))).code == Code.PAYMENT_REQUIRED

    await grant(store, course.id, "ada")
    assert (await enroll(store, course.id, "ben", wait=True)).status == "WAITLISTED"
    await drop(store, course.id, "ada")
    await promote(store, course.id, NOW)

    row = await Enrollments(store).get(course.id, "ben")
    assert row is not None
    assert (row.status, row.last_change, row.source) == ("PENDING_PAYMENT", "PROMOTED", "PLAN")
    assert row.hold_expires_at == later(NOW, seconds=1800)


async def test_an_invitation_is_needed_where_the_course_says_so(store: RecordStore) -> None:
    course = await published_course(store, access_model="INVITE_ONLY")

    refusal = await refused(enroll(store, course.id, "ben"))
    assert (refusal.code, refusal.info["reason"]) == (Code.FORBIDDEN, "INVITE_ONLY")

    await grant(store, course.id, "ben")
    again = await refused(enroll(store, course.id, "ben"))
    assert (again.code, again.info["status"]) == (Code.ALREADY_ENROLLED, "ACTIVE")


async def test_only_published_courses_take_enrollments(store: RecordStore) -> None:
    course = await published_course(store)
    await set_state(store, course.id, "DRAFT")
    assert (await refused(enroll(store, course.id, "ben"))).code == Code.NOT_FOUND
    assert (await refused(enroll(store, course.id, "owner", is_staff=True))).code == Code.COURSE_NOT_OPEN
    assert (await refused(enroll(store, "unknown", "ben"))).code == Code.NOT_FOUND

    await set_state(store, course.id, "PUBLISHED")
    await set_state(store, course.id, "ARCHIVED")
    assert (await refused(enroll(store, course.id, "ben"))).code == Code.COURSE_NOT_OPEN
    assert (await refused(grant(store, course.id, "ben"))).code == Code.COURSE_NOT_OPEN
    assert await all_rows(store, course.id) == []


async def test_one_user_enrolling_fifty_times_at_once_takes_one_seat(store: RecordStore) -> None:
    course = await published_course(store, capacity=40)

    results = await at_once([partial(enroll, store, course.id, "ben") for _ in crowd(store, 50)])

    assert len(successes(results)) == 1
    assert set(codes(results)) == {"ALREADY_ENROLLED"}
    assert (await require_true_seats(store, course.id)).seats_taken == 1


async def test_one_request_sent_twenty_times_at_once_is_one_enrollment_for_all(store: RecordStore) -> None:
    course = await published_course(store, capacity=40)

    results = await at_once([partial(enroll, store, course.id, "ben", token="t1")] * 20)

    assert len(successes(results)) == 20
    assert len({row.version for row in successes(results)}) == 1
    assert (await require_true_seats(store, course.id)).seats_taken == 1
    mismatch = await refused(enroll(store, course.id, "ben", token="t1", wait=True))
    assert mismatch.code == Code.IDEMPOTENCY_MISMATCH


async def test_a_repeated_request_gives_the_row_in_its_present_form(store: RecordStore) -> None:
    course = await published_course(store)
    await enroll(store, course.id, "ben", token="t1")
    dropped = await drop(store, course.id, "ben")

    assert await enroll(store, course.id, "ben", token="t1") == dropped


async def test_two_hundred_users_for_ten_seats(store: RecordStore) -> None:
    course = await published_course(store, capacity=10)

    users = crowd(store, 200)

    results = await at_once(
        [partial(enroll, store, course.id, f"user-{number}", wait=number % 2 == 0) for number in users]
    )

    assert (await require_true_seats(store, course.id)).seats_taken == 10
    assert sum(row.status == "ACTIVE" for row in successes(results)) == 10
    assert set(codes(results)) == {"COURSE_FULL"}
    waiting = await all_rows(store, course.id, "WAITLISTED")
    assert len(waiting) + 10 + len(codes(results)) == len(users)
    tickets = [row.ticket for row in waiting]
    assert tickets == sorted(set(tickets), key=lambda ticket: ticket or 0)


async def test_a_free_seat_belongs_to_who_waits(store: RecordStore) -> None:
    course = await published_course(store, capacity=1)
    await enroll(store, course.id, "ada")
    await enroll(store, course.id, "ben", wait=True)
    await drop(store, course.id, "ada")

    assert (await refused(enroll(store, course.id, "eve"))).code == Code.COURSE_FULL
    assert (await refused(grant(store, course.id, "eve"))).code == Code.COURSE_FULL
    assert (await enroll(store, course.id, "eve", wait=True)).status == "WAITLISTED"
    await promote(store, course.id, NOW)

    assert [row.user_id for row in await all_rows(store, course.id, "ACTIVE")] == ["ben"]
    assert [row.user_id for row in await all_rows(store, course.id, "WAITLISTED")] == ["eve"]


async def test_freed_seats_go_to_the_lowest_tickets_once_whoever_promotes(store: RecordStore) -> None:
    course = await published_course(store, capacity=5)
    for number in range(12):
        await enroll(store, course.id, f"user-{number:02}", wait=True)

    await at_once([partial(drop, store, course.id, f"user-{number:02}") for number in range(3)])
    await at_once([partial(promote, store, course.id, NOW)] * 5)

    active = sorted(row.user_id for row in await all_rows(store, course.id, "ACTIVE"))
    assert active == [f"user-{number:02}" for number in range(3, 8)]
    assert (await require_true_seats(store, course.id)).seats_taken == 5
    rows = await all_rows(store, course.id, "WAITLISTED")
    assert await Enrollments(store).waiting_positions(rows) == [1, 2, 3, 4]
    assert await Enrollments(store).waiting_positions([rows[2]]) == [3]


async def test_seats_stay_true_while_users_come_and_go(store: RecordStore) -> None:
    course = await published_course(store, capacity=2)

    async def come_and_go(user_id: str) -> None:
        for _ in range(3):
            await enroll(store, course.id, user_id, wait=True)
            await promote(store, course.id, NOW)
            await drop(store, course.id, user_id)

    results = await at_once([partial(come_and_go, f"user-{number}") for number in crowd(store, 20)])

    assert codes(results) == []
    room = await require_true_seats(store, course.id)
    assert (room.seats_taken, room.waiting) == (0, 0)


async def test_capacity_never_falls_below_the_seats_taken(store: RecordStore) -> None:
    course = await published_course(store)
    calls: list[Callable[[], Awaitable[Any]]] = [
        partial(enroll, store, course.id, f"user-{number}") for number in crowd(store, 40)
    ]
    calls.append(partial(set_capacity, store, course.id, 8))

    results = await at_once(calls)

    room = await require_true_seats(store, course.id)
    assert room.capacity is None or room.seats_taken <= room.capacity
    assert set(codes(results)) <= {"COURSE_FULL", "CAPACITY_BELOW_ENROLLED"}
    refusal = await refused(set_capacity(store, course.id, room.seats_taken - 1))
    assert refusal.code == Code.CAPACITY_BELOW_ENROLLED


@pytest.mark.parametrize("capacity", [3, None])
async def test_more_room_is_for_who_waits(store: RecordStore, capacity: int | None) -> None:
    course = await published_course(store, capacity=1)
    for user_id in ("ada", "ben", "cem"):
        await enroll(store, course.id, user_id, wait=True)

    await set_capacity(store, course.id, capacity)
    assert await promote(store, course.id, NOW) == 2

    assert len(await all_rows(store, course.id, "ACTIVE")) == 3
    assert (await require_true_seats(store, course.id)).waiting == 0


async def test_nobody_is_promoted_while_the_course_is_archived(store: RecordStore) -> None:
    course = await published_course(store, capacity=1)
    await enroll(store, course.id, "ada")
    await enroll(store, course.id, "ben", wait=True)
    await set_state(store, course.id, "ARCHIVED")
    await drop(store, course.id, "ada")

    assert await promote(store, course.id, NOW) == 0


async def test_a_course_with_learners_neither_hides_nor_goes(store: RecordStore) -> None:
    course = await published_course(store)
    await enroll(store, course.id, "ben")
    assert (await refused(set_state(store, course.id, "DRAFT"))).code == Code.COURSE_HAS_LEARNERS

    await drop(store, course.id, "ben")
    await set_state(store, course.id, "DRAFT")


async def test_leaving_and_coming_back(store: RecordStore) -> None:
    course = await published_course(store)
    await enroll(store, course.id, "ben")

    dropped = await drop(store, course.id, "ben")
    assert (dropped.status, dropped.last_change, dropped.version) == ("DROPPED", "DROPPED", 2)
    again = await refused(drop(store, course.id, "ben"))
    assert (again.code, again.info["status"]) == (Code.INVALID_STATE, "DROPPED")
    assert (await refused(drop(store, course.id, "eve"))).code == Code.NOT_FOUND

    back = await enroll(store, course.id, "ben")
    assert (back.status, back.version) == ("ACTIVE", 3)
    assert (await require_true_seats(store, course.id)).seats_taken == 1


async def test_twenty_drops_of_one_version_at_once_are_one(store: RecordStore) -> None:
    course = await published_course(store)
    await enroll(store, course.id, "ben")

    results = await at_once([partial(drop, store, course.id, "ben", expected_version=1)] * 20)

    assert len(successes(results)) == 1
    assert codes(results) == ["CONFLICT"] * 19
    [conflict] = {result.info["currentVersion"] for result in results if isinstance(result, DomainError)}
    assert conflict == 2
    assert (await require_true_seats(store, course.id)).seats_taken == 0


async def test_revoking_says_why_and_frees_the_seat(store: RecordStore) -> None:
    course = await published_course(store)
    await grant(store, course.id, "ben", expires_at=later(NOW, days=1))

    row = await Enrollments(store).revoke(course.id, "ben", "Shared the login.", expected_version=None, now=NOW)

    assert (row.status, row.revoke_reason, row.source) == ("REVOKED", "Shared the login.", "GRANT")
    assert (await require_true_seats(store, course.id)).seats_taken == 0
    assert (await enroll(store, course.id, "ben")).revoke_reason is None


async def test_a_grant_ends_in_the_future(store: RecordStore) -> None:
    course = await published_course(store, capacity=1)
    refusal = await refused(grant(store, course.id, "ben", expires_at=NOW))
    assert (refusal.code, refusal.info["field"]) == (Code.BAD_REQUEST, "input.expiresAt")

    row = await grant(store, course.id, "ben", expires_at=later(NOW, seconds=1))
    assert (row.status, row.source, row.last_change) == ("ACTIVE", "GRANT", "GRANTED")
    assert (await refused(grant(store, course.id, "eve"))).code == Code.COURSE_FULL
    waiting = await enroll(store, course.id, "eve", wait=True)
    again = await refused(grant(store, course.id, "eve"))
    assert (again.code, again.info["status"]) == (Code.ALREADY_ENROLLED, waiting.status)


async def test_who_waits_may_leave_the_list(store: RecordStore) -> None:
    course = await published_course(store, capacity=1)
    await enroll(store, course.id, "ada")
    await enroll(store, course.id, "ben", wait=True)

    row = await drop(store, course.id, "ben")

    assert (row.status, row.ticket) == ("DROPPED", None)
    room = await require_true_seats(store, course.id)
    assert (room.seats_taken, room.waiting) == (1, 0)


async def test_a_lapsed_hold_gives_its_seat_back_to_whoever_asks_next(store: RecordStore) -> None:
    course = await published_course(store, access_model="PAID", price=PRICE)
    first = await enroll(store, course.id, "ben")
    after_the_hold = later(NOW, seconds=1800)

    second = await enroll(store, course.id, "ben", now=after_the_hold)

    assert (second.status, second.version) == ("PENDING_PAYMENT", first.version + 2)
    assert second.hold_expires_at == later(after_the_hold, seconds=1800)
    assert (await require_true_seats(store, course.id)).seats_taken == 1


async def test_access_that_ended_is_no_place_any_more(store: RecordStore) -> None:
    course = await published_course(store, access_days=1)
    await enroll(store, course.id, "ben")

    refusal = await refused(drop(store, course.id, "ben", now=later(NOW, days=1)))

    assert (refusal.code, refusal.info["status"]) == (Code.INVALID_STATE, "EXPIRED")
    assert (await require_true_seats(store, course.id)).seats_taken == 0


async def test_my_enrollments_come_newest_first_and_by_status(store: RecordStore) -> None:
    courses = [await published_course(store) for _ in range(5)]
    for days, course in enumerate(courses):
        await enroll(store, course.id, "ben", now=later(NOW, days=days))
    await drop(store, courses[2].id, "ben")

    async def walk(status: str | None, size: int) -> list[str]:
        found: list[str] = []
        position = None
        while True:
            rows, position = await Enrollments(store).list_user("ben", status, position, size)
            found += [row.course_id for row in rows]
            if position is None:
                return found

    newest_first = [course.id for course in reversed(courses)]
    for size in (1, 2, 100):
        assert await walk(None, size) == newest_first
        assert await walk("ACTIVE", size) == [course_id for course_id in newest_first if course_id != courses[2].id]


async def test_a_course_list_is_complete_while_others_come_and_go(store: RecordStore) -> None:
    course = await published_course(store, capacity=5)
    stayers = {f"stayer-{number}" for number in crowd(store, 60)}
    for user_id in sorted(stayers):
        await enroll(store, course.id, user_id, wait=True)

    for size in (1, 7, 100):
        seen: list[str] = []
        position = None
        step = 0
        while True:
            rows, position = await Enrollments(store).list_course(course.id, None, position, size)
            assert len(rows) <= size
            seen += [row.user_id for row in rows]
            if position is None:
                break
            if step % 5 == 0:
                passer_by = f"passer-{size}-{step}"
                await enroll(store, course.id, passer_by, wait=True)
                await drop(store, course.id, passer_by)
            step += 1
        assert sorted(user_id for user_id in seen if user_id in stayers) == sorted(stayers)


async def test_the_waiting_list_is_shown_in_its_order(store: RecordStore) -> None:
    course = await published_course(store, capacity=1)
    users = [f"user-{number}" for number in range(6)]
    for user_id in users:
        await enroll(store, course.id, user_id, wait=True)

    waiting = await all_rows(store, course.id, "WAITLISTED")

    assert [row.user_id for row in waiting] == users[1:]


async def test_positions_far_back_are_not_counted(sqlite_store: RecordStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waitlist, "MOST_POSITIONS", 2)
    course = await published_course(sqlite_store, capacity=1)
    for number in range(5):
        await enroll(sqlite_store, course.id, f"user-{number}", wait=True)
    rows = await all_rows(sqlite_store, course.id, "WAITLISTED")

    assert await Enrollments(sqlite_store).waiting_positions(rows) == [1, 2, None, None]
    assert await Enrollments(sqlite_store).waiting_positions(rows[3:]) == [None]
