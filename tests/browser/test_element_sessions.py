"""The session that the elements of a page share: another token, another user, another language."""

import re
from collections.abc import Callable

from playwright.sync_api import expect

from .conftest import Person, Room, Server, token_of

ELEMENT = """async ([room, token]) => {
    document.documentElement.lang = "en";
    await import("/ui/roomcast.js");
    const element = document.createElement("roomcast-chat");
    element.setAttribute("room", room);
    element.setAttribute("token", token);
    document.body.append(element);
}"""


# Each tab waits for the lead or has it; from then on it is told of sign-outs.
BOTH = """async () => {
    const { held, pending } = await navigator.locks.query();
    return held.length + pending.length === 2;
}"""


def shown(ada: Person, server: Server, room: Room) -> list[str]:
    """Shows a chat in a page of its own; returns the frames that it sends from then on."""
    frames: list[str] = []
    room.post("bob", "hello")
    ada.expects_errors = True  # the browser looks for an icon of the page
    ada.page.on(
        "websocket", lambda one: one.on("framesent", lambda frame: frames.append(str(frame)))
    )
    ada.page.goto(f"{server.url}healthz")
    ada.page.evaluate(ELEMENT, [str(room.id), token_of("ada")])
    ada.sees("hello")
    ada.composer.fill("not yet sent")
    ada.composer.evaluate("field => (window.field = field)")
    return frames


def test_another_token_of_the_same_user_changes_nothing_that_is_shown(
    person: Callable[..., Person], server: Server, room: Room
) -> None:
    ada = person("ada")
    frames = shown(ada, server, room)
    token = token_of("ada", lives=7200)
    with ada.page.expect_response("**/api/v1/chat/me/"):
        ada.page.evaluate("t => document.querySelector('roomcast-chat').token = t", token)
    ada.composer.press("Enter")
    ada.sees("hello", "not yet sent")
    assert ada.composer.evaluate("field => field === window.field")
    assert any(token in frame and '"auth"' in frame for frame in frames)


def test_a_token_of_another_user_shows_what_they_see(
    person: Callable[..., Person], server: Server, room: Room
) -> None:
    ada = person("ada")
    shown(ada, server, room)
    ada.page.evaluate("t => document.querySelector('roomcast-chat').token = t", token_of("bob"))
    expect(ada.page.locator("roomcast-chat [part~=mine]")).to_have_count(1)
    expect(ada.composer).to_have_value("")
    assert ada.page.evaluate("document.querySelector('roomcast-chat').user.name") == "Bob"


def test_the_language_around_an_element_is_followed(
    person: Callable[..., Person], server: Server, room: Room
) -> None:
    ada = person("ada")
    shown(ada, server, room)
    ada.page.evaluate("document.documentElement.lang = 'ar'")
    field = ada.page.locator("roomcast-chat [part=input]")
    expect(field).to_have_attribute("placeholder", "اكتب رسالة")
    expect(field).to_have_value("not yet sent")


def test_the_clients_own_sign_out_leaves_nothing_in_the_page(
    person: Callable[..., Person], server: Server, room: Room
) -> None:
    """As a framework's hooks call it."""
    ada = person("ada")
    shown(ada, server, room)
    other = ada.context.new_page()
    other.goto(ada.page.url)
    other.evaluate(ELEMENT, [str(room.id), token_of("ada")])
    expect(other.locator("roomcast-chat [part=text]").first).to_be_visible()
    other.wait_for_function(BOTH)
    ada.page.evaluate("document.querySelector('roomcast-chat').session.signOut()")
    for page in (ada.page, other):
        expect(page.locator("roomcast-chat [part~=message]")).to_have_count(0)
    ada.page.evaluate(ELEMENT, [str(room.id), token_of("bob")])
    expect(ada.page.locator("roomcast-chat [part~=mine]").first).to_contain_text("hello")


def test_a_launcher_stays_open_when_the_language_changes(
    person: Callable[..., Person], server: Server, room: Room
) -> None:
    ada = person("ada")
    shown(ada, server, room)
    ada.page.evaluate(
        """document.body.append(document.createElement("roomcast-launcher"));
        document.querySelector("roomcast-launcher").show();"""
    )
    search = ada.page.locator("roomcast-launcher [part=search]")
    expect(search).to_be_visible()
    ada.page.evaluate("document.documentElement.lang = 'de'")
    expect(search).to_have_attribute("placeholder", "Suchen")
    expect(search).to_be_visible()
    ada.page.evaluate("document.querySelector('roomcast-launcher').close()")
    ada.page.evaluate("document.documentElement.lang = 'it'")
    button = ada.page.locator("roomcast-launcher [part=launcher]")
    expect(button).to_have_attribute("aria-label", re.compile("^Messaggi"))


def test_a_draft_that_was_sent_in_another_element_does_not_come_back(
    ada: Person, server: Server, room: Room
) -> None:
    shown(ada, server, room)
    ada.page.evaluate(
        "room => document.body.prepend(Object.assign(document.createElement('roomcast-chat'),"
        " {id: 'other'})) ?? document.querySelector('#other').setAttribute('room', room)",
        str(room.id),
    )
    other = ada.page.locator("#other [part=input]")
    mine = ada.page.locator("roomcast-chat:not(#other) [part=input]")
    expect(other).to_have_value("not yet sent")
    mine.press("Enter")
    expect(ada.page.locator("#other [part=text]")).to_have_text(["hello", "not yet sent"])
    expect(other).to_have_value("")
    ada.page.evaluate("document.querySelector('#other').remove()")
    draft = "document.querySelector('roomcast-chat').session.room({room}).snapshot.draft.text"
    assert ada.page.evaluate(draft.replace("{room}", str(room.id))) == ""


def test_a_badge_asks_again_which_rooms_are_about_its_context(
    ada: Person, server: Server, room: Room
) -> None:
    ada.expects_errors = True  # of the request that fails
    raised: list[str] = []
    ada.page.on("pageerror", lambda error: raised.append(str(error)))
    room.post("bob", "hello")
    ada.page.goto(f"{server.url}healthz")
    ada.page.route("**/chat/receive/*", lambda route: route.abort(), times=1)
    ada.page.evaluate(
        """async ([context, token]) => {
            await import("/ui/roomcast.js");
            const badge = document.createElement("roomcast-badge");
            badge.setAttribute("of", context);
            badge.setAttribute("token", token);
            document.body.append(badge);
        }""",
        [room.context, token_of("ada")],
    )
    expect(ada.page.locator("roomcast-badge")).to_have_js_property("unread", 1)
    assert raised == []
