"""What tests asked of a runtime, and what it was answered, kept to be compared with what the other one answers.

Kept where PARITY_RECORDS names a folder, in one folder a runtime, a file a process and a line an operation.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import msgspec
import orjson

from app.auth.claims import USER_ID
from domain.callers import Caller
from domain.errors import DomainError
from tests.parity.answers import compared, of_refusal, root_fields, without_chance

FOLDER = "PARITY_RECORDS"


class Operation(msgspec.Struct, frozen=True):
    """One operation of a test.

    Attributes:
        test: pytest's id of it.
        fields: coordinates of the root fields.
        asked: caller, text and variables, without chance.
        answer: as `compared` leaves it.
        number: in the order in which the test began them.
        raced: another one of the test had not ended when it began, or has begun before it ended.
    """

    test: str
    fields: tuple[str, ...]
    asked: str
    answer: str
    number: int = 0
    raced: bool = False


class Answering(Protocol):
    """As tests.runtimes.Runtime."""

    async def answer(self, query: str, variables: Mapping[str, Any], caller: Caller) -> dict[str, Any]: ...

    async def subscribe(self, query: str, variables: Mapping[str, Any], caller: Caller) -> Any: ...


class Recorded:
    """A runtime whose answers are kept."""

    def __init__(self, runtime: Answering, folder: Path) -> None:
        self._runtime = runtime
        folder.mkdir(exist_ok=True)
        self._file = folder / f"{os.getpid()}.jsonl"
        self._begun = 0
        self._running = 0
        self._raced = False

    async def answer(self, query: str, variables: Mapping[str, Any], caller: Caller) -> dict[str, Any]:
        with self._kept(query, variables, caller) as keep_answer:
            answer = await self._runtime.answer(query, variables, caller)
            keep_answer(compared(answer))
        return answer

    async def subscribe(self, query: str, variables: Mapping[str, Any], caller: Caller) -> Any:
        with self._kept(query, variables, caller) as keep_answer:
            hears = await self._runtime.subscribe(query, variables, caller)
            keep_answer("begins")
        return hears

    @contextmanager
    def _kept(self, query: str, variables: Mapping[str, Any], caller: Caller) -> Iterator[Callable[[Any], None]]:
        """Keeps the answer that it is told, or the refusal that is raised."""
        test = os.environ["PYTEST_CURRENT_TEST"].rpartition(" ")[0]
        asked = _text(without_chance([caller.mode, caller.user_id, sorted(caller.groups), query, variables]))
        number, self._begun = self._begun, self._begun + 1
        self._raced = self._raced or self._running > 0
        self._running += 1

        def keep_answer(answer: Any) -> None:
            if caller.user_id is None or USER_ID.fullmatch(caller.user_id):  # no token names another
                operation = Operation(test, root_fields(query), asked, _text(answer), number, self._raced)
                keep(self._file, operation)

        try:
            yield keep_answer
        except DomainError as error:
            keep_answer(of_refusal(error))
            raise
        finally:
            self._running -= 1


def recorded(runtime: Any, name: str) -> Any:
    """The runtime of that name, or one that keeps what it answers where the environment says so."""
    folder = os.environ.get(FOLDER)
    return runtime if folder is None else Recorded(runtime, Path(folder) / name)


def keep(file: Path, line: msgspec.Struct) -> None:
    with file.open("ab") as opened:
        opened.write(msgspec.json.encode(line) + b"\n")


def read(folder: Path) -> Iterator[Operation]:
    for file in sorted(folder.glob("*.jsonl")):
        for line in file.read_bytes().splitlines():
            yield msgspec.json.decode(line, type=Operation)


def _text(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
