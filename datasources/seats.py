"""The seats of a course: its SEATS item, the only judge of room, as writes for the transactions that need it.

It is written with every row that takes or frees a seat or joins or leaves the waiting list, in the same
transaction, so `seatsTaken` and `waiting` equal the rows at every moment, in courses without a capacity
too: that is what makes a new capacity and the way back to DRAFT exact. Readers of the catalog read COUNTS,
which follows a moment later, and never meet these transactions.
"""

from typing import Any

import msgspec

from datasources.conditions import (
    all_of,
    any_of,
    at_least,
    at_most,
    attribute,
    differs,
    equals,
    exists,
    greater,
    less,
    not_exists,
)
from datasources.course_items import SEATS
from datasources.course_items import key as course_key
from datasources.ports import Attributes, Change, Check, Delete, Item, Put, RecordStore
from datasources.tables import COURSES
from datasources.updates import Add, Remove, Set
from domain.records import Record

_UNLIMITED = not_exists("capacity")
_FREE_SEAT = less("seatsTaken", attribute("capacity"))
_ALL_TAKEN = at_least("seatsTaken", attribute("capacity"))
_SOMEBODY_WAITS = greater("waiting", 0)


class Seats(Record, frozen=True):
    """`waiting`: rows in the waiting list. `ticket`: the last one given out. `capacity` None: no limit."""

    seats_taken: int = 0
    waiting: int = 0
    ticket: int = 0
    ever_enrolled: bool = False
    capacity: int | None = None

    @property
    def has_free_seat(self) -> bool:
        return self.capacity is None or self.seats_taken < self.capacity

    @property
    def is_open(self) -> bool:
        """Whether a newcomer may sit down. A free seat belongs to whoever waits."""
        return self.capacity is None or (self.has_free_seat and self.waiting == 0)


def key(course_id: str) -> dict[str, Any]:
    return course_key(course_id, SEATS)


def item(course_id: str, capacity: int | None) -> Item:
    """The SEATS item of a new course."""
    room = {} if capacity is None else {"capacity": capacity}
    return {**key(course_id), "seatsTaken": 0, "waiting": 0, "ticket": 0, "everEnrolled": False, **room}


def opened(course_id: str, capacity: int | None) -> Put:
    """For the transaction that creates the course."""
    return Put(COURSES, item(course_id, capacity))


def capacity_set(course_id: str, capacity: int | None) -> Change:
    """For the transaction that changes META's capacity.

    Fails when more seats are taken than the new capacity has: CAPACITY_BELOW_ENROLLED. The waiting list
    moves up by itself afterwards.
    """
    if capacity is None:
        return Change(COURSES, key(course_id), [Remove("capacity")], exists("courseId"))
    return Change(COURSES, key(course_id), [Set("capacity", capacity)], at_most("seatsTaken", capacity))


def none_taken(course_id: str) -> Check:
    """For the transaction that takes a course back to DRAFT. Fails while seats are held: COURSE_HAS_LEARNERS."""
    return Check(COURSES, key(course_id), equals("seatsTaken", 0))


def removed(course_id: str) -> Delete:
    """For the transaction that deletes a course. Fails once it had an enrollment: COURSE_HAS_LEARNERS."""
    return Delete(COURSES, key(course_id), differs("everEnrolled", True))


async def read(store: RecordStore, course_id: str) -> Seats | None:
    stored = await store.get(COURSES, key(course_id))
    return None if stored is None else of(stored)


def of(stored: Attributes) -> Seats:
    return msgspec.convert(stored, Seats)


async def next_ticket(store: RecordStore, course_id: str) -> int:
    """A ticket higher than all before. One that is not used in the end leaves a hole, which harms nobody."""
    after = await store.update(COURSES, key(course_id), [Add("ticket", 1)], condition=exists("courseId"))
    return int(after["ticket"])


def taken(course_id: str) -> Change:
    """A newcomer sits down. Fails when all seats are taken or somebody waits for one."""
    room = any_of(_UNLIMITED, all_of(_FREE_SEAT, at_most("waiting", 0)))
    return Change(
        COURSES,
        key(course_id),
        [Add("seatsTaken", 1), Set("everEnrolled", True)],
        all_of(exists("courseId"), room),
    )


def freed(course_id: str) -> Change:
    return Change(COURSES, key(course_id), [Add("seatsTaken", -1)], greater("seatsTaken", 0))


def queued(course_id: str) -> Change:
    """A newcomer joins the waiting list. Fails when there is a seat for the taking."""
    return Change(
        COURSES,
        key(course_id),
        [Add("waiting", 1), Set("everEnrolled", True)],
        any_of(_ALL_TAKEN, all_of(exists("capacity"), _SOMEBODY_WAITS)),
    )


def unqueued(course_id: str) -> Change:
    return Change(COURSES, key(course_id), [Add("waiting", -1)], _SOMEBODY_WAITS)


def moved_up(course_id: str) -> Change:
    """The head of the waiting list sits down. Fails when no seat is free."""
    return Change(
        COURSES,
        key(course_id),
        [Add("seatsTaken", 1), Add("waiting", -1)],
        all_of(_SOMEBODY_WAITS, any_of(_UNLIMITED, _FREE_SEAT)),
    )
