"""What the clock frees: bytes that belong to no upload any more, and nothing else."""

import logging
from typing import Any

import pytest

from datasources.blobs import BlobStore
from datasources.tables import MEDIA, UPLOADS
from datasources.upload_sweeps import START, UploadSweeps
from domain.file_keys import incoming
from tests.resolvers.test_uploads import VIDEO, video
from tests.school import School
from tests.uploading import PNG, complete, initiate, send, send_parts


@pytest.fixture
def school(school_with_files: School) -> School:
    return school_with_files


@pytest.fixture
def sweeps(school: School) -> UploadSweeps:
    """Late enough that everything is old, by whichever clock."""
    school.clock.advance(days=1)
    return UploadSweeps(school.store, school.blobs, school.sources.uploads, school.clock.now)


async def whole_walk(school: School, sweeps: UploadSweeps) -> None:
    for sweep in (sweeps.remove_orphan_parts, sweeps.remove_orphan_files):
        position = START
        while (position := await sweep(position)) != START:
            pass


async def begun(blobs: BlobStore) -> list[str]:
    return [each.key for each in await blobs.open_multiparts()]


async def test_parts_of_no_open_upload_are_given_up(
    school: School, sweeps: UploadSweeps, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    ada = school.as_("ada")
    kept, forgotten = await video(ada), await video(ada)
    await send_parts(ada, forgotten, VIDEO, [1, 3])
    await school.store.delete(UPLOADS, {"uploadId": forgotten["id"]})  # a crash before the row was there
    await school.blobs.start_multipart("elsewhere/x", content_type="video/mp4")

    await whole_walk(school, sweeps)

    assert sorted(await begun(school.blobs)) == ["elsewhere/x", incoming(ada.id, kept["id"])]
    assert metrics(caplog) == [{"metric": "OrphanPartsRemoved", "files": 1, "bytes": 1024 + 400}]


async def test_files_that_nobody_waits_for_are_removed(
    school: School, sweeps: UploadSweeps, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    ada = school.as_("ada")
    waiting, unseen, aborted, forgotten = [await initiate(ada, PNG) for _ in range(4)]
    for upload in (waiting, unseen, aborted, forgotten):
        await send(ada, upload["request"], PNG)
    await complete(ada, unseen)  # no worker has taken it in yet
    await ada.data("mutation ($id: ID!) { abortUpload(id: $id) { id } }", id=aborted["id"])
    await send(ada, aborted["request"], PNG)  # its request is still good
    await school.store.delete(UPLOADS, {"uploadId": forgotten["id"]})

    await whole_walk(school, sweeps)

    left = {blob.key for blob in await school.blobs.list_keys("")}
    assert left == {incoming(ada.id, waiting["id"]), incoming(ada.id, unseen["id"])}
    assert metrics(caplog) == [{"metric": "OrphanFilesRemoved", "files": 2, "bytes": 2 * len(PNG)}]
    await school.store.delete(MEDIA, {"mediaId": unseen["id"]})
    await whole_walk(school, sweeps)
    assert len(await school.blobs.list_keys("")) == 1


async def test_what_is_young_may_still_be_on_its_way(school: School) -> None:
    ada = school.as_("ada")
    upload, parts = await initiate(ada, PNG), await video(ada)
    await send(ada, upload["request"], PNG)
    for each in (upload, parts):
        await school.store.delete(UPLOADS, {"uploadId": each["id"]})
    [blob] = await school.blobs.list_keys("incoming/")
    [begun_at] = [each.started_at for each in await school.blobs.open_multiparts()]
    now = min(blob.stored_at, begun_at)  # moto says of all parts that they began in 2010
    sweeps = UploadSweeps(school.store, school.blobs, school.sources.uploads, lambda: now)

    await whole_walk(school, sweeps)

    assert len(await school.blobs.list_keys("incoming/")) == 1
    assert await begun(school.blobs) == [incoming(ada.id, parts["id"])]


def metrics(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    """The lines that monitoring counts by, in order."""
    found = (getattr(record, "fields", {}) for record in caplog.records)
    return [fields for fields in found if "metric" in fields]
