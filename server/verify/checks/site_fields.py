"""Checks of what a site adds to rooms and messages: `data`, `about`, buttons, read-only rooms."""

import uuid
from typing import Any

from ....client import RoomInfo
from ..shapes import ROOM_SHOWN
from ..stage import CONTEXT, Stage, check

ABOUT = {"title": "A bicycle", "url": "https://example.com/55", "price": "120 EUR"}
BUTTONS: list[dict[str, Any]] = [
    {"id": "accept", "label": "Accept", "style": "primary", "once": True},
    {"id": "refuse", "label": "Refuse"},
    {"label": "Show", "url": "https://example.com/55"},
]


async def open_site_room(stage: Stage, **fields: Any) -> int:
    """A room of both users that the site opens; it is deleted with the others."""
    members = [stage.ada.user_id, stage.bob.user_id]
    context = f"{CONTEXT}{uuid.uuid4()}"
    room: RoomInfo = await stage.site.open_room(members, context=context, **fields)
    stage.deployment.rooms.append((stage.ada, room.room_id))
    return room.room_id


@check("messages")
async def check_data_travels_with_a_message(stage: Stage) -> None:
    """A member's `data` comes back as given, everywhere; an edit may change it."""
    limit = stage.deployment.config.get("limits", {}).get("max_data_size", 4096)
    if not limit:
        stage.report.note("members may give no data here (limits.max_data_size)")
        return
    room = await stage.open_room()
    data: dict[str, Any] = {"offer": 55, "price": "120", "list": [1, None, {"ä": True}]}
    async with (
        stage.enter(stage.ada, room, after=0, receipts="compact") as a,
        stage.enter(stage.bob, room, after=0, receipts="compact") as b,
    ):
        sent = await a.send_message("with data", data=data)
        stage.equal(sent.get("data"), data, "data comes back as it was given")
        received = await b.expect_message("with data")
        stage.equal(received.get("data"), data, "data reaches the others as it was given")
        changed = data | {"offer": 56}
        await a.act("edit", message_id=sent["message_id"], text="with data", data=changed)
        edited = await b.expect("message_edited", message_id=sent["message_id"])
        stage.equal(edited["message"].get("data"), changed, "an edit changes data")
        for wrong, code in (([1], "invalid_frame"), ({"a": "x" * limit}, "too_long")):
            error = await a.refusal("send", message="x", data=wrong)
            stage.equal(error["code"], code, f"data that is wrong or too large is {code}")
        plain = await a.send_message("without")
        stage.holds("data" not in plain, "data is left out where there is none", plain)
    async with stage.enter(stage.bob, room, after=0, receipts="compact") as b:
        found = [message.get("data") for message in b.first["messages"]]
        stage.equal(found, [changed, None], "sync carries data")
    stored = [message.get("data") for message in await stage.read_all(stage.ada, room)]
    stage.equal(stored, [changed, None], "history carries data")


@check("http")
async def check_a_room_is_marked_as_unread(stage: Stage) -> None:
    """`marked_unread` is the caller's own, and is gone once they read; `can` says what they may."""
    room = await stage.open_room()
    sent = await stage.post(stage.ada, room, "read this again")
    path = f"chat/rooms/{room}/"
    await stage.bob.json("POST", f"{path}read/", json={"message_id": sent["message_id"]})
    shown = await stage.bob.json("PATCH", path, ROOM_SHOWN, json={"marked_unread": True})
    stage.equal(shown.get("marked_unread"), True, "a room is marked as unread")
    stage.holds("send" in shown.get("can", ()), "`can` says that a member may send", shown)
    other = await stage.ada.json("GET", path, ROOM_SHOWN)
    stage.holds(not other.get("marked_unread"), "the mark is the caller's own", other)
    await stage.bob.json("POST", f"{path}read/", json={"message_id": sent["message_id"]})
    shown = await stage.bob.json("GET", path, ROOM_SHOWN)
    stage.holds(not shown.get("marked_unread"), "the mark is gone after a read", shown)


@check("http", needs_site=True)
async def check_what_a_room_is_about(stage: Stage) -> None:
    """`about` and `data` of a room are shown to members, and told when the site changes them."""
    room = await open_site_room(stage, about=ABOUT, data={"listing": 55})
    path = f"chat/rooms/{room}/"
    shown = await stage.bob.json("GET", path, ROOM_SHOWN)
    found = _given(shown.get("about")), shown.get("data")
    stage.equal(found, (ABOUT, {"listing": 55}), "a room shows what it is about")
    page = await stage.bob.json("GET", "chat/receive/?page_size=100")
    listed = [_given(r.get("about")) for r in page["results"] if r["room_id"] == room]
    stage.equal(listed, [ABOUT], "the list shows what a room is about")
    async with stage.enter(stage.bob, room, after=0) as b:
        sold = ABOUT | {"status": "sold"}
        await stage.site.update_room(room, about=sold)
        changed = await b.expect("room_changed", room_id=room)
        stage.equal(_given(changed.get("about")), sold, "room_changed says what a room is about")
    await stage.bob.request("PATCH", path, json={"about": {"title": "Mine"}})
    shown = await stage.ada.json("GET", path, ROOM_SHOWN)
    stage.equal(_given(shown.get("about")), sold, "what a room is about is the site's to change")


def _given(about: Any) -> Any:
    """The fields of `about` that say something: others may be null, or left out."""
    return about and {name: value for name, value in about.items() if value is not None}


@check("refusals", "image/png", needs_site=True)
async def check_a_frozen_room_is_read_only(stage: Stage) -> None:
    """Sends, edits, reactions and uploads are `forbidden` while a room is frozen."""
    room = await stage.open_room()
    sent = (await stage.post(stage.ada, room, "before"))["message_id"]
    async with stage.enter(stage.ada, room, after=0) as a:
        await stage.site.update_room(room, frozen=True)
        frame = await a.expect("room_changed", room_id=room)
        stage.equal(frame.get("frozen"), True, "room_changed says that a room is frozen")
        cases: dict[str, dict[str, Any]] = {
            "send": {"message": "frozen"},
            "edit": {"message_id": sent, "text": "frozen"},
            "react": {"message_id": sent, "emoji": "👍"},
        }
        for action, fields in cases.items():
            error = await a.refusal(action, **fields)
            stage.equal(error["code"], "forbidden", f"{action} in a frozen room is forbidden")
        path = f"chat/rooms/{room}/"
        answer = await stage.bob.request("POST", f"{path}messages/", json={"message": "frozen"})
        stage.equal(answer.status_code, 403, "a POST to a frozen room is 403")
        wish = {"room_id": room, "name": "a.png", "size": 68, "type": "image/png"}
        answer = await stage.ada.request("POST", "chat/attachments/", json=wish)
        stage.equal(answer.status_code, 403, "an upload to a frozen room is 403")
        stored = [message["text"] for message in await stage.read_all(stage.bob, room)]
        stage.equal(stored, ["before"], "a frozen room can be read, and is unchanged")
        await stage.site.update_room(room, frozen=False)
        await a.expect("room_changed", room_id=room)
        await a.send_message("thawed")


@check("messages", needs_site=True)
async def check_buttons_are_pressed(stage: Stage) -> None:
    """The first press of a `once` button counts; everybody gets the message as it is then."""
    room = await stage.open_room()
    posted = await stage.site.post(room, "An offer", actions=BUTTONS)
    async with (
        stage.enter(stage.ada, room, after=0, receipts="compact") as a,
        stage.enter(stage.bob, room, after=0, receipts="compact") as b,
    ):
        shown = a.first["messages"][-1]
        labels = [button.get("label") for button in shown.get("actions", ())]
        wanted = [button["label"] for button in BUTTONS]
        stage.equal((shown["sender_id"], shown.get("kind")), (None, "system"), "the site's message")
        stage.equal(labels, wanted, "a message carries its buttons")
        error = await a.refusal("act", message_id=posted.message_id, id="no-such-button")
        stage.equal(error["code"], "not_found", "an unknown button is not_found")
        await a.act("act", message_id=posted.message_id, id="accept", params={"price": "120"})
        answer = await a.next()
        if answer.get("type") == "error" and answer["code"] == "forbidden":
            stage.report.note("the site's on_action refused a button: presses are not checked")
            return
        edited = answer if answer.get("type") == "message_edited" else None
        acted = answer if edited is None else await a.next()
        stage.equal(acted.get("type"), "acted", "a press is answered with acted")
        edited = edited or await a.expect("message_edited", message_id=posted.message_id)
        other = await b.expect("message_edited", message_id=posted.message_id)
        stage.equal(other["message"], edited["message"], "a press reaches everybody alike")
        chosen = edited["message"].get("chosen", {})
        found = chosen.get("id"), chosen.get("user_id")
        stage.equal(found, ("accept", stage.ada.user_id), "the message says who chose what")
        stage.holds("actions" not in edited["message"], "the buttons are gone", edited["message"])
        for pressed in ("accept", "refuse"):
            error = await b.refusal("act", message_id=posted.message_id, id=pressed)
            stage.equal(error["code"], "conflict", "a second press is conflict")
        await b.settle()
        stage.equal(b.seen("acted"), [], "acted goes to who pressed alone")


@check("messages", needs_site=True)
async def check_messages_of_the_site(stage: Stage) -> None:
    """A system message counts as unread for every member, and members cannot change it."""
    room = await stage.open_room()
    posted = await stage.site.post(room, "A notice", client_id="n1", data={"code": 7})
    for account in (stage.ada, stage.bob):
        shown = await account.json("GET", f"chat/rooms/{room}/", ROOM_SHOWN)
        stage.equal(shown["unread"], 1, "a system message is unread for every member")
    async with stage.enter(stage.bob, room, after=0, receipts="manual") as b:
        message = b.first["messages"][-1]
        found = message["sender_id"], message.get("kind"), message.get("data")
        stage.equal(found, (None, "system", {"code": 7}), "a system message says what it is")
        for action, fields in (("edit", {"text": "mine"}), ("delete", {})):
            error = await b.refusal(action, message_id=posted.message_id, **fields)
            stage.equal(error["code"], "forbidden", f"{action} of a system message is forbidden")


@check("http", needs_site=True)
async def check_a_report_reaches_the_site(stage: Stage) -> None:
    """204 and once per reporter; another reason is 400, a message that is not there 404."""
    if stage.deployment.config.get("features", {}).get("reports") is False:
        stage.report.note("reports are turned off here")
        return
    room = await stage.open_room()
    sent = await stage.post(stage.ada, room, "reported by roomcast verify")
    path = f"chat/rooms/{room}/messages/"
    mine = f"{path}{sent['message_id']}/report/"
    body = {"reason": "other", "text": "roomcast verify"}
    for _ in range(2):
        answer = await stage.bob.request("POST", mine, json=body)
        stage.equal(answer.status_code, 204, "a report is 204, and repeatable")
    answer = await stage.bob.request("POST", mine, json=body | {"reason": "boredom"})
    stage.equal(answer.status_code, 400, "another reason is 400")
    nowhere = f"{path}{2**52}/report/"
    answer = await stage.bob.request("POST", nowhere, json=body)
    stage.equal(answer.status_code, 404, "a report of a missing message is 404")
    page = await stage.site.reports(state="open")
    reports = [each for each in page if each.message_id == sent["message_id"]]
    stage.equal(len(reports), 1, "a repeated report is stored once")
    for report in reports:
        await stage.site.resolve_report(report, note="roomcast verify")
