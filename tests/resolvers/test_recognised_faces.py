"""The whole way of a face with real pictures: enrolled from one photograph, known in another, told from others."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from graphql import GraphQLSchema

from datasources.local.faces import open_faces
from datasources.local.search import SQLiteSearch
from datasources.local.sqlite import SQLiteStore
from datasources.tables import FACE_DESCRIPTIONS
from tests import faces
from tests.blob_stores import served_files
from tests.resolvers.attendance import MINE, statuses
from tests.resolvers.chat import error
from tests.resolvers.face import ENROLL, FORGET, MARK, by_face, consent, given, mark
from tests.resolvers.meeting import result
from tests.school import Clock, School
from tests.uploading import ready_image


@pytest.fixture
async def school(sqlite_store: SQLiteStore, bound_schema: GraphQLSchema, tmp_path: Path) -> AsyncIterator[School]:
    async with served_files(tmp_path / "files") as files, open_faces(sqlite_store, b"a secret of the tests") as engine:
        search = await SQLiteSearch.over(sqlite_store)
        yield School(sqlite_store, search, bound_schema, Clock(), files=files, faces=engine, face_attendance=True)


async def test_a_learner_is_known_by_another_photograph_and_told_from_others(school: School) -> None:
    ada, eva, mia = school.as_("ada", "Mentors"), school.as_("eva"), school.as_("mia")
    pictures = {name: faces.encoded(faces.portrait(name)) for name in ("eva", "eva again", "mia")}
    for learner, name in ((eva, "eva"), (mia, "mia")):
        await consent(learner)
        enrolled = await result(learner, ENROLL, input=given(await ready_image(learner, pictures[name])))
        assert enrolled["status"] == "ACTIVE"
    meeting = await by_face(school, eva, mia)

    group = faces.encoded(faces.group())
    assert await error(mia, MARK, input=mark(meeting, await ready_image(mia, group))) == "MULTIPLE_FACES"
    refusal = await mia.refusal(MARK, input=mark(meeting, await ready_image(mia, pictures["eva again"])))
    assert (refusal["errorType"], refusal["errorInfo"]["triesLeft"]) == ("FACE_MISMATCH", 4)
    assert (await result(eva, MARK, input=mark(meeting, await ready_image(eva, pictures["eva again"]))))[
        "method"
    ] == "FACE"

    assert await statuses(ada, meeting) == {eva.id: ("PRESENT", "FACE")}
    assert await result(mia, MINE, id=meeting["id"]) is None
    for learner in (eva, mia):
        assert (await result(learner, FORGET))["status"] == "DELETED"
    for shard in range(16):
        assert (await school.store.query(FACE_DESCRIPTIONS, str(shard))).items == []
