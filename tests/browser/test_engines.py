"""A core of the page's tests in Firefox and WebKit: Chromium has the others."""

import os
from collections.abc import Iterator

import pytest

from .conftest import Room, Server, token_of
from .firefox import find_firefox, run_firefox
from .webdriver import Tab
from .webkit import find_webkit, run_webkit

ENTER, ESCAPE = "\ue007", "\ue00c"
ENGINES = {"firefox": (find_firefox, run_firefox), "webkit": (find_webkit, run_webkit)}


@pytest.fixture(scope="module", params=ENGINES)
def running(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Tab]:
    find, run = ENGINES[request.param]
    program = find()
    if program is None:
        absent = f"no {request.param}: `.ci/engines` installs it"
        pytest.fail(absent) if os.environ.get("CI") == "true" else pytest.skip(absent)
    with run(program, tmp_path_factory.mktemp("profile")) as tab:
        yield tab


@pytest.fixture
def tab(running: Tab) -> Iterator[Tab]:
    yield running
    assert running.take_errors() == []


def test_two_people_talk(tab: Tab, server: Server, room: Room) -> None:
    first = room.post("bob", "Is it still there? https://example.org/a_(b).")
    tab.opens(f"{server.url}#token={token_of('ada')}&room={room.id}")
    assert tab.sees("texts().length && texts()") == [
        "Is it still there? https://example.org/a_(b)."
    ]
    assert tab.sees("part('text')[0].querySelector('a')?.href") == "https://example.org/a_(b)"
    assert "token" not in tab.sees("location.href")
    tab.sees("part('input').length === 1")
    tab.does("part('input')[0].focus()")
    tab.types(f"Yes, it is{ENTER}")
    assert tab.sees("texts().length === 2 && texts()")[1] == "Yes, it is"
    sign = "part('message')[1].querySelector('[part=meta] [role=img]')?.ariaLabel"
    tab.sees(f"{sign} === 'Sent'")
    room.post("bob", "Good", reply_to=first)
    tab.sees("texts()[2] === 'Good' && part('quote').length === 1")
    thumb = "%F0%9F%91%8D"
    server.call("bob", "PUT", f"chat/rooms/{room.id}/messages/{first}/reactions/{thumb}/")
    tab.sees("part('chip').length === 1")
    tab.does("part('message')[1].focus()")
    tab.types(ENTER)
    tab.sees("part('menu')[0]?.matches(':popover-open')")
    tab.types(ESCAPE)
    tab.sees("!part('menu')[0].matches(':popover-open')")
    tab.does("part('input')[0].focus()")
    tab.types("a draft")
    tab.sees("part('input')[0].value === 'a draft'")
    tab.does("location.hash = ''")
    draft = "part('item-last').some((one) => one.textContent === 'Draft: a draft')"
    tab.sees(draft)
    tab.reloads()
    tab.sees(draft)
    tab.does(f"location.hash = 'room={room.id}'")
    tab.sees("texts().length === 3 && part('input')[0]?.value === 'a draft'")
    assert room.texts() == ["Is it still there? https://example.org/a_(b).", "Yes, it is", "Good"]


def test_times_stand_beside_texts_of_either_direction(tab: Tab, server: Server, room: Room) -> None:
    long = "مرحبا بالعالم " * 9
    for text in ("Hello", "مرحبا", long, "Hello\nمرحبا", "مرحبا\nHello", "12"):
        room.post("bob", text)
    tab.opens(f"{server.url}#token={token_of('ada')}&room={room.id}")
    tab.sees("texts().length === 6")
    for direction in ("ltr", "rtl"):
        tab.does(f"document.querySelector('roomcast-inbox').dir = '{direction}'")
        tab.sees(f"texts().length === 6 && part('text')[0].matches(':dir({direction}) *')")
        overlapping = """part("text").filter((text) => {
            const range = document.createRange();
            range.selectNodeContents(text);
            const time = text.nextElementSibling.getBoundingClientRect();
            return [...range.getClientRects()].some((line) =>
                line.left < time.right - 1 && time.left < line.right - 1
                && line.top < time.bottom - 4 && time.top < line.bottom - 4);
        }).map((text) => text.textContent)"""
        assert tab.sees(overlapping) == []


def test_escape_leaves_one_thing_after_the_other(tab: Tab, server: Server, room: Room) -> None:
    """In a launcher that fills the window: a dialog, a menu, an answer, the room, a search."""
    room.post("bob", "Is it still there?")
    tab.resizes(460, 800)
    tab.opens(f"{server.url}ui/lang/en.js")  # a page without elements
    tab.evaluate(f"""
        await import("/ui/roomcast.js");
        const launcher = document.createElement("roomcast-launcher");
        launcher.setAttribute("token", "{token_of("ada")}");
        document.body.append(launcher);
        launcher.select({room.id});""")
    tab.sees("part('panel')[0]?.matches(':modal')")
    tab.sees("texts().length === 1 && part('input').length")
    tab.does("part('header')[0].querySelector('[aria-label=More]').click()")
    tab.sees("part('menu')[0]?.matches(':popover-open')")
    tab.does("[...part('menu')[0].children].find((one) => one.textContent === 'Search').click()")
    tab.sees("part('dialog')[0].open")
    faint = "(one) => getComputedStyle(one, '::placeholder').color"
    tab.sees(f"new Set([...part('search'), part('input')[0]].map({faint})).size === 1")
    tab.types(ESCAPE)
    tab.sees("!part('dialog')[0].open && part('panel')[0].open")
    tab.does("part('message')[0].focus()")
    tab.types(ENTER)
    tab.sees("part('menu')[0]?.matches(':popover-open')")
    tab.types(ESCAPE)
    tab.sees("!part('menu')[0].matches(':popover-open') && part('panel')[0].open")
    tab.types(ESCAPE)
    tab.sees("part('input')[0].getRootNode().activeElement === part('input')[0]")
    tab.does("part('composer')[0].querySelector('.emoji-button').click()")
    tab.sees("all(document, '.emoji-box')[0]?.matches(':popover-open')")
    tab.types(ESCAPE)
    tab.sees("all(document, '.emoji-box').length === 0 && part('panel')[0].open")
    tab.does("part('message')[0].focus()")
    tab.types(ENTER)
    tab.does("part('menu')[0].querySelector('.emoji ~ button').click()")
    tab.sees("all(document, '.about').some((one) => !one.hidden)")
    tab.types(ESCAPE)
    tab.sees("all(document, '.about').every((one) => one.hidden)")
    tab.types(ESCAPE)
    tab.sees("part('list')[0].checkVisibility() && part('panel')[0].open")
    tab.does("part('search')[0].focus()")
    tab.types(f"nothing{ESCAPE}")
    tab.sees("!part('search')[0].value && part('panel')[0].open")
    tab.types(ESCAPE)
    tab.sees("!part('panel')[0].open && part('launcher')[0].getRootNode().activeElement")
    tab.resizes(1100, 800)
