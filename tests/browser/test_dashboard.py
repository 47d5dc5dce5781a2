"""The dashboard in a real browser, over the server as `make run` starts it, with real traffic."""

import json
import re
import urllib.request
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect

from tests.browser.conftest import PATIENCE_MS
from tests.server_process import ServerProcess, server_process


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with server_process(tmp_path_factory.mktemp("dashboard") / "data") as server:
        yield server


@pytest.fixture(params=["light", "dark"])
def page(request: pytest.FixtureRequest, browser: Browser, server: ServerProcess) -> Iterator[Page]:
    """The dashboard, opened. At the end nothing was complained about, its policy included."""
    complaints: list[str] = []
    context = browser.new_context(color_scheme=request.param)
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.on("console", lambda message: complaints.append(message.text) if _is_complaint(message) else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(f"{server.origin}/dashboard")
    yield page
    context.close()
    assert complaints == []


def _is_complaint(message: ConsoleMessage) -> bool:
    return message.type in ("error", "warning")


def ask(server: ServerProcess, query: str) -> None:
    request = urllib.request.Request(
        server.endpoint,
        json.dumps({"query": query}).encode(),
        {"content-type": "application/json", "x-api-key": server.app("api-key")},
    )
    with urllib.request.urlopen(request) as answer:
        assert answer.status == 200


def test_the_page_shows_traffic_as_it_comes(page: Page, server: ServerProcess) -> None:
    expect(page.get_by_role("status")).to_have_text("Live", timeout=PATIENCE_MS)
    ask(server, "{ listCourses(limit: 1) { items { id } } }")
    ask(server, "{ nothingLikeIt }")
    operations = page.get_by_role("region", name="Operations")
    expect(operations.get_by_role("row", name=re.compile("listCourses query"))).to_be_visible(timeout=PATIENCE_MS)
    expect(page.get_by_role("region", name="Errors")).to_contain_text("validation")
    expect(page.get_by_role("region", name="Workers")).to_contain_text("enrollment-counts")
    expect(page.locator("#cards li")).to_have_count(12)
    assert page.locator("#cards polyline").first.get_attribute("points")


def test_it_rests_when_told_so(page: Page, server: ServerProcess) -> None:
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("status")).to_have_text("Paused")
    expect(page.get_by_role("button", name="Go on")).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_role("status")).to_have_text("Live")


def test_words_stand_out_from_their_ground(page: Page) -> None:
    """At least 4.5 to 1, as WCAG asks for, in both schemes."""
    for selector in ("h1", "#state", "#cards span", "#cards strong", "button"):
        assert page.locator(selector).first.evaluate(CONTRAST) >= 4.5, selector


CONTRAST = """element => {
  const channels = text => text.match(/[0-9.]+/g).slice(0, 3).map(Number);
  const light = color => {
    const [r, g, b] = channels(color).map(c => (c /= 255) <= .03928 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4);
    return .2126 * r + .7152 * g + .0722 * b;
  };
  let ground = element;
  while (getComputedStyle(ground).backgroundColor === "rgba(0, 0, 0, 0)") ground = ground.parentElement;
  const [a, b] = [getComputedStyle(element).color, getComputedStyle(ground).backgroundColor].map(light);
  return (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
}"""


def test_its_start_is_told_and_it_needs_nobody_else(server: ServerProcess) -> None:
    assert f"Dashboard  {server.origin}/dashboard" in server.log.read_text()
    with urllib.request.urlopen(f"{server.origin}/dashboard") as answer:
        policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
