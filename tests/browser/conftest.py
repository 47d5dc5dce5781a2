"""One Chromium for all pages, and a website on this machine for pages that are not ours."""

import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.clients.conftest import node
from tests.server_process import ROOT

__all__ = ["node"]

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE_MS = 60_000

APPLICATIONS = ("amplify", "uppy")
"""Modules beside this file, each a page of the website."""

Tab = Callable[..., Page]


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        reason = f"{CHROMIUM} is missing: apt-get install chromium"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def tab(browser: Browser) -> Iterator[Tab]:
    """Opens tabs of one window; they close with the test. `options` are those of Browser.new_context."""
    contexts = []

    def opened(url: str, **options: bool) -> Page:
        if not contexts:
            contexts.append(browser.new_context(viewport={"width": 1400, "height": 900}, **options))
        page = contexts[0].new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.goto(url)
        return page

    yield opened
    for context in contexts:
        context.close()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Tests are quiet."""


@pytest.fixture(scope="package")
def website(tmp_path_factory: pytest.TempPathFactory, node: Path) -> Iterator[str]:
    """The address of a site with the applications (`/amplify.html`) and the reference client (`/room.mjs`)."""
    folder = tmp_path_factory.mktemp("website")
    shutil.copy(ROOT / "examples" / "room.mjs", folder)
    for name in APPLICATIONS:
        _bundle(node, name, folder)
        (folder / f"{name}.html").write_text(f'<!doctype html><script src="{name}.js"></script>')
    (folder / "empty.html").write_text("<!doctype html>")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def _bundle(node: Path, name: str, folder: Path) -> None:
    subprocess.run(
        [
            node / "node_modules" / ".bin" / "esbuild",
            ROOT / "tests" / "browser" / f"{name}.mjs",
            "--bundle",
            "--format=iife",
            "--log-level=warning",
            f"--outfile={folder / f'{name}.js'}",
        ],
        env={**os.environ, "NODE_PATH": str(node / "node_modules")},
        check=True,
    )
