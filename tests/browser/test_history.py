"""Long conversations: a window over the messages, jumps, and a reader who is never moved."""

import re

import pytest
from playwright.sync_api import expect

from .conftest import SELECT, Person, Room, Server

MANY = 320
FIRST_VISIBLE = """box => {
    const top = box.getBoundingClientRect().top;
    const row = [...box.querySelectorAll('[part~=message]')].find(one => one.getBoundingClientRect().bottom > top);
    return [row.querySelector('[part=text]').textContent, Math.round(row.getBoundingClientRect().top - top)];
}"""  # noqa: E501


@pytest.fixture(scope="module")
def long(server: Server) -> tuple[Room, list[int]]:
    """A room with so many messages of bob, and their ids."""
    room = Room(server, "a long one")
    return room, [room.post("bob", f"message {number}") for number in range(MANY)]


def test_opens_at_the_first_unread_message_and_reads_what_is_seen(
    ada: Person, long: tuple[Room, list[int]]
) -> None:
    room, ids = long
    room.server.call("ada", "POST", f"chat/rooms/{room.id}/read/", {"message_id": ids[239]})
    ada.opens(room)
    expect(ada.part("new-line")).to_be_in_viewport()
    expect(ada.messages.get_by_text("message 240", exact=True)).to_be_in_viewport()
    expect(ada.part("pill")).to_contain_text("new messages")
    assert ada.messages.count() < 250
    unread = room.server.call("ada", "GET", f"chat/rooms/{room.id}/").json()["unread"]
    assert 20 < unread < 80
    ada.part("pill").click()
    expect(ada.messages.get_by_text(f"message {MANY - 1}", exact=True)).to_be_in_viewport()
    expect(ada.part("pill")).to_be_hidden()
    expect(ada.item(room).locator("[part=badge]")).to_have_count(0)


def test_only_a_window_of_the_messages_is_in_the_page(
    ada: Person, long: tuple[Room, list[int]]
) -> None:
    room, ids = long
    room.server.call("ada", "POST", f"chat/rooms/{room.id}/read/", {"message_id": ids[-1]})
    ada.opens(room)
    expect(ada.texts.last).to_have_text(f"message {MANY - 1}")
    scroller = ada.part("messages")
    while ada.page.get_by_text("message 0", exact=True).count() == 0:
        before = ada.texts.first.text_content()
        scroller.evaluate("box => box.scrollTo(0, 0)")
        expect(ada.texts.first).not_to_have_text(str(before))
        assert ada.page.locator("[part=messages] li").count() <= 250
    room.post("bob", "news")
    expect(ada.part("pill")).to_contain_text("1 new message")
    expect(ada.item(room)).to_contain_text("news")
    ada.part("pill").click()
    expect(ada.texts.last).to_have_text("news")
    expect(ada.texts.last).to_be_in_viewport()
    for message in ids[5], ids[-5], ids[100]:  # loaded, and not in the window
        ada.page.evaluate(SELECT, [room.id, message])
        text = f"message {ids.index(message)}"
        expect(ada.messages.get_by_text(text, exact=True)).to_be_in_viewport()


def test_a_link_leads_to_a_message_and_a_missing_one_is_said(
    ada: Person, long: tuple[Room, list[int]]
) -> None:
    room, ids = long
    ada.opens(room, more=f"&message={ids[30]}")
    expect(ada.page.get_by_text("message 30", exact=True)).to_be_in_viewport()
    assert ada.messages.count() < 250
    ada.opens().opens(room, more="&message=999999")
    expect(ada.page.get_by_text("This message is no longer there.")).to_be_visible()


def test_the_way_to_a_message_can_be_given_up(ada: Person, long: tuple[Room, list[int]]) -> None:
    room, ids = long
    ada.expects_errors = True  # of a request that is aborted
    room.server.call("ada", "POST", f"chat/rooms/{room.id}/read/", {"message_id": ids[-1]})
    ada.opens(room)
    expect(ada.texts.last).to_be_in_viewport()
    last = str(ada.texts.last.text_content())
    ada.page.route("**/messages/?around=*", lambda route: None)  # no answer
    ada.page.evaluate(f"location.hash += '&message={ids[30]}'")
    pill = ada.page.get_by_role("button", name="Cancel")
    pill.click()
    expect(pill).to_have_count(0)
    expect(ada.part("messages")).not_to_have_attribute("aria-busy", "true")
    ada.page.unroute("**/messages/?around=*")
    ada.page.route("**/messages/?at=*", lambda route: None)
    ada.chooses_of_room("Go to date")
    ada.answers("Go to date")
    expect(ada.part("messages")).to_have_attribute("aria-busy", "true")
    pill.click()
    expect(pill).to_have_count(0)
    expect(ada.part("messages")).not_to_have_attribute("aria-busy", "true")
    ada.page.route("**/messages/?around=*", lambda route: route.abort())
    ada.page.evaluate(f"location.hash = 'room={room.id}&message={ids[31]}'")
    expect(ada.page.get_by_text("No connection.")).to_be_visible()
    expect(ada.texts.last).to_have_text(last)


def test_a_quote_and_a_date_lead_far_away(ada: Person, long: tuple[Room, list[int]]) -> None:
    room, ids = long
    room.post("bob", "an answer", reply_to=ids[12])
    ada.opens(room)
    ada.part("quote").last.click()
    expect(ada.page.get_by_text("message 12", exact=True).last).to_be_in_viewport()
    ada.chooses_of_room("Go to date")
    ada.answers("Go to date")
    expect(ada.page.get_by_text("message 0", exact=True)).to_be_in_viewport()


def test_what_changes_above_does_not_move_the_reader(ada: Person, server: Server) -> None:
    room = Room(server, "a steady one")
    ids = [room.post("bob", f"message {number}\nand more") for number in range(60)]
    ada.opens(room)
    expect(ada.texts.last).to_contain_text(re.compile("message [45]9"))
    scroller = ada.part("messages")
    scroller.evaluate("box => box.scrollTo(0, box.scrollHeight)")
    expect(ada.texts.last).to_contain_text("message 59")
    scroller.evaluate("box => box.scrollTo(0, box.scrollHeight / 2)")
    ada.page.wait_for_timeout(200)  # the last scroll event
    before = scroller.evaluate(FIRST_VISIBLE)
    for number in (2, 4, 6):
        server.call(
            "bob", "PUT", f"chat/rooms/{room.id}/messages/{ids[number]}/reactions/%F0%9F%91%8D/"
        )
    server.call("bob", "PATCH", f"chat/rooms/{room.id}/messages/{ids[8]}/", {"text": "long\n" * 20})
    room.post("bob", "the last one")
    expect(ada.page.locator("[part=chip]")).to_have_count(3)
    expect(ada.page.get_by_text("long long")).to_have_count(1)
    text, top = scroller.evaluate(FIRST_VISIBLE)
    assert text == before[0]
    assert abs(top - before[1]) <= 2  # pixels of a screen are whole ones


def test_what_is_written_far_from_the_end_is_seen_also_without_a_connection(
    ada: Person, long: tuple[Room, list[int]]
) -> None:
    room, ids = long
    ada.expects_errors = True  # of the tries meanwhile
    ada.opens(room, more=f"&message={ids[30]}")
    expect(ada.messages.get_by_text("message 30", exact=True)).to_be_in_viewport()
    ada.context.set_offline(True)
    ada.says("from far away")
    expect(ada.messages.get_by_text("from far away", exact=True)).to_be_in_viewport()
    ada.context.set_offline(False)
    expect(ada.messages.filter(has_text="from far away")).to_have_count(1)
    expect(ada.messages.get_by_text(f"message {MANY - 1}", exact=True)).to_have_count(1)
    expect(ada.texts.last).to_have_text("from far away")
    ada.sees_status("Sent")
