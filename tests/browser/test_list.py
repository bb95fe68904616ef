"""The list of conversations: who is there, what is unread, what is found."""

import re
from collections.abc import Callable

from playwright.sync_api import Route, expect

from .conftest import Person, Room, Server

HTTP = "api/v1/chat/receive/"


def test_rows_follow_what_happens_without_asking_again(
    ada: Person, bob: Person, server: Server, room: Room
) -> None:
    ada.opens(room)
    expect(ada.item(room)).to_be_visible()
    other = Room(server, "elsewhere")
    bob.opens(other)
    bob.says("Psst")
    row = ada.item(other)
    expect(row).to_contain_text("Psst")
    expect(row.locator("[part=badge]")).to_have_text("1")
    expect(ada.page.locator("[part=list] > li").first).to_contain_text("Psst")
    expect(ada.page).to_have_title(re.compile(r"^\(\d+\) roomcast$"))
    asked = len([url for url in ada.requests if HTTP in url])
    for word in ("one", "two", "three"):
        bob.says(word)
    expect(row).to_contain_text("three")
    expect(row.locator("[part=badge]")).to_have_text("4")
    assert len([url for url in ada.requests if HTTP in url]) == asked
    row.click()
    expect(row.locator("[part=badge]")).to_have_count(0)
    expect(row).to_have_attribute("aria-current", "true")


def test_older_rooms_come_when_the_end_is_near(ada: Person, server: Server, room: Room) -> None:
    room.post("ada", "hello")
    page = server.call("ada", "GET", "chat/receive/").json()
    row = next(one for one in page["results"] if one["room_id"] == room.id)
    pages = [(range(1, 41), "a"), (range(41, 81), "b"), (range(81, 91), None)]

    def answer(route: Route) -> None:
        ids, cursor = pages.pop(0)
        results = []
        for n in ids:
            last = row["last_message"] | {"created_at": f"{2000 - n}-01-01T00:00:00Z"}
            results.append(row | {"room_id": 1_000_000 + n, "last_message": last})
        following = cursor and f"{server.url}{HTTP}?cursor={cursor}"
        route.fulfill(json=page | {"results": results, "next": following})

    ada.page.route(f"**/{HTTP}*", answer)
    ada.opens()
    rows = ada.page.locator("[part=item]")
    for count in (40, 80, 90):
        expect(rows).to_have_count(count)
        rows.last.scroll_into_view_if_needed()
    expect(ada.page.locator("[part=item][tabindex='0']")).to_have_count(1)


def test_a_press_that_spans_a_change_opens_the_room(
    ada: Person, server: Server, room: Room
) -> None:
    first, second = Room(server, "press one"), Room(server, "press two")
    first.post("bob", "hi")
    second.post("bob", "hi")
    ada.opens()
    ada.item(first).hover()
    ada.page.mouse.down()
    room.post("bob", "something new")
    ada.page.wait_for_timeout(600)  # the frame has come; the rows wait for the release
    ada.page.mouse.up()
    expect(ada.item(first)).to_have_attribute("aria-current", "true")
    expect(ada.item(room)).to_contain_text("something new")


def test_filters_and_search(ada: Person, server: Server, room: Room) -> None:
    room.post("bob", "The blue teapot stands in the attic")
    ada.opens()
    ada.page.get_by_role("button", name="Unread", exact=True).click()
    expect(ada.item(room)).to_be_visible()
    ada.page.get_by_role("button", name="All", exact=True).click()
    search = ada.page.get_by_role("searchbox", name="Search")
    search.fill("teapot")
    found = ada.page.locator(".result")
    expect(found).to_have_count(1)
    expect(found.locator("mark")).to_have_text("teapot")
    found.focus()
    ada.page.keyboard.press("Enter")
    expect(ada.texts.last).to_be_in_viewport()
    expect(ada.messages.last).to_be_focused()
    search.fill("spoon")
    expect(ada.page.get_by_text("Nothing found").first).to_be_visible()
    search.press("Escape")
    expect(ada.item(room)).to_be_visible()


def test_a_conversation_is_muted_and_archived(ada: Person, room: Room) -> None:
    room.post("bob", "Sold")
    ada.opens(room)
    ada.chooses_of_room("Mute")
    expect(ada.item(room).get_by_label("Muted")).to_be_visible()
    ada.chooses_of_room("Archive")
    expect(ada.item(room)).to_have_count(0)
    ada.page.get_by_role("button", name="Archived", exact=True).click()
    expect(ada.item(room)).to_be_visible()
    expect(ada.page.get_by_role("heading", name="Archived")).to_be_visible()


def test_a_draft_stands_in_the_list(ada: Person, server: Server, room: Room) -> None:
    other = Room(server, "another")
    ada.opens(room)
    ada.composer.fill("half a sente")
    ada.item(other).click()
    expect(ada.item(room)).to_contain_text("Draft: half a sente")
    expect(ada.composer).to_have_value("")
    ada.item(room).click()
    expect(ada.composer).to_have_value("half a sente")
    ada.page.reload()
    expect(ada.composer).to_have_value("half a sente")


def test_arrows_and_shortcuts(ada: Person, server: Server, room: Room) -> None:
    for name in ("keys one", "keys two"):
        Room(server, name).post("bob", name)
    ada.opens()
    rows = ada.page.locator("[part=item]")
    rows.first.focus()
    ada.page.keyboard.press("ArrowDown")
    expect(rows.nth(1)).to_be_focused()
    assert ada.page.locator('[part=item][tabindex="0"]').count() == 1
    ada.page.keyboard.press("Enter")
    expect(ada.composer).to_be_focused()
    ada.page.keyboard.press("Alt+ArrowUp")
    expect(rows.first).to_have_attribute("aria-current", "true")


def test_a_group_is_named_grown_and_left(ada: Person, bob: Person, server: Server) -> None:
    room = server.call("ada", "POST", "chat/create/", {"members": [1, 2, 3]}).json()["room_id"]
    ada.opens()
    ada.page.locator(f'[data-room="{room}"]').click()
    ada.says("Hello, all of you")
    ada.chooses_of_room("Details")
    sheet = ada.part("dialog")
    expect(sheet.get_by_role("listitem")).to_have_count(3)
    colour = ada.page.locator(f'[data-room="{room}"] .avatar').get_attribute("class")
    sheet.get_by_label("Group name").fill("Sailing club")
    sheet.get_by_role("button", name="Save").click()
    expect(ada.part("title")).to_have_text("Sailing club")
    bob.opens()
    bob.page.locator(f'[data-room="{room}"]').click()
    bob.sees("Hello, all of you")
    expect(bob.part("title")).to_have_text("Sailing club")
    ada.page.keyboard.press("Escape")
    assert ada.page.locator(f'[data-room="{room}"] .avatar').get_attribute("class") == colour
    read = "room => document.querySelector('roomcast-inbox').session.room(room).snapshot.readBy.some(one => one.user_id === 2 && one.read)"  # noqa: E501
    ada.page.wait_for_function(read, arg=room)
    ada.messages.last.press("Enter")
    expect(ada.part("menu")).to_contain_text("Read by Bob")
    ada.page.keyboard.press("Escape")
    bob.chooses_of_room("Leave group")
    bob.answers("Leave group")
    expect(bob.page.locator(f'[data-room="{room}"]')).to_have_count(0)
    notes = ada.part("messages").locator(".note")
    expect(notes).to_have_text(["Bob is no longer in the group."])
    server.call("ada", "POST", f"chat/rooms/{room}/members/", {"user_id": 2})
    told = ["Bob is no longer in the group.", "Bob joined the group."]
    expect(notes).to_have_text(told)
    ada.page.reload()
    expect(notes).to_have_text(told)
    ada.chooses_of_room("Details")
    sheet.get_by_role("button", name="Remove Bob").click()
    expect(sheet).to_contain_text("Remove Bob from this group?")
    ada.answers("Remove Bob")
    expect(sheet.get_by_role("listitem")).to_have_count(2)
    expect(notes).to_have_text([*told, "Bob is no longer in the group."])


def test_back_on_a_phone_leads_to_the_row_one_came_from(
    person: Callable[..., Person], server: Server
) -> None:
    rooms = [Room(server, f"phone {number}") for number in range(14)]
    size = {"width": 390, "height": 700}
    ada = person("ada", viewport=size, is_mobile=True, has_touch=True).opens()
    ada.item(rooms[0]).scroll_into_view_if_needed()
    place = ada.page.locator(".rows").evaluate("box => box.scrollTop")
    ada.item(rooms[0]).tap()
    expect(ada.composer).to_be_visible()
    expect(ada.part("list")).to_be_hidden()
    ada.part("header").get_by_role("button", name="Back").tap()
    expect(ada.item(rooms[0])).to_be_focused()
    expect(ada.item(rooms[0])).to_be_in_viewport()
    assert ada.page.locator(".rows").evaluate("box => box.scrollTop") == place
    ada.item(rooms[0]).tap()
    ada.page.go_back()
    expect(ada.part("list")).to_be_visible()


def test_a_user_without_conversations_is_told_so(ada: Person) -> None:
    ada.page.route(f"**/{HTTP}*", lambda route: route.fulfill(json={"results": [], "next": None}))
    ada.opens()
    expect(ada.page.get_by_text("No conversations yet")).to_be_visible()
    expect(ada.page.get_by_role("button", name="New conversation")).to_be_hidden()


def test_a_conversation_begins_with_somebody_who_is_found_by_name(
    ada: Person, server: Server, room: Room
) -> None:
    group = {"members": [1, 2, 3]}
    for name in ("bob", "eve"):
        server.call(name, "GET", "chat/me/")  # has a name by this
    server.call("ada", "POST", "chat/create/", group)
    ada.opens()
    ada.page.get_by_role("button", name="New conversation").click()
    dialog = ada.part("dialog")
    field = dialog.get_by_role("searchbox", name="Name")
    expect(field).to_be_focused()
    people = dialog.get_by_role("radio")
    expect(people).to_have_count(2)
    for nobody in ("dora", "3", "Eve 3"):
        field.fill(nobody)
        expect(dialog.get_by_text("Nothing found")).to_be_visible()
        field.press("Enter")
        expect(people).to_have_count(0)
    field.fill("EV")
    expect(dialog.get_by_role("radio", name="Eve")).to_be_checked()
    field.press("Enter")
    expect(ada.part("title")).to_have_text("Eve")
    expect(ada.composer).to_be_focused()


def test_the_list_says_that_there_is_no_connection(ada: Person, room: Room) -> None:
    ada.expects_errors = True
    ada.opens()
    expect(ada.item(room)).to_be_visible()
    ada.context.set_offline(True)
    expect(ada.page.get_by_text("No connection.")).to_be_visible()
    ada.item(room).click()
    expect(ada.part("header").locator("xpath=..").get_by_text("No connection.")).to_be_visible()
    expect(ada.page.get_by_text("No connection.")).to_have_count(1)
    ada.context.set_offline(False)
    expect(ada.page.get_by_text("No connection.")).to_be_hidden()
