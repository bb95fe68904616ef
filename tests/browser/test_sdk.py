"""The JavaScript client in a browser: what it keeps there, its uploads, and two tabs."""

from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from .conftest import Server, token_of

START = """async ([token, id]) => {
    const { connect } = await import("/ui/sdk.js");
    window.chat = connect({ server: "/", token });
    window.room = chat.room(id);
    window.states = [];
    room.subscribe(({ outgoing }) => states.push(outgoing[0]?.progress));
}"""
TEXTS = "() => room.snapshot.messages.map(({ text }) => text)"
WAITING = "() => room.snapshot.outgoing.map(({ text }) => text)"


@pytest.fixture
def context(browser: Browser) -> Any:
    context = browser.new_context()
    yield context
    context.close()


@pytest.fixture
def room(server: Server) -> int:
    opened = server.call("ada", "POST", "chat/create/", {"second_user": 2, "context": "sdk"})
    return int(opened.json()["room_id"])


def enter(context: BrowserContext, server: Server, room: int) -> Page:
    """A page of the server's origin that runs nothing but the client."""
    page = context.new_page()
    page.goto(f"{server.url}api/v1/schema/")
    page.evaluate(START, [token_of("ada"), room])
    page.wait_for_function("() => room.snapshot.state === 'open'")
    return page


def test_unsent_messages_and_files_survive_a_reload(
    server: Server, context: BrowserContext, room: int
) -> None:
    page = enter(context, server, room)
    page.evaluate("() => room.send('there').stored")
    context.set_offline(True)
    page.wait_for_function("() => room.snapshot.state === 'waiting'", timeout=2_000)
    page.evaluate(
        """async () => {
            room.setDraft({ text: "half a thought" });
            room.send("one");
            const file = new File(["x".repeat(100_000)], "b.txt", { type: "text/plain" });
            room.send({ text: "two", files: [file] });
            await new Promise((kept) => setTimeout(kept, 1_000)); // the storage of the browser
        }"""
    )
    assert page.evaluate(WAITING) == ["one", "two"]
    context.set_offline(False)
    page.close()
    page = enter(context, server, room)
    page.wait_for_function("() => room.snapshot.messages.length === 3")
    assert page.evaluate(TEXTS) == ["there", "one", "two"]
    assert page.evaluate(WAITING) == []
    assert page.evaluate("() => room.snapshot.draft.text") == "half a thought"
    assert page.evaluate("() => room.snapshot.messages[2].attachments[0].size") == 100_000
    page.evaluate("() => chat.signOut()")
    assert (
        page.evaluate(
            """async () => {
            const { browserStorage } = await import("/ui/sdk.js");
            return browserStorage().keys("");
        }"""
        )
        == []
    )


def test_an_upload_tells_how_far_it_is(server: Server, context: BrowserContext, room: int) -> None:
    page = enter(context, server, room)
    page.evaluate(
        """() => {
            const file = new File(["x".repeat(3_000_000)], "b.txt", { type: "text/plain" });
            return room.send({ files: [file] }).stored;
        }"""
    )
    states = page.evaluate("() => states.filter((one) => typeof one === 'number')")
    assert states
    assert states == sorted(states)
    assert states[-1] <= 1


def test_one_of_two_tabs_leads(server: Server, context: BrowserContext, room: int) -> None:
    first, second = (enter(context, server, room) for _ in range(2))
    first.wait_for_function("() => chat.leads")
    assert second.evaluate("() => chat.leads") is False
    first.evaluate("() => room.send('from the first tab').stored")
    second.wait_for_function("() => room.snapshot.messages.at(-1)?.text === 'from the first tab'")
    first.close()
    second.wait_for_function("() => chat.leads")
