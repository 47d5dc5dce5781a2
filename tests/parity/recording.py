"""What tests asked of a runtime, and what it was answered, kept to be compared with what the other one answers.

Kept where PARITY_RECORDS names a folder, in one folder a runtime, a file a process and a line an operation.
"""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

import msgspec
import orjson

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
    """

    test: str
    fields: tuple[str, ...]
    asked: str
    answer: str


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

    async def answer(self, query: str, variables: Mapping[str, Any], caller: Caller) -> dict[str, Any]:
        try:
            answer = await self._runtime.answer(query, variables, caller)
        except DomainError as error:
            self._keep(query, variables, caller, of_refusal(error))
            raise
        self._keep(query, variables, caller, compared(answer))
        return answer

    async def subscribe(self, query: str, variables: Mapping[str, Any], caller: Caller) -> Any:
        try:
            hears = await self._runtime.subscribe(query, variables, caller)
        except DomainError as error:
            self._keep(query, variables, caller, of_refusal(error))
            raise
        self._keep(query, variables, caller, "begins")
        return hears

    def _keep(self, query: str, variables: Mapping[str, Any], caller: Caller, answer: Any) -> None:
        test = os.environ["PYTEST_CURRENT_TEST"].rpartition(" ")[0]
        asked = [caller.mode, caller.user_id, sorted(caller.groups), query, variables]
        keep(self._file, Operation(test, root_fields(query), _text(without_chance(asked)), _text(answer)))


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
