"""Enrolled faces: whose face the engine knows, on what consent, and until when.

A row says what shall be, the engine follows; what a crash leaves between the two, workers bring together.
"""

import logging
from collections.abc import Callable
from contextlib import suppress

import msgspec

from datasources.audit import audit_write
from datasources.batches import get_each
from datasources.conditions import equals, not_exists
from datasources.consents import Consents
from datasources.contention import LostRace, settle
from datasources.face_engine import FaceEngine, StoredFace
from datasources.idempotency import Request
from datasources.ports import Item, Put, RecordStore, SortRange
from datasources.readable import readable, record_or_none
from datasources.tables import USER_ITEMS
from datasources.transactions import commit
from domain import face_enrollments as steps
from domain.callers import Caller, Mode
from domain.errors import DomainError, not_found, throttled
from domain.face_enrollments import FaceEnrollment, FaceRow, Why, consent_required, face_not_enrolled
from domain.records import to_item
from domain.times import Timestamp
from domain.ulids import new_ulid
from domain.users import Consent

DUE_AT_ONCE = 100
_ROW = "FACE"
_DUE = "FACE_DUE"
_PURPOSE = "FACE_RECOGNITION"
_OURSELVES = Caller(mode=Mode.IAM)

_log = logging.getLogger(__name__)


class FaceEnrollments:
    def __init__(self, store: RecordStore, engine: FaceEngine) -> None:
        self._store = store
        self._engine = engine
        self._consents = Consents(store)

    async def get(self, user_id: str) -> FaceEnrollment | None:
        return (await self._row(user_id)).enrollment

    async def enroll(self, user_id: str, picture: bytes, policy_version: str, now: Timestamp) -> FaceEnrollment:
        """Learns the face, and forgets an earlier one.

        The row is claimed before the consent is asked for: whoever takes it back changes the row, and nothing is kept.

        Raises:
            DomainError: CONSENT_REQUIRED, also for a consent that is taken back meanwhile; THROTTLED; the engine's.
            UnreadablePicture: the engine's.
        """
        begun = await self._step(user_id, lambda row: steps.enrolling(row, now))
        face_id: str | None = None
        try:
            await self.require_consent(user_id, policy_version)
            face_id = await self._engine.enroll(user_id, picture)
            enrollment = steps.new_enrollment(user_id, policy_version, now)
            row = steps.enrolled(begun, face_id, enrollment)
            await commit(self._store, [(_write(begun, row), LostRace())])
        except LostRace:
            await self._undo(begun, face_id)
            await self.require_consent(user_id, policy_version)
            raise throttled("The face") from None
        except BaseException:
            await self._undo(begun, face_id)
            raise
        await self._forget_or_leave(row, now)
        return enrollment

    async def delete(self, user_id: str, now: Timestamp) -> FaceEnrollment:
        """The DELETED enrollment, once the engine has forgotten the face; also when that was so before.

        Raises:
            DomainError: NOT_FOUND for a user who was never enrolled; the engine's, and then a worker goes on.
        """

        async def attempt() -> FaceEnrollment:
            row = await self._forget(await self._withdrawn(user_id, "REQUESTED", now), now)
            if row.enrollment is None:
                raise not_found("face enrollment")
            return row.enrollment

        return await settle(attempt, "The face")

    async def erase(self, user_id: str, now: Timestamp) -> None:
        """As `delete`, for an account that is erased: fine when nothing was known, and a busy engine forgets later."""
        row = await settle(lambda: self._withdrawn(user_id, "ERASED", now), "The face")
        await self._forget_or_leave(row, now)

    async def withdraw_consent(self, consent: Consent, id: str, request: Request | None) -> Consent:
        """Records that the consent is taken back; from the same moment the face is compared with nothing.

        It is forgotten before this returns, unless the engine is busy: then a worker goes on. See `Consents.record`.
        """

        async def attempt() -> Consent:
            before = await self._row(consent.user_id)
            after = steps.withdrawn(before, "CONSENT_WITHDRAWN")
            return await self._consents.record(consent, id, request, [(_write(before, after), LostRace())])

        recorded = await settle(attempt, "The face")
        await self._forget_or_leave(await self._row(consent.user_id), consent.recorded_at)
        return recorded

    async def require_consent(self, user_id: str, policy_version: str | None = None) -> None:
        """Raises CONSENT_REQUIRED unless the user's last word is yes, to this version if one is given."""
        consent = await self._consents.last(user_id, _PURPOSE)
        if consent is None or not consent.granted or policy_version not in (None, consent.policy_version):
            raise consent_required()

    async def compare(self, user_id: str, picture: bytes, now: Timestamp) -> float:
        """How alike the picture is to the user's own face, in percent. Raises FACE_NOT_ENROLLED; the engine's."""
        row = await self._row(user_id)
        if row.face_id is None or not row.is_known(now):
            raise face_not_enrolled()
        return await self._engine.compare(user_id, row.face_id, picture)

    async def require_enrolled(self, user_id: str, now: Timestamp) -> None:
        """Raises FACE_NOT_ENROLLED."""
        if not (await self._row(user_id)).is_known(now):
            raise face_not_enrolled()

    async def forget_due(self, now: Timestamp) -> None:
        """Forgets faces that have expired, and those that an engine was too busy to forget."""
        page = await self._store.query(
            USER_ITEMS, _DUE, index="KindIndex", sort=SortRange(at_most=now), limit=DUE_AT_ONCE
        )
        for found in readable(page.items, _of):
            row = await self._row(found.user_id)
            if row.due_at is None or row.due_at > now:
                continue
            with suppress(LostRace):  # somebody else is at it
                await self._forget_or_leave(row if row.leaving else await self._withdraw(row, "EXPIRED"), now)

    async def forget_left_over(self, now: Timestamp) -> int:
        """Forgets what the engine keeps and no row knows of, such as the face of an enrollment that crashed.

        Returns:
            How many faces that were.
        """
        count, after = 0, None
        while True:
            page = await self._engine.stored(after=after)
            keys = [_key(face.user_id) for face in page.faces]
            items = await get_each(self._store, USER_ITEMS, list({key["userId"]: key for key in keys}.values()))
            rows = {item["userId"]: record_or_none(item, _of) for item in items if item is not None}
            for face in page.faces:
                count += await self._forget_if_left_over(face, rows.get(face.user_id), now)
            after = page.last
            if after is None:
                return count

    async def _forget_if_left_over(self, face: StoredFace, row: FaceRow | None, now: Timestamp) -> bool:
        if row is not None and (row.is_enrolling(now) or face.face_id in (row.face_id, *row.leaving)):
            return False
        receipt = await self._engine.delete(face.user_id, [face.face_id])
        await commit(self._store, [(_audit(face.user_id, "LEFT_OVER", receipt, now), LostRace())])
        return True

    async def _forget_or_leave(self, row: FaceRow, now: Timestamp) -> None:
        """As `_forget`; what cannot be done now is left to a worker."""
        try:
            await self._forget(row, now)
        except (DomainError, LostRace) as error:
            _log.warning("a face is forgotten later: %s", error)

    async def _forget(self, row: FaceRow, now: Timestamp) -> FaceRow:
        """The row once the engine has forgotten what was leaving. Raises LostRace; the engine's errors."""
        if not row.leaving:
            return row
        receipt = await self._engine.delete(row.user_id, row.leaving)
        after = steps.forgotten(row, now)
        audit = _audit(row.user_id, row.why or "LEFT_OVER", receipt, now)
        await commit(self._store, [(_write(row, after), LostRace()), (audit, LostRace())])
        return after

    async def _undo(self, begun: FaceRow, face_id: str | None) -> None:
        """An enrollment came to nothing; what fails here, `forget_left_over` does."""
        with suppress(DomainError, LostRace):
            if face_id is not None:
                await self._engine.delete(begun.user_id, [face_id])
            await commit(self._store, [(_write(begun, steps.not_enrolled(begun)), LostRace())])

    async def _withdrawn(self, user_id: str, why: Why, now: Timestamp) -> FaceRow:
        """The user's row, with no face to compare with and no enrollment under way. Raises LostRace."""
        row = await self._row(user_id)
        return await self._withdraw(row, why) if row.face_id is not None or row.is_enrolling(now) else row

    async def _withdraw(self, row: FaceRow, why: Why) -> FaceRow:
        """Raises LostRace."""
        after = steps.withdrawn(row, why)
        await commit(self._store, [(_write(row, after), LostRace())])
        return after

    async def _step(self, user_id: str, step: Callable[[FaceRow], FaceRow]) -> FaceRow:
        async def attempt() -> FaceRow:
            before = await self._row(user_id)
            after = step(before)
            await commit(self._store, [(_write(before, after), LostRace())])
            return after

        return await settle(attempt, "The face")

    async def _row(self, user_id: str) -> FaceRow:
        item = await self._store.get(USER_ITEMS, _key(user_id))
        return FaceRow(user_id) if item is None else _of(item)


def _audit(user_id: str, why: str, receipt: str, now: Timestamp) -> Put:
    return audit_write(_OURSELVES, "forgetFace", user_id, now, new_ulid(), {"why": why, "receipt": receipt})


def _key(user_id: str) -> dict[str, str]:
    return {"userId": user_id, "sk": _ROW}


def _of(item: Item) -> FaceRow:
    return msgspec.convert(item, FaceRow)


def _write(before: FaceRow, after: FaceRow) -> Put:
    """Fails when the row is another by now."""
    item = {**to_item(after), **_key(after.user_id)}
    if after.due_at is not None:
        item |= {"kind": _DUE, "sortKey": after.due_at}
    return Put(USER_ITEMS, item, not_exists("sk") if before.version == 0 else equals("version", before.version))
