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
    ada.page.evaluate("document.querySelector('roomcast-chat').session.signOut()")
    expect(ada.page.locator("roomcast-chat [part~=message]")).to_have_count(0)
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
