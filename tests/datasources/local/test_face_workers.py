"""The processes that look at pictures: bounded, replaced when they crash or hang, and without our secrets."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from functools import partial

import pytest

from datasources.local.face_frames import Described, Task
from datasources.local.face_workers import FaceWorkers
from domain.errors import Code, DomainError
from tests.races import at_once, codes, successes
from tests.waiting import until

ODD = (sys.executable, "-m", "tests.datasources.local.odd_face_worker")


@pytest.fixture
async def workers() -> AsyncIterator[FaceWorkers]:
    opened = FaceWorkers(2, command=ODD, most_waiting=8)
    yield opened
    await opened.close()


async def told(workers: FaceWorkers, picture: bytes = b"") -> str:
    found = await workers.find(Task(picture))
    assert isinstance(found, Described)
    return found.description.decode()


async def refusal(workers: FaceWorkers, picture: bytes = b"") -> Code:
    with pytest.raises(DomainError) as refused:
        await workers.find(Task(picture))
    return refused.value.code


def lives(process: str) -> bool:
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return False
    return True


async def test_a_process_serves_again_and_again(workers: FaceWorkers) -> None:
    assert len({await told(workers) for _ in range(5)}) == 1


async def test_no_more_processes_than_allowed_and_no_more_waiting(workers: FaceWorkers) -> None:
    results = await at_once([partial(told, workers)] * 30)

    assert 1 <= len(set(successes(results))) <= 2
    assert len(successes(results)) >= 10
    assert set(codes(results)) == {Code.FACE_SERVICE_BUSY}


async def test_a_process_that_crashes_is_replaced(workers: FaceWorkers) -> None:
    first = await told(workers)
    assert await refusal(workers, b"crash") is Code.FACE_SERVICE_BUSY
    assert await told(workers) != first


async def test_a_process_that_hangs_is_ended() -> None:
    workers = FaceWorkers(command=ODD, seconds=2.0)

    async def answers() -> bool:
        try:
            return bool(await told(workers))
        except DomainError:  # on a busy machine a process may need longer than that to start
            return False

    assert await refusal(workers, b"hang") is Code.FACE_SERVICE_BUSY
    await until(answers, "another process")
    await workers.close()


async def test_a_caller_who_goes_away_leaves_no_process_at_work(workers: FaceWorkers) -> None:
    first = await told(workers)
    asked = asyncio.create_task(told(workers, b"hang"))
    await asyncio.sleep(0)  # it is asked now, and waits
    asked.cancel()
    await asyncio.gather(asked, return_exceptions=True)
    await until(lambda: not lives(first), "its end")


async def test_a_process_without_its_models_is_a_fault_of_ours() -> None:
    assert await refusal(FaceWorkers(command=[*ODD, "--broken"])) is Code.DEPENDENCY_FAILED
    assert await refusal(FaceWorkers(command=[*ODD, "--ends"])) is Code.FACE_SERVICE_BUSY


async def test_processes_know_no_secret(workers: FaceWorkers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CURSOR_SECRET", "a secret")
    names = (await told(workers, b"environment")).split()
    assert set(names) <= {"PATH", "LANG", "LC_CTYPE", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"}


async def test_processes_end_with_the_server(workers: FaceWorkers) -> None:
    process = await told(workers)
    await workers.close()
    assert not lives(process)
