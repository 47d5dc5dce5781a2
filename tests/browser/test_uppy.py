"""Uppy's S3 plugin in a browser, unmodified, from another site: parts, a pause, a reload, and the wrong file."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import Tab
from tests.server_process import ServerProcess, server_process

MIB = 1024**2
SIZE = 17 * MIB
MP4 = b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00isommp42"
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with server_process(tmp_path_factory.mktemp("uppy") / "data", SEED_DEMO="off") as server:
        yield server


@pytest.fixture
def page(tab: Tab, website: str) -> Page:
    return tab(f"{website}/uppy.html")


def upload(page: Page, server: ServerProcess, user: str, **changes: Any) -> None:
    given = {"name": "shore.mp4", "type": "video/mp4", "begin": MP4, "size": SIZE, "pause": 0} | changes
    options = {
        "endpoint": server.endpoint,
        "token": server.token(user),
        "kind": "VIDEO",
        "partBytes": 5 * MIB,
    }
    page.evaluate(
        "([options, name, type, begin, size, pause]) => uploader.start(options, name, type, begin, size, pause)",
        [options, given["name"], given["type"], list(given["begin"]), given["size"], given["pause"]],
    )


def told(page: Page, number: int = 1) -> dict[str, Any]:
    """What the page was told last, once it has been told so often."""
    page.wait_for_function("number => uploader.told.length >= number", arg=number)
    return dict(page.evaluate("uploader.told.at(-1)"))


def test_a_file_goes_up_in_parts(page: Page, server: ServerProcess) -> None:
    upload(page, server, "ada")
    done = told(page)
    assert done["parts"] == 4
    assert done["media"]["id"]


def test_a_pause_and_a_resume(page: Page, server: ServerProcess) -> None:
    upload(page, server, "ben", pause=1)
    assert told(page) == {"paused": 1}
    page.evaluate("uploader.resume()")
    assert told(page, 2)["media"]["id"]


def test_after_a_reload_only_what_is_missing_goes_up(page: Page, server: ServerProcess) -> None:
    upload(page, server, "eve", pause=2)
    assert told(page) == {"paused": 2}
    page.reload()
    upload(page, server, "eve")
    done = told(page)
    assert done["media"]["id"]
    assert done["parts"] <= 2


@pytest.mark.parametrize(
    ("changes", "error_type"),
    [
        ({"begin": PNG, "name": "picture.mp4"}, "UPLOAD_TYPE_NOT_ALLOWED"),
        ({"name": "page.html", "type": "text/html"}, "UPLOAD_TYPE_NOT_ALLOWED"),
    ],
    ids=["content that is none", "a type that is not taken"],
)
def test_the_wrong_file_is_refused_with_a_reason(
    page: Page, server: ServerProcess, changes: dict[str, Any], error_type: str
) -> None:
    upload(page, server, "ida", **changes)
    refusal = told(page)
    assert refusal["errorType"] == error_type
    assert refusal["message"]
