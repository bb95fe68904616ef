"""Checks of what notifications show of a room, in both of their shapes, and how often."""

import time
from typing import Any

from ..probe import ProbeSocket
from ..shapes import UNREAD
from ..stage import Stage, check
from .files import PNG, inline
from .notifications import PATH, entry_of

RATE = 5  # frames a second at most
MANY = 20  # messages that would be as many frames
MOVING = ("status", "sender_status")  # of an entry: they may change between two answers


async def expect_entry(socket: ProbeSocket, room: int, **wanted: Any) -> dict[str, Any]:
    """Return the first entry of a room that has these values."""
    while True:
        frame = await socket.expect("notify")
        for entry in frame["messages"]:
            if entry["room_id"] == room and all(entry.get(k) == v for k, v in wanted.items()):
                found: dict[str, Any] = entry
                return found


@check("notifications", "image/png")
async def check_what_a_notification_shows(stage: Stage) -> None:
    """The newest unread message as it is by now: edited, deleted, with files, of who is online."""
    room = await stage.open_room()
    async with (
        stage.knock(stage.bob, "?format=flat", PATH) as b,
        stage.enter(stage.ada, room, after=0, receipts="compact") as a,
    ):
        first = await a.send_message("first")
        await expect_entry(b, room, last_message="first", status="delivered")
        second = await a.send_message("second")
        entry = await expect_entry(b, room, last_message="second", counter_by_room=2)
        shown = entry["sender_id"], entry["sender_status"], entry["created_at"]
        wanted = stage.ada.user_id, "online", second["created_at"]
        stage.equal(shown, wanted, "notify shows the newest message and its sender")
        await a.act("edit", message_id=second["message_id"], text="edited")
        await expect_entry(b, room, last_message="edited", counter_by_room=2)
        await a.act("delete", message_id=second["message_id"])
        await expect_entry(b, room, last_message="first", counter_by_room=1)
        await a.act("send", message="", file=inline("a dot.png", PNG, "image/png"))
        entry = await expect_entry(b, room, last_message="", counter_by_room=2)
        files = [each.get("file_name") for each in entry.get("attachments", ())]
        stage.equal(files, ["a dot.png"], "notify lists the files of a message")
        await a.act("delete", message_id=first["message_id"])
        answer = await stage.ada.request("DELETE", f"chat/delete/{room}")
        stage.equal(answer.status_code, 204, "a room with unread messages is deleted")
        await entry_of(b, room, None)


@check("notifications")
async def check_notifications_are_joined(stage: Stage) -> None:
    """However many messages come, there are at most five frames a second."""
    room = await stage.open_room()
    async with (
        stage.knock(stage.bob, "?format=flat", PATH) as b,
        stage.enter(stage.ada, room, after=0, receipts="compact") as a,
    ):
        await b.next()
        began = time.monotonic()
        for number in range(MANY):
            await a.act("send", message=f"m{number}")
        await entry_of(b, room, MANY)
        most = RATE * (time.monotonic() - began) + 2
        count = len(b.seen("notify")) - 1
        stage.holds(count <= most, f"notify comes at most {RATE} times a second", count)


@check("notifications")
async def check_a_token_is_renewed_on_notifications(stage: Stage) -> None:
    """`auth` is taken with a token of the same user; other actions are invalid_frame."""
    async with stage.knock(stage.bob, "?format=flat", PATH) as b:
        await b.act("auth", token=stage.bob.token)
        await b.expect("auth")
        error = await b.refusal("auth", token=stage.ada.token)
        stage.equal(error["code"], "forbidden", "another user's token is forbidden")
        for action, fields in (("history", {}), ("typing", {}), ("read", {"message_id": 1})):
            error = await b.refusal(action, **fields)
            stage.equal(error["code"], "invalid_frame", "notifications take ping and auth only")
        await b.settle()


@check("notifications", alone=True)
async def check_all_shapes_are_equal(stage: Stage) -> None:
    """Flat, nested and by HTTP: the same counter and the same rooms."""
    room = await stage.open_room()
    await stage.post(stage.ada, room, "in three shapes")
    async with stage.knock(stage.bob, "?format=flat", PATH) as b:
        await expect_entry(b, room, status="delivered")
        flat = b.seen("notify")[-1]
    async with stage.knock(stage.bob, "", PATH) as b:
        nested = (await b.next())["messages"]
    by_http = await stage.bob.json("GET", "chat/unread/", UNREAD)
    stage.equal(_lasting(nested), _lasting(flat), "nested notify equals the flat one")
    stage.equal(_lasting(by_http), _lasting(flat), "chat/unread/ equals notify")


def _lasting(unread: dict[str, Any]) -> tuple[Any, list[dict[str, Any]]]:
    """The counter and the rooms, without what may change at any time."""
    rooms = [{k: v for k, v in entry.items() if k not in MOVING} for entry in unread["messages"]]
    return unread["counter"], sorted(rooms, key=lambda entry: int(entry["room_id"]))
