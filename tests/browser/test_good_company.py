"""What people expect of a chat: answers, reactions, who is there, search, groups."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, WebSocketRoute, expect

from .conftest import Person, Room, Server

HOSTILE = '<img src=x onerror="window.hacked = true"> samovar'


def tool(message: Locator, name: str) -> Locator:
    message.hover()
    return message.get_by_role("button", name=name)


def chips(person: Person) -> Locator:
    return person.messages.last.locator(".chip")


def head(person: Person) -> Locator:
    return person.page.locator("#room-about")


# ---------------------------------------------------------------- answers


def test_an_answer_shows_what_it_answers(ada: Person, bob: Person, room: Room) -> None:
    room.post("bob", "Tea or coffee?")
    ada.opens(room)
    bob.opens(room)
    tool(ada.messages.first, "Reply").click()
    replying = ada.page.locator("#replying")
    expect(replying).to_contain_text("Bob")
    ada.composer.press("Escape")
    expect(replying).to_be_hidden()
    tool(ada.messages.first, "Reply").click()
    ada.says("Tea, please")
    expect(replying).to_be_hidden()
    bob.sees("Tea or coffee?", "Tea, please")
    expect(bob.messages.last.locator(".quote")).to_have_text("YouTea or coffee?")
    bob.says("and no more")
    bob.sees("Tea or coffee?", "Tea, please", "and no more")
    expect(bob.messages.last.locator(".quote")).to_have_count(0)
    tool(bob.messages.first, "Delete").click()
    bob.page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(ada.messages.first.locator(".quote")).to_have_text("This message was deleted.")


def test_a_quote_leads_to_a_message_far_above(ada: Person, room: Room) -> None:
    first = room.post("bob", "Where do we meet?")
    for number in range(55):
        room.post("bob", f"message {number}")
    room.post("bob", "At the lake", reply_to=first)
    ada.opens(room)
    expect(ada.texts.last).to_have_text("At the lake")
    expect(ada.page.locator(".text", has_text="Where do we meet?")).to_have_count(0)
    ada.page.get_by_role("button", name="Bob Where do we meet?").click()
    expect(ada.messages.first).to_be_focused()
    expect(ada.texts.first).to_have_text("Where do we meet?")
    expect(ada.texts.first).to_be_in_viewport()


# ---------------------------------------------------------------- reactions


def test_reactions_are_chosen_seen_joined_and_taken_back(
    ada: Person, bob: Person, room: Room
) -> None:
    room.post("bob", "Cake at four?")
    ada.opens(room)
    bob.opens(room)
    tool(ada.messages.last, "React").press("Enter")
    expect(ada.page.get_by_role("button", name="Thumbs up")).to_be_focused()
    ada.page.keyboard.press("ArrowRight")
    ada.page.keyboard.press("Enter")
    expect(ada.page.locator("#emoji")).to_be_hidden()
    hers = bob.page.get_by_role("button", name="❤️ 1: Ada")
    expect(hers).to_have_attribute("aria-pressed", "false")
    hers.click()
    expect(chips(ada)).to_have_text("❤️2")
    expect(chips(ada)).to_have_attribute("aria-pressed", "true")
    chips(ada).click()
    expect(bob.page.get_by_role("button", name="❤️ 1: You")).to_be_visible()
    bob.page.get_by_role("button", name="❤️ 1: You").click()
    expect(chips(ada)).to_have_count(0)


@pytest.mark.parametrize("lost", ['"action":"react"', '"type":"message_reacted"'])
def test_a_reaction_outlives_the_line(ada: Person, room: Room, lost: str) -> None:
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
    room.post("bob", "Cake at four?")
    ada.opens(room)
    tool(ada.messages.last, "React").click()
    ada.page.get_by_role("button", name="Thumbs up").click()
    expect(ada.page.locator("#connection")).to_have_text("No connection. Trying again…")
    expect(chips(ada)).to_have_text("👍1")
    expect(ada.page.locator("#connection")).to_have_text("")
    ada.says("back")
    ada.sees_status("Sent")
    expect(ada.messages.first.locator(".chip")).to_have_text("👍1")
    path = f"chat/rooms/{room.id}/messages/"
    first, _ = room.server.call("ada", "GET", path).json()["messages"]
    assert first["reactions"] == [{"emoji": "👍", "count": 1, "user_ids": [1]}]
    assert len(cuts) == 1


# ---------------------------------------------------------------- who is there


def test_it_shows_who_is_there_who_writes_and_who_has_left(
    ada: Person, bob: Person, room: Room
) -> None:
    ada.opens(room)
    bob.opens(room)
    expect(head(ada)).to_have_text("online · " + room.context)
    entry = ada.page.locator(f'[data-room="{room.id}"]')
    expect(entry.get_by_label("online")).to_be_attached()
    bob.composer.press_sequentially("Hm")
    expect(head(ada)).to_have_text("typing…")
    expect(entry).to_contain_text("typing…")
    bob.composer.press("Enter")
    ada.sees("Hm")
    expect(head(ada)).to_contain_text("online")
    bob.page.goto("about:blank")
    expect(head(ada)).to_contain_text("last seen just now", timeout=12_000)
    expect(entry.get_by_label("online")).to_have_count(0)


def test_what_is_new_stands_below_a_line(ada: Person, room: Room) -> None:
    room.post("ada", "Are you there?")
    room.post("bob", "I am")
    room.post("bob", "Now I am")
    ada.opens().page.locator(f'#room-list [data-room="{room.id}"]').click()
    expect(ada.texts).to_have_count(3)
    rows = ada.page.locator("#messages > li:not(.day)")
    expect(rows.nth(1)).to_have_text("New")
    ada.page.go_back()
    expect(ada.page.locator("#nowhere")).to_be_visible()
    ada.page.go_forward()
    expect(ada.page.locator("#connection")).to_have_text("")
    expect(ada.texts).to_have_count(3)
    expect(rows).to_have_count(3)


def test_the_list_hears_at_once_of_what_is_new_elsewhere(
    ada: Person, server: Server, room: Room
) -> None:
    ada.opens(room)
    other = Room(server, "elsewhere")
    other.post("bob", "Psst")
    first = ada.page.locator("#room-list li").first
    expect(first).to_contain_text("Psst")
    expect(first.locator(".badge")).to_have_text("1 unread")
    expect(ada.page).to_have_title(re.compile(r"^\(\d+\) Bob · roomcast$"))
    first.get_by_role("button").click()
    ada.sees("Psst")
    expect(first.locator(".badge")).to_have_count(0)


# ---------------------------------------------------------------- search


def test_a_message_is_found_by_its_words(ada: Person, room: Room) -> None:
    room.post("bob", "The blue teapot stands in the attic")
    for number in range(55):
        room.post("bob", f"message {number}")
    ada.opens()
    words = ada.page.get_by_role("searchbox", name="Search")
    words.fill("teapot")
    found = ada.page.get_by_role("list", name="Messages that were found").get_by_role("button")
    expect(found).to_have_count(1)
    expect(found.locator("mark")).to_have_text("teapot")
    found.click()
    expect(ada.texts.first).to_be_in_viewport()
    expect(ada.messages.first).to_be_focused()
    expect(ada.messages.first).to_contain_text("teapot")
    words.press("Escape")
    expect(words).to_have_value("")
    expect(ada.page.locator("#room-list")).to_be_visible()
    words.fill("spoon")
    expect(ada.page.get_by_text("Nothing found.")).to_be_visible()


def test_hostile_words_stay_words_in_quotes_lists_and_search(ada: Person, room: Room) -> None:
    first = room.post("bob", HOSTILE)
    room.post("bob", HOSTILE, reply_to=first)
    ada.opens(room)
    expect(ada.messages.last.locator(".quote")).to_contain_text(HOSTILE)
    tool(ada.messages.last, "Reply").click()
    expect(ada.page.locator("#answered")).to_contain_text(HOSTILE)
    ada.page.get_by_role("searchbox", name="Search").fill("samovar")
    found = ada.page.get_by_role("list", name="Messages that were found").get_by_role("button")
    expect(found).to_have_count(2)
    assert ada.page.locator("#chat img").count() == 0
    assert ada.page.evaluate("window.hacked") is None


# ---------------------------------------------------------------- groups


def test_a_group_is_made_named_shrunk_and_left(ada: Person, bob: Person) -> None:
    ada.opens()
    ada.page.get_by_role("textbox", name="Talk to a user").fill("2, 3")
    ada.page.get_by_role("button", name="Open").click()
    ada.says("Hello, all of you")
    about = ada.page.get_by_role("button", name="About this room")
    expect(head(ada)).to_have_text("3 members, 1 online")
    about.click()
    sheet = ada.page.get_by_role("dialog")
    members = sheet.get_by_role("list", name="Members").get_by_role("listitem")
    expect(members).to_have_count(3)
    sheet.get_by_role("textbox", name="Title").fill("Sailing club")
    sheet.get_by_role("button", name="Save").click()
    expect(ada.page.get_by_role("heading", name="Sailing club").first).to_be_visible()
    bob.opens()
    bob.page.get_by_role("button", name="Sailing club").click()
    bob.sees("Hello, all of you")
    bob.page.get_by_role("button", name="About this room").click()
    theirs = bob.page.get_by_role("dialog")
    theirs.get_by_role("button", name="Leave the group").click()
    expect(bob.page.get_by_role("button", name="Sailing club")).to_have_count(0)
    expect(members).to_have_count(2)
    ada.page.keyboard.press("Escape")
    expect(sheet).to_be_hidden()
    expect(about).to_be_focused()


def test_an_archived_room_is_out_of_the_list_until_it_is_asked_for(ada: Person, room: Room) -> None:
    room.post("ada", "Sold")
    ada.opens(room)
    entry = ada.page.locator(f'#room-list [data-room="{room.id}"]')
    expect(entry).to_be_visible()
    ada.page.get_by_role("button", name="About this room").click()
    ada.page.get_by_role("dialog").get_by_role("button", name="Archive").click()
    expect(entry).to_have_count(0)
    ada.page.get_by_role("button", name="Archived rooms").click()
    expect(entry).to_be_visible()


# ---------------------------------------------------------------- small screens


def test_the_smallest_phone_shows_all_of_it(person: Callable[..., Person], room: Room) -> None:
    first = room.post("bob", "w" * 200)
    room.post("ada", "x" * 200, reply_to=first)
    size = {"width": 320, "height": 568}
    ada = person("ada", viewport=size, is_mobile=True, has_touch=True).opens(room)
    expect(ada.texts).to_have_count(2)
    name = ada.page.get_by_role("heading", name="Bob")
    assert name.evaluate("name => name.scrollWidth <= name.clientWidth")
    ada.messages.last.tap()
    ada.messages.last.get_by_role("button", name="React").tap()
    for choice in ada.page.locator("#emoji button").all():
        expect(choice).to_be_in_viewport(ratio=1)
    ada.page.get_by_role("button", name="Laughing").tap()
    expect(chips(ada)).to_have_text("😂1")
    for each in ada.messages.last.get_by_role("button").all():
        expect(each).to_be_in_viewport(ratio=1)
    ada.page.get_by_role("button", name="About this room").tap()
    expect(ada.page.get_by_role("dialog")).to_be_in_viewport(ratio=1)
    assert ada.page.evaluate("document.documentElement.scrollWidth") <= size["width"]
    assert ada.page.evaluate("document.getElementById('scroller').scrollWidth") <= size["width"]
