"""What a user meets every day: names instead of ids, the language, drops, edits, undo."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect

from .conftest import Person, Room, Server

LARGE = """addEventListener("DOMContentLoaded", () => {
    document.documentElement.style.fontSize = "200%";
});"""


@pytest.fixture(scope="module")
def lake(server: Server) -> Room:
    """A group that more than forty other conversations push out of the first page of the list."""
    wish = {"members": [1, 2, 3], "title": "Sunday at the lake"}
    lake = Room(server, "near the lake")
    lake.id = server.call("eve", "POST", "chat/create/", wish).json()["room_id"]
    first = lake.post("eve", "Who is in?")
    lake.post("eve", "The 8:41 from platform 3")
    for name in ("bob", "eve"):
        path = f"chat/rooms/{lake.id}/messages/{first}/reactions/❤️"
        server.call(name, "PUT", path)
    for number in range(45):
        Room(server, f"everyday {number}")
    return lake


def test_a_room_beyond_the_first_page_is_found_and_has_names(ada: Person, lake: Room) -> None:
    ada.opens()
    expect(ada.part("item").first).to_be_visible()
    expect(ada.item(lake)).to_have_count(0)
    ada.page.get_by_role("searchbox").fill("sund")
    expect(ada.item(lake)).to_be_visible()
    ada.opens(lake, "?1")
    chip = ada.messages.first.locator("[part=chip]")
    expect(chip).to_have_attribute("aria-label", "❤️ Bob and Eve")
    expect(ada.part("author").locator("visible=true")).to_have_text(["Eve"])


def test_a_member_sees_only_what_they_may_do(ada: Person, bob: Person, lake: Room) -> None:
    ada.opens(lake)
    bob.opens(lake)
    expect(bob.part("subtitle")).to_have_text("3 members, 1 online")
    bob.chooses_of_room("Details")
    expect(bob.part("dialog").get_by_role("listitem")).to_have_count(3)
    for name in ("Save", "Add", re.compile("^Remove")):
        expect(bob.part("dialog").get_by_role("button", name=name)).to_have_count(0)


def test_no_key_and_no_id_is_shown(ada: Person, server: Server) -> None:
    wish = {"second_user": "auth0|7f3a", "context": "listing:4711"}
    room = Room(server, "other")
    room.id = server.call("ada", "POST", "chat/create/", wish).json()["room_id"]
    ada.opens(room)
    expect(ada.part("title")).to_have_text("Someone")
    expect(ada.item(room)).to_contain_text("Someone")
    ada.chooses_of_room("Details")
    expect(ada.part("dialog").get_by_role("listitem")).to_have_count(2)
    seen = ada.page.locator("roomcast-inbox").evaluate("inbox => inbox.root.textContent")
    assert [key for key in ("listing:", "auth0", "7f3a") if key in seen] == []


def test_a_search_without_a_connection_says_so_in_words(ada: Person, room: Room) -> None:
    ada.expects_errors = True
    ada.opens()
    expect(ada.item(room)).to_be_visible()
    ada.page.locator("[part=item][tabindex='0']").wait_for()  # what searches is loaded with it
    ada.context.set_offline(True)
    ada.page.get_by_role("searchbox").fill("teapot")
    expect(ada.part("list").locator("xpath=..").get_by_text("No connection").first).to_be_visible()
    shown = ada.page.locator("roomcast-inbox").evaluate("inbox => inbox.root.textContent")
    assert "fetch" not in shown


def test_only_what_comes_in_is_announced(ada: Person, room: Room) -> None:
    for number in range(70):
        room.post("bob" if number % 2 else "ada", f"message {number}")
    ada.opens(room)
    expect(ada.texts.last).to_have_text("message 69")
    ada.part("messages").evaluate("box => box.scrollTo(0, 0)")
    expect(ada.page.get_by_text("message 3", exact=True)).to_have_count(1)
    room.post("bob", "psst")
    expect(ada.page.locator("[role=log] p")).to_have_text(["Bob: psst"])


def test_the_pill_counts_what_arrives_below(ada: Person, room: Room) -> None:
    for number in range(30):
        room.post("ada", f"message {number}\nand more")
    ada.opens(room)
    expect(ada.texts.last).to_be_in_viewport()
    pill = ada.part("pill")
    expect(pill).to_have_attribute("aria-label", "To the newest message")
    for _ in range(100):  # what is still being drawn keeps the newest message in sight
        ada.part("messages").evaluate("box => box.scrollTo(0, 200)")
        ada.page.wait_for_timeout(50)
        if pill.is_visible():
            break
    for number in range(3):
        room.post("bob", f"news {number}")
    expect(ada.part("pill")).to_have_text("3 new messages")
    ada.part("pill").click()
    expect(ada.texts.last).to_have_text("news 2")
    expect(ada.texts.last).to_be_in_viewport()
    expect(ada.part("pill")).to_be_hidden()


def test_the_line_of_new_messages_goes_with_an_answer(ada: Person, room: Room) -> None:
    room.post("bob", "Still there?")
    ada.opens(room)
    expect(ada.part("new-line")).to_be_visible()
    ada.says("Yes")
    expect(ada.part("new-line")).to_have_count(0)


def test_what_is_written_can_be_undone_and_an_empty_edit_asks(ada: Person, room: Room) -> None:
    ada.opens(room)
    ada.composer.press_sequentially("a teapot")
    ada.composer.press("Enter")
    ada.sees_status("Sent")
    ada.composer.press("Control+z")
    expect(ada.composer).to_have_value("a teapot")
    ada.composer.press("Control+a")
    ada.composer.press("Delete")
    ada.composer.press("ArrowUp")
    expect(ada.composer).to_have_value("a teapot")
    ada.says("")
    expect(ada.part("dialog")).to_contain_text("Delete this message for everyone?")
    ada.answers("Delete")
    expect(ada.messages).to_have_count(0)


def test_an_answer_to_what_is_deleted_meanwhile_is_none(ada: Person, room: Room) -> None:
    first = room.post("bob", "Tea?")
    ada.opens(room)
    ada.chooses(ada.messages.first, "Reply")
    bar = ada.page.get_by_text("Reply to Bob")
    expect(bar).to_be_visible()
    room.server.call("bob", "DELETE", f"chat/rooms/{room.id}/messages/{first}/")
    expect(ada.messages).to_have_count(0)
    expect(bar).to_be_hidden()


def test_a_file_beside_the_conversation_does_not_replace_the_page(ada: Person, room: Room) -> None:
    ada.opens(room)
    drop = """box => {
        const data = new DataTransfer();
        data.items.add(new File(["a note"], "note.txt", { type: "text/plain" }));
        return box.dispatchEvent(new DragEvent("drop", { bubbles: true, cancelable: true, composed: true, dataTransfer: data }));
    }"""  # noqa: E501
    assert ada.part("list").evaluate(drop) is False
    for number in range(11):
        ada.picks(f"note {number}.txt", "text/plain", b"a note")
    expect(ada.page.get_by_text("Files per message: 10 at most")).to_have_count(1)


def test_today_is_yesterday_after_midnight(ada: Person, room: Room) -> None:
    room.post("bob", "Good night")
    ada.opens(room)
    expect(ada.part("day")).to_have_text("Today")
    ada.page.clock.set_fixed_time(datetime.now(UTC) + timedelta(days=1))
    room.post("bob", "Good morning")
    expect(ada.part("day").first).to_have_text("Yesterday")


def test_ukrainian_is_ukrainian_everywhere(ada: Person, room: Room) -> None:
    room.post("bob", "👍")
    ada.opens(room, "uk/")
    expect(ada.part("day")).to_have_text("Сьогодні")
    expect(ada.part("header").locator("button").last).to_have_attribute("title", "Ще")
    expect(ada.messages.first.locator("time")).to_have_text(re.compile(r"^\d\d:\d\d$"))
    ada.part("header").locator("button").last.click()
    ada.part("menu").get_by_role("menuitem", name="Подробиці").click()
    expect(ada.part("dialog")).to_be_visible()
    words = """() => {
        const root = document.querySelector("roomcast-inbox").root;
        return [...root.querySelectorAll("*")].filter(one => !one.closest("bdi, [part=list], [part=text]"))
            .flatMap(one => [one.title, one.ariaLabel, one.placeholder, one.childElementCount ? "" : one.textContent]).join(" ");
    }"""  # noqa: E501
    latin = set(re.findall("[A-Za-z]+", ada.page.evaluate(words)))
    assert latin <= {"Ada", "Bob", "roomcast", "A", "B", "ID"}


@pytest.mark.parametrize("language", ["de-AT", "pt"])
def test_dates_and_words_are_of_one_language(
    person: Callable[..., Person], room: Room, language: str
) -> None:
    room.post("bob", "👍")
    ada = person("ada", locale=language).opens(room)
    today = {"de-AT": "Heute", "pt": "Hoje"}[language]
    expect(ada.part("day")).to_have_text(today)
    assert ada.page.evaluate("document.documentElement.lang") == language


def test_the_font_of_the_browser_and_its_colours_are_obeyed(
    person: Callable[..., Person], room: Room
) -> None:
    room.post("bob", "hello")
    ada = person("ada", forced_colors="active", viewport={"width": 1600, "height": 800})
    ada.page.add_init_script(LARGE)
    ada.opens(room)
    expect(ada.texts).to_have_text(["hello"])
    size = "one => parseFloat(getComputedStyle(one).fontSize)"
    for part in (ada.texts.first, ada.composer, ada.part("item-title").first):
        assert part.evaluate(size) >= 28
    border = "one => getComputedStyle(one).borderTopStyle"
    assert ada.bubble.evaluate(border) == "solid"
    ground = "one => getComputedStyle(one).backgroundColor"
    chosen = ada.page.locator("[part=item][aria-current]")
    other = ada.page.locator("[part=item]:not([aria-current])").first
    expect(other).to_be_visible()
    assert chosen.evaluate(ground) != other.evaluate(ground)


def test_what_is_loading_is_seen_and_stands_still(
    person: Callable[..., Person], room: Room
) -> None:
    ada = person("ada", reduced_motion="reduce")
    ada.page.route(re.compile("/chat/receive/"), lambda route: None)
    ada.opens()
    expect(ada.page.locator(".skeleton").first).to_be_visible()
    moving = """() => document.querySelector("roomcast-inbox").root.getAnimations()
        .filter(one => one.effect.getTiming().iterations === Infinity).length"""
    assert ada.page.evaluate(moving) == 0
    ada.page.unroute_all(behavior="ignoreErrors")
