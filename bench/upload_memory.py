"""How much memory the server takes for one file of gigabytes."""

import shutil
import socket
import tempfile
import time
from pathlib import Path

from bench import servers
from bench.report import Result
from bench.servers import Server
from datasources.checksums import RunningChecksum
from datasources.local.file_urls import Grant, UrlSigner

FILE_BYTES = 5 * 1000**3
SPARE_BYTES = 10 * 1024**3
"""Of the disk, for everything else."""
MOST_MEGABYTES = 20.0
_CHUNK = bytes(range(256)) * 4096


def measure(left_out: list[str], size: int = FILE_BYTES) -> list[Result]:
    if shutil.disk_usage(servers.ROOT).free < size + SPARE_BYTES:
        left_out.append(f"memory of one large upload: the disk has no {size / 1e9:.0f} GB to spare")
        return []
    with tempfile.TemporaryDirectory(dir=servers.ROOT) as folder:
        data = Path(folder) / "data"
        command = servers.python("app", "serve")
        environment = {"DATA_DIR": str(data), "SEED_DEMO": "off"}
        with servers.serve("EduConnect", command, {}, all_cores=True, **environment) as server:
            urls = UrlSigner((data / "files-secret").read_bytes(), "", time.time)
            time.sleep(1)  # what is made at start is made
            before = server.resident_bytes()
            began = time.perf_counter()
            _send(server, urls, size)
            seconds = time.perf_counter() - began
            grown = server.most_resident_bytes() - before
    what = f"one PUT of {size / 1e9:.1f} GB"
    return [
        Result(f"{what}, memory that the server takes for it", grown / 1e6, None, "MB", None, MOST_MEGABYTES),
        Result(f"{what}, memory of the server before", before / 1e6, None, "MB", None, None),
        Result(what, size / seconds / 1e6, None, "MB/s", None, None),
    ]


def _send(server: Server, urls: UrlSigner, size: int) -> None:
    """Raises RuntimeError unless the server says that it has stored just these bytes."""
    target = urls.url(Grant("PUT", "bench/large", int(time.time()) + 3_600, size=size, type="video/mp4"))
    checksum = RunningChecksum("CRC64NVME")
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        head = f"PUT {target} HTTP/1.1\r\nhost: x\r\ncontent-type: video/mp4\r\ncontent-length: {size}\r\n"
        connection.sendall(f"{head}connection: close\r\n\r\n".encode())
        for start in range(0, size, len(_CHUNK)):
            chunk = _CHUNK[: size - start]
            checksum.update(chunk)
            connection.sendall(chunk)
        answer = connection.recv(4096).decode("latin-1")
    if not answer.startswith("HTTP/1.1 200 ") or checksum.result().value not in answer:
        raise RuntimeError(answer)
