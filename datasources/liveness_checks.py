"""Liveness checks: begun by a user, passed before the camera, used once within three minutes."""

from datasources.conditions import exists, not_exists
from datasources.face_engine import FaceEngine, LivenessEngine
from datasources.ports import Delete, Put, RecordStore
from datasources.tables import USER_ITEMS
from datasources.transactions import Guarded, commit
from domain.attendance_policy import feature_disabled
from domain.face_enrollments import LIVENESS_SECONDS, FaceLivenessSession, liveness_failed
from domain.records import to_item
from domain.times import Timestamp, epoch_seconds, later


class LivenessChecks:
    def __init__(self, store: RecordStore, faces: FaceEngine) -> None:
        self._store = store
        self._faces = faces

    async def start(self, user_id: str, now: Timestamp) -> FaceLivenessSession:
        """Raises FEATURE_DISABLED where no engine can tell; FACE_SERVICE_BUSY, DEPENDENCY_FAILED."""
        engine = self._able()
        session = FaceLivenessSession(await engine.start(), engine.region, later(now, seconds=LIVENESS_SECONDS))
        item = {**to_item(session), **_key(user_id, session.id), "ttl": epoch_seconds(session.expires_at)}
        await commit(self._store, [(Put(USER_ITEMS, item, not_exists("sk")), liveness_failed())])
        return session

    async def passed(self, user_id: str, session_id: str, now: Timestamp) -> tuple[bytes, Guarded]:
        """The engine's picture of who passed the user's check, and the write that uses the check up.

        Raises:
            DomainError: LIVENESS_FAILED for a check that was not passed, has expired, was used, or is another's;
                FEATURE_DISABLED, FACE_SERVICE_BUSY, DEPENDENCY_FAILED.
        """
        engine = self._able()
        item = await self._store.get(USER_ITEMS, _key(user_id, session_id))
        if item is None or item["expiresAt"] <= now:
            raise liveness_failed()
        found = await engine.result(session_id)
        if found.reference is None:
            raise liveness_failed()
        return found.reference, (Delete(USER_ITEMS, _key(user_id, session_id), exists("sk")), liveness_failed())

    async def use(self, user_id: str, session_id: str, now: Timestamp) -> bytes:
        """As `passed`, and used up."""
        reference, use = await self.passed(user_id, session_id, now)
        await commit(self._store, [use])
        return reference

    def _able(self) -> LivenessEngine:
        if self._faces.liveness is None:
            raise feature_disabled("liveness checks")
        return self._faces.liveness


def _key(user_id: str, session_id: str) -> dict[str, str]:
    return {"userId": user_id, "sk": f"LIVENESS#{session_id}"}
