"""A process that stores files until it is killed, or that dies behind one step of storing a file.

`python -m tests.datasources.local.file_writer FOLDER [STEP]` writes a line for each file that it was told is stored
(`+key`) or removed (`-key`).
"""

import asyncio
import os
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

from datasources.blobs import ChosenPart
from datasources.local.file_disk import Draft
from datasources.local.file_index import FileIndex
from datasources.local.file_urls import Grant
from datasources.local.files import FileStore

WRITERS = 4
PART_BYTES = 16 * 1024
STEPS: dict[str, tuple[type, str]] = {
    "reserved": (Draft, "reserve"),
    "written": (Draft, "write"),
    "kept": (Draft, "keep"),
    "named": (FileIndex, "put"),
    "settled": (Draft, "settle"),
}
"""In their order, and what does them."""


def body_of(key: str) -> bytes:
    """What is stored under a key; some files have several parts."""
    return key.encode() * (100 + sum(key.encode()) * 7_919 % 20_000)


def die_behind(step: str) -> None:
    owner, name = STEPS[step]
    done: Callable[..., Any] = getattr(owner, name)

    async def named(*args: Any) -> None:
        await done(*args)
        os._exit(9)

    def last(*args: Any) -> None:
        done(*args)
        os._exit(9)

    setattr(owner, name, named if step == "named" else last)


async def main(folder: str, step: str | None = None) -> None:
    async with FileStore.open(Path(folder), secret=b"s" * 32, base_url="http://x", min_part_bytes=1) as store:
        if step is not None:
            await store.store("first", body_of("first"), content_type="video/mp4")
            die_behind(step)
            await store.store("second", body_of("second"), content_type="video/mp4")
        await asyncio.gather(*(write(store, writer) for writer in range(WRITERS)))


async def write(store: FileStore, writer: int) -> None:
    for number in count():
        key = f"{writer}/{os.getpid()}/{number}"
        if number % 3:
            await in_parts(store, key)
        else:
            await store.store(key, body_of(key), content_type="video/mp4")
        tell(f"+{key}")
        if number % 4 == 3:
            gone = f"{writer}/{os.getpid()}/{number - 2}"
            await store.delete([gone])
            tell(f"-{gone}")


async def in_parts(store: FileStore, key: str) -> None:
    upload = await store.start_multipart(key, content_type="video/mp4")
    body, parts = body_of(key), []
    for number, start in enumerate(range(0, len(body), PART_BYTES), 1):
        piece = body[start : start + PART_BYTES]
        grant = Grant("PUT", key, 0, size=len(piece), upload=upload, part=number)
        async with store.transfers.receiving(grant) as incoming:
            await incoming.write(piece)
            written, _ = await incoming.finish()
        parts.append(ChosenPart(number, written.etag))
    await store.complete_multipart(key, upload, parts)


def tell(line: str) -> None:
    os.write(1, f"{line}\n".encode())


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
