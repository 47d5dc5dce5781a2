"""How the process ends: not ready first, requests at work to their end, then nobody new."""

import asyncio
import signal
import subprocess
import sys

import aiohttp
import pytest

from app.server import bound_socket
from tests.app.http.conftest import Serve, running
from tests.waiting import PATIENCE_SECONDS


@pytest.fixture
def serve() -> Serve:
    return running


async def test_requests_at_work_finish_and_readiness_ends_first(serve: Serve):
    async with serve(drain_notice_seconds=1) as site:
        site.service.release.clear()
        working = [asyncio.create_task(site.post()) for _ in range(5)]
        async with asyncio.timeout(PATIENCE_SECONDS):
            for _ in working:
                await site.service.begun.acquire()
        site.terminate()
        # Load balancers can still ask, and hear no.
        assert (await site.client.get("/readyz")).status == 503
        assert (await site.client.get("/livez")).status == 200
        await until_refused(site.port)
        assert not any(task.done() for task in working)
        site.service.release.set()
        assert [(await task).status for task in working] == [200] * 5
        async with asyncio.timeout(PATIENCE_SECONDS):
            await site.stopped


async def test_a_request_that_does_not_end_is_told_to_come_again(serve: Serve):
    async with serve(drain_seconds=1) as site:
        site.service.release.clear()
        working = asyncio.create_task(site.post())
        async with asyncio.timeout(PATIENCE_SECONDS):
            await site.service.begun.acquire()
            site.terminate()
            response = await working
            await site.stopped
        assert response.status == 503
        assert response.headers["retry-after"] == "1"


async def test_an_idle_connection_does_not_hold_up_the_end(serve: Serve):
    async with serve(keep_alive_seconds=3600) as site:
        await site.post()
        site.terminate()
        async with asyncio.timeout(PATIENCE_SECONDS):
            await site.stopped


async def test_a_second_interrupt_does_not_wait(serve: Serve):
    async with serve(drain_seconds=300) as site:
        site.service.release.clear()
        working = asyncio.create_task(site.post())
        async with asyncio.timeout(PATIENCE_SECONDS):
            await site.service.begun.acquire()
            site.server.handle_exit(signal.SIGINT, None)
            site.server.handle_exit(signal.SIGINT, None)
            await site.stopped
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)


def test_a_port_that_is_taken_is_refused_at_once():
    with bound_socket("127.0.0.1", 0) as first:
        first.listen()
        with pytest.raises(OSError, match="in use"):
            bound_socket("127.0.0.1", first.getsockname()[1])


@pytest.mark.parametrize(("trusted", "address"), [("", "127.0.0.1"), ("127.0.0.1", "203.0.113.9")])
async def test_only_a_trusted_proxy_says_who_is_behind_it(serve: Serve, trusted: str, address: str):
    async with serve(trusted_proxies=trusted) as site:
        await site.post(x_forwarded_for="203.0.113.9")
        assert [caller.ip_address for caller in site.service.callers] == [address]


async def until_refused(port: int) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS), aiohttp.ClientSession() as session:
        while True:
            try:
                await session.get(f"http://127.0.0.1:{port}/ping", headers={"connection": "close"})
            except aiohttp.ClientConnectionError:
                return
            await asyncio.sleep(0.05)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")
def test_the_server_may_open_more_files_than_a_shell_gives_it() -> None:
    code = "from app.open_files import allow_many_files; print(allow_many_files())"
    command = f"ulimit -Sn 100 && ulimit -Hn && exec {sys.executable} -c '{code}'"
    told = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True)
    most, allowed = told.stdout.split()
    assert int(allowed) == (65_536 if most == "unlimited" else min(int(most), 65_536))
