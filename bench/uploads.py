"""Ten thousand uploads in parts by the reference client, many at once, while nearly everything breaks."""

import asyncio
import hashlib
import signal
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import aiohttp

from app.open_files import allow_many_files
from app.server import new_event_loop
from app.settings import Settings
from app.sign_in import open_issuer
from bench import servers
from bench.report import Result
from bench.upload_faults import FaultySession
from datasources.local.file_urls import UrlSigner
from datasources.local.files import FileStore
from domain.file_keys import media_id_of, upload_id_of
from examples.upload import Lost, Refused, upload

UPLOADS = 10_000
AT_ONCE = 1_247
USERS = 200
KILLED_AT = (20, 30, 40)
"""How much was completed when the server was killed, percent. So one process has the rest."""
WEIGHED_AT = (50, 75, 100)
"""When that process's memory is looked at."""
PART_BYTES = 4096
PARTS = 3
TRIES = 6
"""How often a user presses the button again."""
LEAST_COMPLETED = 0.999
MOST_MEGABYTES = 500.0
MOST_GROWTH_MEGABYTES = 50.0
"""In the last quarter, when the process has had more than half of its uploads."""


def measure(uploads: int = UPLOADS) -> list[Result]:
    allow_many_files()
    scratch = tempfile.TemporaryDirectory(dir=servers.ROOT, ignore_cleanup_errors=True)
    with scratch as folder, asyncio.Runner(loop_factory=new_event_loop) as runner:
        storm = Storm(Path(folder), uploads)
        began = time.perf_counter()
        runner.run(storm.run())
        seconds = time.perf_counter() - began
        corrupt = runner.run(storm.corrupt())
    faults = ", ".join(f"{count:,} {name}" for name, count in sorted(storm.seen.items()))
    lost = 1_000 * (1 - len(storm.completed) / uploads)
    return [
        Result(f"not completed of each 1,000 ({faults})", lost, None, "uploads", None, 1_000 * (1 - LEAST_COMPLETED)),
        Result("stored otherwise than sent", corrupt, None, "uploads", None, 0.0),
        Result(
            f"completed a second, {AT_ONCE:,} at once", len(storm.completed) / seconds, None, "uploads/s", None, None
        ),
        *(
            Result(f"memory of the server when {percent} % were completed", size / 1e6, None, "MB", None, None)
            for percent, size in storm.weighed.items()
        ),
        Result("its growth in the last quarter", storm.growth_bytes / 1e6, None, "MB", None, MOST_GROWTH_MEGABYTES),
        Result("most memory of the server", storm.most_bytes / 1e6, None, "MB", None, MOST_MEGABYTES),
    ]


class Storm:
    """All uploads of one run.

    Attributes:
        completed: media by the number of the upload.
        seen: faults, by their names.
        most_bytes: of memory that the server had.
        weighed: bytes of memory by the percent of uploads that were completed.
    """

    def __init__(self, folder: Path, uploads: int) -> None:
        self.completed: dict[int, str] = {}
        self.seen: Counter[str] = Counter()
        self.most_bytes = 0
        self.weighed: dict[int, int] = {}
        self._uploads = uploads
        self._data, self._sources = folder / "data", folder / "sources"
        self._port = servers.free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._turn = asyncio.Semaphore(AT_ONCE)

    async def run(self) -> None:
        self._sources.mkdir()
        issuer = await open_issuer(Settings.load({"DATA_DIR": str(self._data)}))
        if issuer is None:
            raise RuntimeError("this needs the local issuer")
        tokens = [issuer.token(f"uploader-{number}", ttl=24 * 3600) for number in range(USERS)]
        self._start()
        urls = UrlSigner((self._data / "files-secret").read_bytes(), "", time.time)
        watching = asyncio.create_task(self._watch())
        try:
            connector = aiohttp.TCPConnector(limit=0)
            async with aiohttp.ClientSession(connector=connector) as session:
                faulty = FaultySession(session, urls, self.seen)
                await asyncio.gather(*(self._upload(faulty, tokens, number) for number in range(self._uploads)))
            self._weigh(100)
        finally:
            watching.cancel()
            self._stop(signal.SIGTERM)

    async def _upload(self, session: Any, tokens: Sequence[str], number: int) -> None:
        endpoint = f"http://127.0.0.1:{self._port}/graphql"
        source = self._sources / f"{number}.txt"
        async with self._turn:
            source.write_bytes(content(number))
            for _ in range(TRIES):
                try:
                    done = await upload(
                        session,
                        endpoint,
                        tokens[number % USERS],
                        source,
                        kind="DOCUMENT",
                        purpose="ATTACHMENT",
                        content_type="text/plain",
                        part_bytes=PART_BYTES,
                    )
                except (Lost, Refused) as error:
                    self.seen[f"runs given up ({type(error).__name__.lower()})"] += 1
                    continue
                self.completed[number] = done["media"]["id"]
                break
            source.unlink()

    async def _watch(self) -> None:
        """Kills the server now and then, and looks at its memory."""
        kills = list(KILLED_AT)
        while True:
            await asyncio.sleep(0.2)
            percent = 100 * len(self.completed) // self._uploads
            if kills and percent >= kills[0]:
                kills.pop(0)
                self.seen["kill -9 of the server"] += 1
                self._stop(signal.SIGKILL)
                await asyncio.to_thread(self._start)
            else:
                self._weigh(percent)

    def _weigh(self, percent: int) -> None:
        """The server's memory, when so many were completed."""
        if self._process is None:
            return
        now = servers.Server("EduConnect", self._process.pid, self._port, {}).resident_bytes()
        self.most_bytes = max(self.most_bytes, now)
        reached = [each for each in WEIGHED_AT if each <= percent]
        if reached:
            self.weighed.setdefault(reached[-1], now)

    @property
    def growth_bytes(self) -> int:
        last = [self.weighed[percent] for percent in WEIGHED_AT[-2:] if percent in self.weighed]
        return last[-1] - last[0] if last else 0

    def _start(self) -> None:
        environment = {
            "DATA_DIR": str(self._data),
            "SEED_DEMO": "off",
            "RATE_PER_SECOND": "100000",
            "RATE_BURST": "100000",
        }
        self._process = servers.start(servers.python("bench.upload_server"), self._port, environment)

    def _stop(self, with_signal: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(with_signal)
            self._process.wait(60)
            self._process = None

    async def corrupt(self) -> int:
        """How many completed uploads are not stored byte for byte."""
        secret = (self._data / "files-secret").read_bytes()
        async with FileStore.open(self._data / "files", secret=secret, base_url="") as store:
            keys = await _keys(store)
            bad = 0
            for number, media_id in self.completed.items():
                expected = content(number)
                bad += await store.read(keys.get(media_id, "none"), length=len(expected) + 1) != expected
        return bad


async def _keys(store: FileStore) -> Mapping[str, str]:
    """Keys by the media that they belong to, which has its upload's id; workers give them their last ones in time."""
    keys: dict[str, str] = {}
    after = None
    while page := await store.list_keys("", after=after):
        keys |= {media_id: blob.key for blob in page if (media_id := media_id_of(blob.key) or upload_id_of(blob.key))}
        after = page[-1].key
    return keys


def content(number: int) -> bytes:
    """Text that no other upload has, of `PARTS` parts, the last of them smaller."""
    line = hashlib.sha256(str(number).encode()).hexdigest() + "\n"
    return (line * (PART_BYTES * PARTS // len(line) - number % 50)).encode()
