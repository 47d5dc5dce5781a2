"""GraphiQL in a real browser, over the server as `make run` starts it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, Route, expect

from tests.browser.conftest import PATIENCE_MS
from tests.server_process import ServerProcess, server_process


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with server_process(tmp_path_factory.mktemp("browser") / "data") as server:
        yield server


@pytest.fixture
def page(browser: Browser, server: ServerProcess, tmp_path: Path) -> Iterator[Page]:
    """GraphiQL, opened. At the end nothing was complained about and nobody else was asked."""
    complaints: list[str] = []
    elsewhere: list[str] = []
    context = browser.new_context(viewport={"width": 1400, "height": 900})
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.on("console", lambda message: complaints.append(message.text) if _is_complaint(message) else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))

    def only_ours(route: Route) -> None:
        if route.request.url.startswith((f"{server.origin}/", "data:")):
            route.continue_()
        else:
            elsewhere.append(route.request.url)
            route.abort()

    page.route("**/*", only_ours)
    yield opened(page, server)
    page.screenshot(path=tmp_path / "graphiql.png")
    context.close()
    assert complaints == []
    assert elsewhere == []


def opened(page: Page, server: ServerProcess) -> Page:
    page.goto(f"{server.origin}/graphiql")
    expect(page.locator(".graphiql-query-editor .CodeMirror")).to_be_visible()
    return page


def _is_complaint(message: ConsoleMessage) -> bool:
    """Chromium itself notes every answer that is no success; that is no fault of the page."""
    return message.type in ("error", "warning") and "status of 401" not in message.text


def write(page: Page, editor: str, text: str) -> None:
    """Replaces what an editor holds."""
    box = page.locator(f"{editor} .CodeMirror")
    box.click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(text)


def choose(page: Page, tab: str) -> None:
    page.get_by_role("tab", name=tab).click()
    expect(page.locator(".graphiql-query-editor")).to_contain_text(tab)


def play(page: Page) -> None:
    """Runs the only operation of the editor."""
    page.locator(".graphiql-execute-button:not([aria-haspopup])").click()


def run(page: Page, name: str | None = None) -> dict:
    """Presses play, chooses the named operation when there are several, and returns the answer once it is shown."""
    with page.expect_response(lambda response: _is_answer(response.request), timeout=PATIENCE_MS) as caught:
        if name is None:  # a moment after the text changed, the button still offers the operations of before
            play(page)
        else:
            page.locator(".graphiql-execute-button[aria-haspopup]").click()
            page.get_by_role("menuitem", name=name, exact=True).click()
    content = caught.value.json()
    expect(page.locator(".result-window")).to_contain_text('"data"' if "data" in content else '"errors"')
    return content


def _is_answer(request: Request) -> bool:
    return request.url.endswith("/graphql") and "IntrospectionQuery" not in (request.post_data or "")


def test_a_visitor_is_welcomed(page: Page):
    expect(page.locator(".graphiql-query-editor")).to_contain_text("Welcome to EduConnect")


def test_a_query_of_ones_own_is_completed_by_the_schema_and_answered(page: Page):
    page.get_by_label("Show Documentation Explorer").click()
    expect(page.locator(".graphiql-doc-explorer")).to_contain_text("Query")
    write(page, ".graphiql-query-editor", "{ getMe { displayName roles } }")
    me = run(page)["data"]["getMe"]
    assert me == {"displayName": "Ada Lindqvist", "roles": ["MENTOR"]}


@pytest.mark.parametrize("name", ["ServerInfo", "Catalog", "Me", "MyEnrollments"])
def test_each_example_can_be_chosen_and_has_something_to_show(page: Page, name: str):
    content = run(page, name)
    assert "errors" not in content
    (field,) = content["data"].values()
    assert field
    assert field.get("items", True), "an empty list shows nothing"


def test_a_mutation_changes_something(page: Page):
    write(page, ".graphiql-query-editor", 'mutation { updateProfile(input: { bio: "Taught by a browser." }) { bio } }')
    assert run(page) == {"data": {"updateProfile": {"bio": "Taught by a browser."}}}


def test_the_example_mutation_takes_its_variable(page: Page):
    (error,) = run(page, "Enroll")["errors"]
    assert "courseId" in error["message"]


SEND = """async ({ query, variables }) => {
    const { token } = await (await fetch("/graphiql/config")).json();
    const headers = { "content-type": "application/json", authorization: token };
    const answer = await fetch("/graphql", { method: "POST", headers, body: JSON.stringify({ query, variables }) });
    return answer.json();
}"""


def send(page: Page, query: str, **variables: str) -> dict:
    """What the demo user does elsewhere meanwhile."""
    return page.evaluate(SEND, {"query": query, "variables": variables})["data"]


DROP = "mutation ($id: ID!) { dropCourse(courseId: $id) { status } }"
ENROLL = "mutation ($id: ID!) { enrollInCourse(input: {courseId: $id}) { status } }"


def test_a_subscription_shows_what_happens_elsewhere(page: Page):
    me = send(page, "{ getMe { id } }")["getMe"]["id"]
    enrolled = send(page, "{ listMyEnrollments(status: ACTIVE) { items { courseId } } }")
    course_id = enrolled["listMyEnrollments"]["items"][0]["courseId"]
    text = f'subscription {{ onEnrollmentChanged(userId: "{me}") {{ lastChange course {{ title }} }} }}'
    write(page, ".graphiql-query-editor", text)
    play(page)
    shown = page.locator(".result-window")
    for _ in range(1_000):  # the page does not say when it has subscribed
        send(page, DROP, id=course_id)
        send(page, ENROLL, id=course_id)
        if '"lastChange"' in shown.inner_text():
            break
    send(page, DROP, id=course_id)
    expect(shown).to_contain_text('"lastChange": "DROPPED"')
    page.get_by_label("Stop query").click()
    send(page, ENROLL, id=course_id)
    expect(shown).not_to_contain_text("ENROLLED")


def watch_the_chat(page: Page, server: ServerProcess) -> None:
    """Until something sent in another tab is shown: the page does not say when it has subscribed."""
    choose(page, "LiveChat")
    play(page)
    other = opened(page.context.new_page(), server)
    choose(other, "SendMessage")
    for _ in range(1_000):
        assert run(other)["data"]["sendMessage"]["sequence"]
        if "Hello from GraphiQL!" in page.locator(".result-window").inner_text():
            return


def test_the_live_chat_shows_what_is_sent_in_another_tab(page: Page, server: ServerProcess):
    watch_the_chat(page, server)
    shown = page.locator(".result-window")
    expect(shown).to_contain_text('"displayName": "Ada Lindqvist"')
    expect(shown).to_contain_text('"body": "Hello from GraphiQL!"')
    page.get_by_label("Stop query").click()
    expect(page.get_by_label("Execute query")).to_be_visible()


def test_every_tab_is_signed_in_also_when_it_is_new_or_the_page_is_loaded_again(page: Page):
    page.reload()
    choose(page, "SendMessage")
    assert run(page)["data"]["sendMessage"]["id"]
    page.get_by_label("Add tab").click()
    expect(page.locator(".graphiql-query-editor")).not_to_contain_text("SendMessage")
    write(page, ".graphiql-query-editor", "{ getMe { displayName } }")
    assert run(page) == {"data": {"getMe": {"displayName": "Ada Lindqvist"}}}


def test_a_refused_subscription_shows_why_and_is_over(page: Page):
    write(page, ".graphiql-query-editor", "subscription { onEnrollmentChanged { id } }")
    play(page)
    expect(page.locator(".result-window")).to_contain_text('"errorType": "BAD_REQUEST"')
    expect(page.get_by_label("Execute query")).to_be_visible()


def test_a_subscription_that_the_server_ends_shows_why_and_is_over(page: Page, server: ServerProcess):
    watch_the_chat(page, server)
    server.stop()
    server.start()
    expect(page.locator(".result-window")).to_contain_text("The socket was closed: 1012 going away")
    expect(page.get_by_label("Execute query")).to_be_visible()


def test_the_page_knows_what_a_document_holds(page: Page):
    document = """
        # subscription NotThis { a }
        query A($x: T = {a: [{b: ") {"}]}, $y: [Int]) @d(if: {a: 1}) { subscription { a(b: {c: 1}) { d } } }
        fragment F on T { subscription }
        subscription B{a(text: "\\"} query C {a}", more: \"\"\"
            } mutation D { a }
        \"\"\")}
        mutation{a}
    """
    assert page.evaluate("text => operationsOf(text).map(({ kind, name }) => [kind, name])", document) == [
        ["query", "A"],
        ["subscription", "B"],
        ["mutation", ""],
    ]
    assert page.evaluate("operationsOf('{ a }').concat(operationsOf('not GraphQL {'))") == [
        {"kind": "query", "name": ""}
    ]


def test_an_error_is_shown_whole(page: Page):
    write(page, ".graphiql-query-editor", "{ getUser(id: 1) { id } nothing }")
    content = run(page)
    assert content["data"] is None
    assert "nothing" in content["errors"][0]["message"]
    assert content["errors"][0]["extensions"]["requestId"]


def test_without_a_credential_the_refusal_is_shown(page: Page):
    write(page, ".graphiql-editor-tool .graphiql-editor:not(.hidden)", "{}")
    write(page, ".graphiql-query-editor", "{ getMe { id } }")
    (error,) = run(page)["errors"]
    assert error["errorType"] == "UnauthorizedException"


def test_no_foreign_page_may_frame_it(browser: Browser, server: ServerProcess):
    with browser.new_context() as context:
        page = context.new_page()
        page.set_content(f'<iframe src="{server.origin}/graphiql"></iframe>')
        expect(page.frame_locator("iframe").locator(".graphiql-container")).to_have_count(0)
