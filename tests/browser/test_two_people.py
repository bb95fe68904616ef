"""Two people talk through the page that the server brings along."""

import re
import struct
import zlib
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, WebSocketRoute, expect

from .conftest import Person, Room, Server, token_of

PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj 2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"  # noqa: E501


def png(width: int, height: int, level: int = 9) -> bytes:
    """A picture; with level 0 it is as large as its pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    row = b"\0" + bytes(x * 255 // width for x in range(width) for _ in "rgb")
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = zlib.compress(row * height, level)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def picked(page: Page, name: str, kind: str, data: bytes) -> None:
    file = {"name": name, "mimeType": kind, "buffer": data}
    page.locator("#picker").set_input_files(file)  # type: ignore[arg-type]  # a FilePayload


def is_seen(person: Person, name: str) -> None:
    """The picture has come and was decoded."""
    picture = person.page.get_by_role("img", name=name)
    expect(picture).to_have_attribute("src", re.compile("^http"))
    expect(picture).to_have_js_property("complete", True)
    assert picture.evaluate("picture => picture.naturalWidth") > 0


# ---------------------------------------------------------------- talking


def test_two_people_talk_both_ways(ada: Person, bob: Person, room: Room) -> None:
    ada.opens(room)
    bob.opens(room)
    ada.says("Is the table still there?")
    bob.sees("Is the table still there?")
    expect(ada.page.get_by_role("heading", name="Bob")).to_be_visible()
    bob.says("It is.\nSolid oak. 🌳")
    ada.sees("Is the table still there?", "It is.\nSolid oak. 🌳")
    expect(ada.page.locator("#announcer")).to_have_text("Bob: It is. Solid oak. 🌳")
    expect(ada.page.get_by_role("button", name="Bob").first).to_contain_text("It is.")


def test_who_comes_back_finds_what_was_said(ada: Person, bob: Person, room: Room) -> None:
    ada.opens(room)
    ada.says("one")
    ada.says("two")
    ada.sees("one", "two")
    bob.opens(room).sees("one", "two")
    ada.page.reload()
    ada.sees("one", "two")


def test_the_writer_edits_a_message(ada: Person, bob: Person, room: Room) -> None:
    ada.opens(room)
    bob.opens(room)
    ada.says("Is 100 fien?")
    ada.messages.last.hover()
    ada.messages.last.get_by_role("button", name="Edit").click()
    expect(ada.composer).to_have_value("Is 100 fien?")
    ada.says("Is 100 fine?")
    bob.sees("Is 100 fine?")
    expect(bob.messages.last).to_contain_text("edited")
    expect(ada.composer).to_have_value("")


def test_the_writer_takes_a_message_back(ada: Person, bob: Person, room: Room) -> None:
    ada.opens(room)
    bob.opens(room)
    ada.says("a secret")
    ada.says("no secret")
    bob.sees("a secret", "no secret")
    expect(bob.page.get_by_role("button", name="Delete")).to_have_count(0)
    ada.messages.first.hover()
    ada.messages.first.get_by_role("button", name="Delete").click()
    ada.page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    bob.sees("no secret")
    ada.sees("no secret")


def test_ticks_turn_from_sent_to_delivered_to_read(ada: Person, bob: Person, room: Room) -> None:
    ada.opens(room)
    ada.says("Are you there?")
    ada.sees_status("Sent")
    turns = "seen => Object.defineProperty(document, 'visibilityState', {get: () => seen, configurable: true})"  # noqa: E501
    bob.page.add_init_script(f"({turns})('hidden')")
    bob.opens(room).sees("Are you there?")
    ada.sees_status("Delivered")
    bob.page.evaluate(turns, "visible")
    bob.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    ada.sees_status("Read")


def test_the_list_says_what_is_unread(ada: Person, bob: Person, room: Room) -> None:
    bob.opens()
    entry = bob.page.locator(f'[data-room="{room.id}"]')
    expect(entry).to_contain_text("No messages yet")
    room.post("ada", "one")
    room.post("ada", "two")
    bob.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(entry).to_contain_text("two")
    expect(entry.locator(".badge")).to_have_text("2 unread")
    entry.click()
    bob.sees("one", "two")
    expect(entry.locator(".badge")).to_have_count(0)


def test_older_messages_come_while_scrolling_up(ada: Person, room: Room) -> None:
    for number in range(70):
        room.post("bob", f"message {number}")
    ada.opens(room)
    expect(ada.texts).to_have_count(50)
    expect(ada.texts.last).to_be_in_viewport()
    first = ada.page.get_by_text("message 20", exact=True)
    first.evaluate("row => row.closest('#scroller').scrollTo(0, 0)")
    expect(ada.texts).to_have_count(70)
    expect(first).to_be_in_viewport()
    expect(ada.texts.first).to_have_text("message 0")
    ada.page.get_by_role("button", name="Newest").click()
    expect(ada.texts.last).to_be_in_viewport()


# ---------------------------------------------------------------- files


def test_a_picture_and_a_pdf_go_through(ada: Person, bob: Person, room: Room) -> None:
    ada.opens(room)
    bob.opens(room)
    picked(ada.page, "oak table (1).png", "image/png", png(60, 40))
    picked(ada.page, "bill.pdf", "application/pdf", PDF)
    ada.says("Here they are")
    bob.sees("Here they are")
    is_seen(bob, "oak table (1).png")
    is_seen(ada, "oak table (1).png")
    card = bob.page.get_by_role("link", name="bill.pdf")
    expect(card).to_contain_text(f"{len(PDF)} B")
    answer = bob.page.request.get(str(card.get_attribute("href")))
    assert answer.body() == PDF
    assert answer.headers["content-type"] == "application/pdf"


def test_a_large_file_goes_beside_the_socket(ada: Person, bob: Person, room: Room) -> None:
    ada.opens(room)
    bob.opens(room)
    picked(ada.page, "large.png", "image/png", png(1000, 600, level=0))
    with ada.page.expect_request(lambda request: request.method == "PUT"):
        ada.says("A large one")
    bob.sees("A large one")
    is_seen(bob, "large.png")
    is_seen(ada, "large.png")
    ada.sees("A large one")


@pytest.mark.parametrize("way", ["paste", "drop"])
def test_a_file_is_pasted_or_dropped(ada: Person, room: Room, way: str) -> None:
    ada.opens(room)
    ada.page.evaluate(
        """way => {
            const data = new DataTransfer();
            data.items.add(new File(["a note"], "note.txt", { type: "text/plain" }));
            const about = { bubbles: true, cancelable: true, clipboardData: data, dataTransfer: data };
            const event = way === "paste" ? new ClipboardEvent("paste", about) : new DragEvent("drop", about);
            document.getElementById("text").dispatchEvent(event);
        }""",  # noqa: E501
        way,
    )
    expect(ada.page.get_by_role("list", name="Files to send")).to_contain_text("note.txt")
    ada.page.get_by_role("button", name="Send", exact=True).click()
    expect(ada.messages.get_by_role("link", name="note.txt")).to_have_attribute(
        "href", re.compile("^http")
    )
    expect(ada.page.get_by_role("list", name="Files to send")).to_have_text("")


def test_a_refused_file_comes_back_with_the_reason(ada: Person, room: Room) -> None:
    ada.opens(room)
    picked(ada.page, "drawing.svg", "image/svg+xml", b"<svg xmlns='http://www.w3.org/2000/svg'/>")
    ada.says("look")
    expect(ada.page.get_by_role("alert")).to_contain_text("not accepted")
    expect(ada.composer).to_have_value("look")
    expect(ada.page.get_by_role("list", name="Files to send")).to_contain_text("drawing.svg")
    expect(ada.messages).to_have_count(0)


def test_a_refused_text_comes_back_with_the_reason(ada: Person, room: Room) -> None:
    ada.opens(room)
    ada.says("x" * 4001)
    expect(ada.page.get_by_role("alert")).to_contain_text("too long")
    expect(ada.composer).to_have_value("x" * 4001)
    ada.says("shorter")
    ada.sees("shorter")
    expect(ada.page.locator("#trouble")).to_be_hidden()


# ---------------------------------------------------------------- what can go wrong


def test_hostile_text_is_only_text(ada: Person, bob: Person, room: Room) -> None:
    hostile = '<img src=x onerror="window.hacked = true"><script>window.hacked = true</script>'
    ada.opens(room)
    bob.opens(room)
    ada.says(hostile)
    ada.says('javascript:alert(1) https://a.example/"onmouseover=alert(1)')
    bob.sees(hostile, 'javascript:alert(1) https://a.example/"onmouseover=alert(1)')
    assert bob.messages.locator("img, script, [onmouseover]").count() == 0
    assert bob.messages.locator("a").all_inner_texts() == ["https://a.example/"]
    assert bob.page.evaluate("window.hacked") is None


def test_nothing_is_lost_or_doubled_when_the_server_dies(
    ada: Person, bob: Person, room: Room, server: Server
) -> None:
    ada.expects_errors = bob.expects_errors = True  # the browser reports each failed try
    ada.opens(room)
    bob.opens(room)
    for number in range(5):
        ada.says(f"before {number}")
    server.kill()
    expect(ada.page.locator("#connection")).to_contain_text("Trying again")
    ada.says("while away 1")
    ada.says("while away 2")
    ada.sees_status("Sending")
    server.start()
    expected = [*(f"before {number}" for number in range(5)), "while away 1", "while away 2"]
    bob.sees(*expected)
    ada.sees(*expected)
    expect(ada.page.locator("#connection")).to_have_text("")
    assert room.texts() == expected


@pytest.mark.parametrize("lost", ['"action":"send"', '"type":"chat_message"'])
def test_a_message_is_there_once_whichever_way_the_line_broke(
    ada: Person, room: Room, lost: str
) -> None:
    cuts: list[str] = []

    def relay(line: WebSocketRoute) -> None:
        server = line.connect_to_server()

        def pass_on(frame: str | bytes, to: WebSocketRoute) -> None:
            if cuts or lost not in str(frame):
                return to.send(frame)
            cuts.append(str(frame))
            line.close(code=1012)
            server.close()

        line.on_message(lambda frame: pass_on(frame, server))
        server.on_message(lambda frame: pass_on(frame, line))

    ada.page.route_web_socket(re.compile("/ws/chat/"), relay)
    ada.opens(room)
    ada.says("once")
    ada.sees_status("Sent")
    ada.says("twice")
    ada.sees("once", "twice")
    ada.sees_status("Sent")
    assert len(cuts) == 1
    assert room.texts() == ["once", "twice"]


def test_an_edit_made_without_a_connection_arrives_after_it(
    ada: Person, bob: Person, room: Room, server: Server
) -> None:
    ada.expects_errors = bob.expects_errors = True
    ada.opens(room)
    bob.opens(room)
    ada.says("first")
    bob.sees("first")
    ada.sees_status("Read")
    server.kill()
    ada.composer.press("ArrowUp")
    ada.says("second")
    ada.sees("second")
    server.start()
    with ada.page.expect_websocket(lambda socket: "after=1&" in socket.url):
        bob.sees("second")
    ada.sees_status("Read")


def test_a_stranger_is_told_why_the_room_stays_closed(eve: Person, room: Room) -> None:
    eve.page.goto(f"{room.server.url}#token={token_of('eve')}&room={room.id}")
    expect(eve.page.get_by_role("alert")).to_have_text("You are not a member of this room.")
    expect(eve.composer).to_be_hidden()


def test_members_are_told_when_the_room_is_deleted(ada: Person, room: Room) -> None:
    ada.opens(room)
    ada.says("hello")
    ada.sees_status("Sent")
    room.server.call("bob", "DELETE", f"chat/delete/{room.id}")
    expect(ada.page.get_by_role("alert")).to_contain_text("deleted")


# ---------------------------------------------------------------- coming in


def test_without_a_token_the_page_asks_for_one(ada: Person, room: Room) -> None:
    ada.expects_errors = True  # the browser reports the 401
    ada.page.goto(room.server.url)
    field = ada.page.get_by_role("textbox", name="Paste a token")
    expect(field).to_be_focused()
    field.fill("nonsense")
    field.press("Enter")
    expect(ada.page.get_by_role("alert")).to_contain_text("not valid")
    field.fill(token_of("ada"))
    field.press("Enter")
    expect(ada.page.locator(f'[data-room="{room.id}"]')).to_be_visible()


def test_a_room_with_somebody_is_opened_from_the_list(eve: Person) -> None:
    eve.opens()
    eve.page.get_by_role("textbox", name="Talk to a user").fill("1")
    eve.page.get_by_role("button", name="Open").click()
    eve.says("Hello, I am new here")
    eve.sees("Hello, I am new here")


def test_an_expired_token_is_asked_for_again(ada: Person, room: Room) -> None:
    ada.page.goto(f"{room.server.url}#token={token_of('ada', lives=2)}&room={room.id}")
    ada.says("still here")
    ada.sees("still here")
    expect(ada.page.get_by_role("alert")).to_contain_text("expired")
    field = ada.page.get_by_role("textbox", name="Paste a token")
    field.fill(token_of("ada"))
    field.press("Enter")
    ada.sees("still here")


# ---------------------------------------------------------------- hands, eyes and screens


def test_everything_is_done_with_the_keyboard(ada: Person, room: Room) -> None:
    page, press = ada.page, ada.page.keyboard.press
    ada.opens()
    page.locator(f'[data-room="{room.id}"]').focus()
    press("Enter")
    expect(ada.composer).to_be_focused()
    page.keyboard.type("first line")
    press("Shift+Enter")
    page.keyboard.type("second line")
    press("Enter")
    ada.sees("first line\nsecond line")
    ada.sees_status("Sent")
    press("ArrowUp")
    expect(ada.composer).to_have_value("first line\nsecond line")
    press("Escape")
    expect(ada.composer).to_have_value("")
    page.keyboard.type("to be deleted")
    press("Enter")
    ada.sees("first line\nsecond line", "to be deleted")
    ada.sees_status("Sent")
    ada.messages.last.focus()
    press("ArrowUp")
    expect(ada.messages.first).to_be_focused()
    press("ArrowDown")
    for _ in range(4):
        press("Tab")
    expect(ada.messages.last.get_by_role("button", name="Delete")).to_be_focused()
    press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    press("Tab")
    press("Enter")
    ada.sees("first line\nsecond line")
    expect(ada.messages.last).to_be_focused()


def test_tab_reaches_the_newest_message_and_the_composer(ada: Person, room: Room) -> None:
    for number in range(3):
        room.post("ada", f"message {number}")
    ada.opens(room)
    expect(ada.texts).to_have_count(3)
    ada.composer.focus()
    for _ in range(6):  # past the button for files, then the four tools of the newest message
        ada.page.keyboard.press("Shift+Tab")
    expect(ada.messages.last).to_be_focused()


def test_a_phone_shows_one_pane_and_never_scrolls_sideways(
    person: Callable[..., Person], room: Room
) -> None:
    room.post("bob", "x" * 900)
    size = {"width": 360, "height": 700}
    ada = person("ada", viewport=size, is_mobile=True, has_touch=True).opens(room)
    rooms, fits = ada.page.get_by_role("navigation", name="Rooms"), "innerWidth"
    picked(ada.page, "wide.png", "image/png", png(1200, 100))
    ada.says("Look https://example.org/" + "y" * 300)
    expect(ada.texts).to_have_count(2)
    is_seen(ada, "wide.png")
    expect(rooms).to_be_hidden()
    assert ada.page.evaluate("document.documentElement.scrollWidth") <= ada.page.evaluate(fits)
    assert ada.page.evaluate("document.getElementById('scroller').scrollWidth") <= size["width"]
    ada.page.get_by_role("button", name="Back to the rooms").click()
    expect(rooms).to_be_visible()
    expect(ada.composer).to_be_hidden()
    assert ada.page.evaluate("document.documentElement.scrollWidth") <= ada.page.evaluate(fits)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_follows_the_colours_of_the_system(
    person: Callable[..., Person], room: Room, scheme: str
) -> None:
    ada = person("ada", color_scheme=scheme).opens(room)
    ground = ada.page.evaluate("getComputedStyle(document.body).backgroundColor")
    lightness = sum(int(part) for part in re.findall(r"\d+", ground)) / 3
    assert (lightness > 128) is (scheme == "light")
