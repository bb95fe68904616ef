"""Two people talk through the page that the server brings along."""

import re
from collections.abc import Callable
from contextlib import suppress

import pytest
from playwright.sync_api import Route, WebSocketRoute, expect
from playwright.sync_api import TimeoutError as Late

from .conftest import Person, Room, Server, token_of
from .pictures import PDF, png

HIDE = "seen => Object.defineProperty(document, 'visibilityState', {get: () => seen, configurable: true})"  # noqa: E501
LINKS = (
    "https://en.wikipedia.org/wiki/Set_(mathematics) (https://a.example/b). "
    "www.example.com, me@example.org +380 67 123 45 67"
)


def is_loaded(person: Person, name: str) -> None:
    """The picture has come and was decoded."""
    picture = person.messages.get_by_role("img", name=name)
    expect(picture).to_have_attribute("src", re.compile("^http"))
    expect(picture).to_have_js_property("complete", True)
    assert picture.evaluate("picture => picture.naturalWidth") > 0


# ---------------------------------------------------------------- talking


def test_two_people_talk_both_ways(ada: Person, bob: Person, room: Room) -> None:
    ada.opens(room)
    bob.opens(room)
    ada.says("Is the table still there?")
    bob.sees("Is the table still there?")
    bob.says("It is.\nSolid oak. 🌳")
    expect(ada.part("title")).to_have_text("Bob")
    ada.sees("Is the table still there?", "It is.\nSolid oak. 🌳")
    expect(ada.page.get_by_role("log")).to_contain_text("Bob: It is. Solid oak. 🌳")
    expect(ada.item(room)).to_contain_text("It is.")
    bob.says("It is.")
    bob.says("It is.")
    expect(ada.page.get_by_role("log").get_by_text("Bob: It is.", exact=True)).to_have_count(2)
    expect(ada.page.get_by_role("article", name=re.compile("^Bob, It is., "))).to_have_count(2)
    beside = "box => box.querySelector('time').getBoundingClientRect().top < box.querySelector('[part=text]').getBoundingClientRect().bottom"  # noqa: E501
    assert ada.messages.evaluate_all(f"all => all.map({beside})") == [True] * 4
    ada.page.reload()
    expect(ada.texts).to_have_count(4)
    expect(ada.part("header").get_by_role("img", name="online")).to_be_visible()
    ada.context.set_offline(True)
    expect(ada.page.get_by_role("img", name="online")).to_have_count(0)
    ada.expects_errors = True  # of the tries meanwhile


def test_a_message_is_edited_and_deleted(ada: Person, bob: Person, room: Room) -> None:
    ada.opens(room)
    bob.opens(room)
    ada.says("Is 100 fien?")
    ada.chooses(ada.messages.last, "Edit")
    expect(ada.composer).to_have_value("Is 100 fien?")
    ada.says("Is 100 fine?")
    bob.sees("Is 100 fine?")
    expect(bob.messages.last).to_contain_text("edited")
    expect(ada.composer).to_have_value("")
    ada.says("a secret")
    bob.sees("Is 100 fine?", "a secret")
    ada.chooses(ada.messages.last, "Delete")
    ada.answers("Cancel")
    ada.chooses(ada.messages.last, "Delete")
    ada.answers("Delete")
    bob.sees("Is 100 fine?")
    ada.chooses(ada.messages.last, "Edit")
    ada.composer.fill("")
    ada.composer.press("Enter")
    ada.answers("Delete")
    expect(bob.messages).to_have_count(0)


def test_statuses_and_the_unread_line(ada: Person, bob: Person, room: Room) -> None:
    ada.opens(room)
    ada.says("Are you there?")
    ada.sees_status("Sent")
    bob.page.add_init_script(f"({HIDE})('hidden')")
    bob.opens(room).sees("Are you there?")
    expect(bob.part("new-line")).to_be_visible()
    ada.sees_status("Delivered")
    bob.page.evaluate(HIDE, "visible")
    bob.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    ada.sees_status("Read")
    expect(ada.item(room).get_by_role("img", name="Read")).to_be_visible()
    bob.composer.press_sequentially("Hm")
    expect(ada.part("subtitle")).to_have_text("typing…")
    expect(ada.page.locator(".typing-row")).to_have_text("Bob is typing…")
    bob.composer.press("Enter")
    expect(ada.part("subtitle")).to_have_text("online")
    expect(ada.messages).to_have_count(2)


def test_an_answer_and_reactions(ada: Person, bob: Person, room: Room) -> None:
    held: list[Route] = []
    room.post("bob", "Tea or coffee?")
    ada.page.route("**/lazy-extras.js*", lambda route: held.append(route))
    ada.opens(room)
    ada.part("composer").get_by_role("button", name="Emoji").click()  # what shows them comes later
    bob.opens(room)
    for route in held:
        route.continue_()
    ada.page.get_by_role("dialog", name="Emoji").get_by_text("😎").click()
    expect(ada.composer).to_have_value("😎")
    ada.composer.fill("")
    ada.chooses(ada.messages.first, "Reply")
    expect(ada.page.get_by_text("Reply to Bob")).to_be_visible()
    ada.composer.press("Escape")
    expect(ada.page.get_by_text("Reply to Bob")).to_be_hidden()
    ada.chooses(ada.messages.first, "Reply")
    ada.says("Tea, please")
    expect(bob.messages.last.locator("[part=quote]")).to_have_text("YouTea or coffee?")
    bob.messages.last.hover()
    bob.messages.last.get_by_role("button", name="More").press("Enter")
    expect(bob.part("menu").locator("button:focus")).to_have_count(1)
    bob.page.keyboard.press("ArrowRight")
    bob.page.keyboard.press("Enter")
    chip = ada.messages.last.locator("[part=chip]")
    expect(chip).to_have_text("❤️ 1")
    expect(chip).to_have_attribute("aria-label", "❤️ Bob")
    chip.click()
    expect(bob.messages.last.locator("[part=chip]")).to_have_text("❤️ 2")
    bob.chooses(bob.messages.first, "React")
    bob.page.get_by_role("dialog", name="Emoji").get_by_text("🚲").click()
    expect(ada.messages.first.locator("[part=chip]")).to_have_text("🚲 1")
    bob.chooses(bob.messages.first, "Delete")
    bob.answers("Delete")
    expect(ada.messages.first.locator("[part=quote]")).to_have_text(re.compile("Message deleted$"))


# ---------------------------------------------------------------- files


def test_a_picture_and_a_pdf_go_through(ada: Person, bob: Person, room: Room) -> None:
    ada.opens(room)
    bob.opens(room)
    ada.picks("oak table (1).png", "image/png", png(60, 40))
    ada.picks("bill.pdf", "application/pdf", PDF)
    ada.says("Here they are")
    bob.sees("Here they are")
    is_loaded(bob, "oak table (1).png")
    is_loaded(ada, "oak table (1).png")
    card = bob.messages.locator("[part=card]")
    expect(card).to_contain_text("bill.pdf")
    with bob.page.context.expect_event("request", lambda asked: "bill.pdf" in asked.url):
        card.click()  # in a page of its own, where the browser shows such files
    assert bob.messages.locator("a").count() == 0


def test_an_album_opens_in_the_lightbox(ada: Person, room: Room) -> None:
    ada.opens(room)
    for number in range(6):
        ada.picks(f"photo {number}.png", "image/png", png(40, 30, tint=40 * number))
    ada.composer.press("Enter")
    pictures = ada.messages.locator("[part=picture]")
    ada.sees_status("Sent")
    expect(pictures).to_have_count(4)
    expect(pictures.last).to_contain_text("+2")
    expect(ada.item(room)).to_contain_text("6 photos")
    ada.chooses(ada.messages.last, "Reply")
    expect(ada.page.locator(".about")).to_have_text("Reply6 photos")
    ada.composer.press("Escape")
    pictures.nth(1).click()
    box = ada.part("lightbox")
    expect(box).to_contain_text("photo 1.png · 2 / 6")
    ada.page.keyboard.press("ArrowRight")
    expect(box).to_contain_text("photo 2.png · 3 / 6")
    ada.page.keyboard.press("Escape")
    expect(box).to_have_count(0)
    expect(pictures.nth(1)).to_be_focused()


def test_the_time_stands_on_a_picture_and_under_a_small_one(ada: Person, room: Room) -> None:
    ada.opens(room)
    for number, width in enumerate((900, 40), 1):
        ada.picks("photo.png", "image/png", png(width, 300))
        ada.part("send").click()
        expect(ada.page.locator("button[part=picture] img")).to_have_count(number)
    within = """box => {
        const [picture, time, bubble] = ["img", "time", "[part=bubble]"].map(one => box.querySelector(one).getBoundingClientRect());
        return [time.bottom <= picture.bottom, bubble.width - picture.width < 12];
    }"""  # noqa: E501
    ada.sees_status("Sent")
    assert ada.messages.first.evaluate(within) == [True, True]
    assert ada.messages.last.evaluate(within)[0] is False


def test_a_large_file_shows_its_progress_and_can_be_cancelled(ada: Person, room: Room) -> None:
    ada.opens(room)
    ada.page.route(re.compile("/files/"), lambda route: None)
    ada.picks("large.png", "image/png", png(1000, 600, level=0))
    ada.says("A large one")
    expect(ada.messages.get_by_role("progressbar")).to_be_visible()
    ada.messages.get_by_role("button", name="Cancel").click()
    expect(ada.messages).to_have_count(0)
    ada.page.unroute_all(behavior="ignoreErrors")
    assert room.texts() == []


@pytest.mark.parametrize("way", ["paste", "drop"])
def test_a_file_is_pasted_or_dropped(ada: Person, room: Room, way: str) -> None:
    ada.opens(room)
    give = """(field, [way, words]) => {
        const data = new DataTransfer();
        data.items.add(new File(["a note"], "note.txt", { type: "text/plain" }));
        if (words) data.items.add(words, "text/plain");
        const about = { bubbles: true, cancelable: true, composed: true, clipboardData: data, dataTransfer: data };
        const event = way === "paste" ? new ClipboardEvent("paste", about) : new DragEvent("drop", about);
        return field.dispatchEvent(event);
    }"""  # noqa: E501
    assert ada.composer.evaluate(give, [way, ""]) is False
    expect(ada.page.get_by_role("list", name="Attach files")).to_contain_text("note.txt")
    ada.part("send").click()
    expect(ada.messages.locator("[part=card]")).to_contain_text("note.txt")
    expect(ada.page.get_by_role("list", name="Attach files")).to_be_hidden()
    if way == "paste":  # what office programs copy: the text wins over its picture
        assert ada.composer.evaluate(give, [way, "cells"]) is True
    else:  # beside the conversation a file is not taken, and the page stays
        assert ada.part("list").evaluate(give, [way, ""]) is False


def test_a_file_that_is_not_accepted_is_named_with_its_reason(ada: Person, room: Room) -> None:
    ada.opens(room)
    ada.picks("drawing.svg", "image/svg+xml", b"<svg xmlns='http://www.w3.org/2000/svg'/>")
    ada.picks("photo.png", "image/png", png(4, 4))
    chosen = ada.page.get_by_role("list", name="Attach files").get_by_role("listitem")
    expect(chosen.first).to_contain_text("This type of file is not accepted")
    expect(chosen.last).to_contain_text(re.compile(r"photo\.png\d+ bytes"))
    ada.says("look")
    ada.sees("look")
    expect(ada.messages.locator("[part=picture]")).to_have_count(1)
    ada.sees_status("Sent")


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
    bob.chooses(bob.messages.first, "Reply")
    bob.says("what?")
    expect(ada.messages.last.locator("[part=quote]")).to_contain_text(hostile)
    bob.page.get_by_role("searchbox").fill("hacked")
    expect(bob.page.locator(".result")).to_have_count(1)
    assert bob.page.evaluate("window.hacked") is None


def test_addresses_in_a_text_are_links(ada: Person, room: Room) -> None:
    room.post("bob", LINKS)
    room.post("bob", "🎉")
    room.post("bob", "line\n" * 30)
    room.post("bob", "https://shop.example/\u202egpj.exe")
    ada.opens(room)
    expect(ada.messages.first.locator("a")).to_have_count(5)
    hrefs = "links => links.map(link => link.getAttribute('href'))"
    assert ada.messages.first.locator("a").evaluate_all(hrefs) == [
        "https://en.wikipedia.org/wiki/Set_(mathematics)",
        "https://a.example/b",
        "https://www.example.com",
        "mailto:me@example.org",
        "tel:+380671234567",
    ]
    expect(ada.messages.last.locator("a")).to_have_text("https://shop.example/gpj.exe")
    tall = "text => text.getBoundingClientRect().height"
    assert ada.texts.nth(1).evaluate(tall) > 40  # what is emoji alone is large
    long = ada.messages.nth(2).locator(".body")
    folded = long.evaluate(tall)
    ada.messages.nth(2).get_by_role("button", name="Show more").click()
    assert long.evaluate(tall) > 1.5 * folded


def test_the_button_to_send_is_quiet_while_there_is_nothing_to_send(
    ada: Person, room: Room
) -> None:
    ada.opens(room)
    quiet = re.compile(r"\bidle\b")
    expect(ada.part("send")).to_have_class(quiet)
    ada.composer.fill(" ")
    expect(ada.part("send")).to_have_class(quiet)
    ada.composer.fill("hello")
    expect(ada.part("send")).not_to_have_class(quiet)
    ada.part("send").click()
    ada.sees("hello")
    expect(ada.part("send")).to_have_class(quiet)
    ada.picks("a.txt", "text/plain", b"hello")
    expect(ada.part("send")).not_to_have_class(quiet)


def test_a_text_that_is_too_long_is_not_sent(ada: Person, room: Room) -> None:
    ada.opens(room)
    ada.says("x" * 4002)
    expect(ada.page.get_by_text("Too long by 2")).to_be_visible()
    expect(ada.part("send")).to_be_disabled()
    expect(ada.composer).to_have_value("x" * 4002)
    ada.says("shorter")
    ada.sees("shorter")


def test_a_refused_message_stays_with_its_reason_and_no_other_comes_back(
    ada: Person, room: Room
) -> None:
    ada.opens(room)
    ada.says("fine message")
    ada.sees_status("Sent")
    room.server.call("bob", "POST", f"chat/blocks/{1}")
    try:
        ada.says("refused one")
        last = ada.messages.last
        expect(last).to_contain_text("You can't do this.")
        expect(ada.composer).to_have_value("")
        last.get_by_role("button", name="Edit").click()
        expect(ada.composer).to_have_value("refused one")
        ada.sees("fine message")
    finally:
        room.server.call("bob", "DELETE", f"chat/blocks/{1}")


def test_nothing_is_lost_or_doubled_when_the_server_dies(
    ada: Person, bob: Person, room: Room, server: Server
) -> None:
    ada.expects_errors = bob.expects_errors = True  # the browser reports each failed try
    ada.opens(room)
    bob.opens(room)
    ada.says("before")
    server.kill()
    expect(ada.page.get_by_text("No connection.")).to_be_visible()
    ada.says("while away 1")
    ada.says("while away 2")
    ada.sees_status("Sending")
    ada.composer.fill("a draft")
    ada.page.wait_for_timeout(600)  # the draft is kept a moment after the last key
    server.start()
    with suppress(Late):  # the client may have come back by itself
        ada.page.get_by_role("button", name="Try now").first.click(timeout=2_000)
    expected = ["before", "while away 1", "while away 2"]
    ada.sees(*expected)
    ada.sees_status("Read")
    bob.sees(*expected)
    expect(ada.page.get_by_text("No connection.")).to_be_hidden()
    assert room.texts() == expected
    ada.page.reload()
    expect(ada.composer).to_have_value("a draft")


def test_what_was_not_sent_survives_a_reload(ada: Person, room: Room) -> None:
    ada.expects_errors = True
    ada.opens(room)
    ada.says("one")
    ada.sees_status("Sent")
    ada.context.set_offline(True)
    expect(ada.page.get_by_text("No connection.")).to_be_visible()
    ada.says("two")
    ada.sees_status("Sending")
    ada.page.wait_for_timeout(300)  # storage is written
    ada.page.route_web_socket(re.compile("/ws/chat/"), lambda line: line.close(code=1013))
    ada.context.set_offline(False)
    ada.page.reload()
    ada.sees("one", "two")
    ada.page.get_by_role("button", name="Try now").first.wait_for()


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


def test_a_room_that_is_closed_says_so(ada: Person, eve: Person, room: Room) -> None:
    eve.page.goto(f"{room.server.url}#token={token_of('eve')}&room={room.id}")
    expect(eve.page.get_by_text("This conversation is no longer there.")).to_be_visible()
    expect(eve.composer).to_be_hidden()
    ada.opens(room)
    ada.says("hello")
    ada.sees_status("Sent")
    room.server.call("bob", "DELETE", f"chat/delete/{room.id}")
    expect(ada.page.get_by_text("This conversation is no longer there.")).to_be_visible()


# ---------------------------------------------------------------- hands


def test_everything_is_done_with_the_keyboard(ada: Person, room: Room) -> None:
    press = ada.page.keyboard.press
    ada.opens()
    ada.page.get_by_role("searchbox").focus()
    press("ArrowDown")
    while ada.page.evaluate(ACTIVE) != str(room.id):
        press("ArrowDown")
    press("Enter")
    expect(ada.composer).to_be_focused()
    ada.page.keyboard.type("first line")
    press("Shift+Enter")
    ada.page.keyboard.type("second line")
    press("Enter")
    ada.sees("first line\nsecond line")
    ada.sees_status("Sent")
    press("ArrowUp")
    expect(ada.composer).to_have_value("first line\nsecond line")
    press("Escape")
    expect(ada.composer).to_have_value("")
    ada.page.keyboard.type("to be deleted")
    press("Enter")
    ada.sees("first line\nsecond line", "to be deleted")
    ada.sees_status("Sent")
    ada.messages.last.focus()
    press("ArrowUp")
    expect(ada.messages.first).to_be_focused()
    press("End")
    press("Tab")
    press("Tab")
    press("Enter")
    expect(ada.part("menu")).to_be_visible()
    press("End")
    press("Enter")
    expect(ada.part("dialog")).to_be_visible()
    press("Tab")
    press("Enter")
    ada.sees("first line\nsecond line")
    press("Control+k")
    expect(ada.page.get_by_role("searchbox")).to_be_focused()


@pytest.mark.parametrize("locale", ["en", "ar"])
def test_the_button_in_the_field_covers_no_text(
    person: Callable[..., Person], room: Room, locale: str
) -> None:
    """The field has the direction of its text, the button that of the page."""
    ada = person("ada", locale=locale, viewport={"width": 390, "height": 600}).opens(room)
    covers = """field => {
        const [box, button, style] = [field, field.parentElement.querySelector(".emoji-button")]
            .map(one => one.getBoundingClientRect()).concat(getComputedStyle(field));
        const left = box.left + parseFloat(style.paddingLeft), right = box.right - parseFloat(style.paddingRight);
        return [button.left < right && button.right > left, button.left > box.left && button.right < box.right];
    }"""  # noqa: E501
    for text in ("hello " * 40, "مرحبا " * 40):
        ada.composer.fill(text)
        assert ada.composer.evaluate(covers) == [False, True]


ACTIVE = "document.querySelector('roomcast-inbox').shadowRoot.activeElement?.dataset.room"


def test_the_smallest_phone_shows_all_of_it(person: Callable[..., Person], room: Room) -> None:
    first = room.post("bob", "w" * 500)
    room.post("ada", "Look https://example.org/" + "y" * 300, reply_to=first)
    size = {"width": 320, "height": 568}
    ada = person("ada", viewport=size, is_mobile=True, has_touch=True).opens(room)
    expect(ada.texts).to_have_count(2)
    expect(ada.part("list")).to_be_hidden()
    for number in range(10):
        ada.picks(f"note {number}.txt", "text/plain", b"a note")
    expect(ada.messages.first).to_be_in_viewport()
    expect(ada.composer).to_be_in_viewport(ratio=1)
    ada.messages.first.locator("[part=text]").tap()
    ada.part("menu").get_by_role("menuitemcheckbox").nth(2).tap()
    expect(ada.messages.first.locator("[part=chip]")).to_have_text("😂 1")
    targets = ada.page.locator("button:visible, input:visible, textarea:visible")
    sizes = targets.evaluate_all(
        "all => all.map(one => [one.outerHTML.slice(0, 80), one.getBoundingClientRect().height])"
    )
    assert [one for one in sizes if one[1] < 44] == []
    assert ada.page.evaluate("document.documentElement.scrollWidth") <= size["width"]
    inner = ada.part("messages").evaluate("box => box.scrollWidth - box.clientWidth")
    assert inner <= 0
