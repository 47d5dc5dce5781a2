"""Head and body of an answer in one write."""

import asyncio
from collections.abc import Iterable
from typing import cast

import pytest

from app.http.writes import JoinedWrites


class Wire:
    def __init__(self) -> None:
        self.sent: list[bytes | str] = []

    def write(self, data: bytes) -> None:
        self.sent.append(data)

    def writelines(self, parts: Iterable[bytes]) -> None:
        self.sent.append(b"".join(parts))

    def close(self) -> None:
        self.sent.append("closed")

    def is_closing(self) -> bool:
        return "closed" in self.sent


def joined() -> tuple[Wire, JoinedWrites]:
    wire = Wire()
    return wire, JoinedWrites(cast(asyncio.Transport, wire), asyncio.get_running_loop())


async def test_two_writes_of_one_turn_are_one() -> None:
    wire, writes = joined()
    writes.write(b"head ")
    writes.write(b"body")
    await asyncio.sleep(0)
    assert wire.sent == [b"head body"]


async def test_a_write_alone_goes_out_with_the_turn() -> None:
    wire, writes = joined()
    writes.write(b"head")
    await asyncio.sleep(0)
    assert wire.sent == [b"head"]
    writes.write(b"event")
    await asyncio.sleep(0)
    assert wire.sent == [b"head", b"event"]


async def test_nothing_is_lost_or_reordered_by_flushing_and_closing() -> None:
    wire, writes = joined()
    for part in (b"1", b"2", b"3"):
        writes.write(part)
    writes.flush()
    writes.write(b"4")
    writes.close()
    await asyncio.sleep(0)
    assert wire.sent == [b"12", b"3", b"4", "closed"]
    assert writes.is_closing()


@pytest.mark.parametrize("size", [0, 10, 1_000_000])
async def test_a_whole_answer_goes_out_at_once_and_behind_what_was_held(size: int) -> None:
    wire, writes = joined()
    writes.write(b"100 Continue ")
    writes.write_whole(b"head ", b"x" * size)
    assert wire.sent == [b"100 Continue ", b"head " + b"x" * size]
    await asyncio.sleep(0)
    assert len(wire.sent) == 2
