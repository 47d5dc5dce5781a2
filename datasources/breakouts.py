"""Breakouts: parts of a meeting with meetings of their own, which end with it."""

from collections.abc import Callable, Sequence

from datasources import idempotency
from datasources.contention import LostRace, settle
from datasources.meeting_calls import Calls
from datasources.meeting_rosters import Rosters
from datasources.meeting_rows import attendee_step, meeting_step, new_meeting_row
from datasources.meetings import Meetings
from datasources.ports import RecordStore
from datasources.transactions import Guarded, commit
from domain.breakouts import Group, new_breakout
from domain.errors import bad_request, invalid_state, not_found
from domain.meeting_attendees import host_of
from domain.meetings import Meeting, require_live, with_breakouts
from domain.times import Timestamp


class Breakouts:
    def __init__(self, store: RecordStore, calls: Calls) -> None:
        self._store = store
        self._calls = calls
        self._meetings = Meetings(store)
        self._rosters = Rosters(store)

    async def create(
        self,
        parent_id: str,
        groups: Sequence[Group],
        request: idempotency.Request | None,
        *,
        new_id: Callable[[], str],
        time_zone: str,
        now: Timestamp,
    ) -> list[Meeting]:
        """A LIVE breakout for each group, with its users invited, in order. A repeated request completes what the
        first one left.

        Args:
            time_zone: see `Calls.start`.

        Raises:
            DomainError: NOT_FOUND, MEETING_NOT_LIVE; INVALID_STATE (reason BREAKOUTS_OPEN) while earlier ones go on;
                BAD_REQUEST (rule NOT_AN_ATTENDEE) for a user who is not in the meeting's roster;
                IDEMPOTENCY_MISMATCH, THROTTLED, DEPENDENCY_FAILED.
        """
        made = await self._make(parent_id, groups, request, new_id, now)
        opened: list[Meeting] = []
        for breakout, group in zip(made, groups, strict=True):
            if not breakout.is_over:
                await self._meetings.invite(breakout.id, group.user_ids)
                breakout, _ = await self._calls.start(breakout.id, time_zone=time_zone, now=now)  # noqa: PLW2901 - the same one, opened
            opened.append(breakout)
        return opened

    async def _make(
        self,
        parent_id: str,
        groups: Sequence[Group],
        request: idempotency.Request | None,
        new_id: Callable[[], str],
        now: Timestamp,
    ) -> list[Meeting]:
        """All of them in one transaction, or those that the same request made before."""

        async def attempt() -> list[Meeting]:
            remembered = await idempotency.replay(self._store, request)
            if remembered is not None:
                found = await self._meetings.get_many(remembered["ids"])
                return [breakout for breakout in found if breakout is not None]
            parent = await self._meetings.get(parent_id)
            if parent is None:
                raise not_found("meeting")
            require_live(parent)
            await self._require_none_open(parent)
            await self._require_attendees(parent, groups)
            made = [new_breakout(parent, group.title, meeting_id=new_id(), now=now) for group in groups]
            ids = [breakout.id for breakout in made]
            writes: list[Guarded] = idempotency.once(request, {"ids": ids}, now)
            writes.append((meeting_step(parent, with_breakouts(parent, ids)), LostRace()))
            for breakout in made:
                writes.append((new_meeting_row(breakout), LostRace()))
                writes.append((attendee_step(None, host_of(breakout)), LostRace()))
            await commit(self._store, writes)
            return made

        return await settle(attempt, "The meeting")

    async def _require_none_open(self, parent: Meeting) -> None:
        earlier = await self._meetings.get_many(parent.breakout_ids)
        if any(breakout is not None and not breakout.is_over for breakout in earlier):
            raise invalid_state(parent.status, "The meeting's earlier breakouts go on.", reason="BREAKOUTS_OPEN")

    async def _require_attendees(self, parent: Meeting, groups: Sequence[Group]) -> None:
        user_ids = [user_id for group in groups for user_id in group.user_ids]
        rows = await self._rosters.of_meeting(parent.id, user_ids)
        if any(row is None or row.is_removed for row in rows):
            message = "input.groups.userIds names users in the meeting's roster."
            raise bad_request("input.groups.userIds", "NOT_AN_ATTENDEE", message)
