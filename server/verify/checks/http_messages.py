"""Messages by HTTP: pages, sending, reading, searching, exporting."""

import json
from typing import Any

from ..shapes import (
    MESSAGE_PAGE,
    RECEIPT,
    UNREAD,
    Fields,
    an_object,
    boolean,
    identifier,
    list_of,
    message,
    moment,
    optional_null,
    text,
    user,
)
from ..stage import Stage, check

EXPORT_LINES = {
    "user": Fields({"user_id": user, "name": optional_null(text), "picture": optional_null(text)}),
    "room": Fields(
        {"room_id": identifier, "title": optional_null(text), "context": optional_null(text),
         "created_at": moment, "members": list_of(user), "muted": boolean, "archived": boolean},
        {"about": an_object, "data": an_object, "frozen": boolean, "marked_unread": boolean},
    ),
    "message": Fields({"message": message}),
    "left_room": Fields({"room_id": identifier}),
    "reaction": Fields(
        {"room_id": identifier, "message_id": identifier, "emoji": text, "created_at": moment}
    ),
    "block": Fields({"user_id": user, "created_at": moment}),
    "end": Fields({"messages": identifier}),
}  # fmt: skip


@check("http")
async def check_pages_of_messages(stage: Stage) -> None:
    """`before`, `after`, `limit`, and whether there are more that way."""
    room = await stage.open_room()
    ids = [(await stage.post(stage.ada, room, f"m{n}"))["message_id"] for n in range(5)]

    async def page(query: str) -> tuple[list[int], bool]:
        path = f"chat/rooms/{room}/messages/?{query}"
        found = await stage.bob.json("GET", path, MESSAGE_PAGE)
        return [message["message_id"] for message in found["messages"]], found["has_more"]

    stage.equal(await page(""), (ids, False), "without a query: the newest, oldest first")
    stage.equal(await page("limit=2"), (ids[3:], True), "limit is kept")
    stage.equal(await page(f"before={ids[2]}&limit=1"), (ids[1:2], True), "before an id")
    stage.equal(await page(f"after={ids[2]}&limit=1"), (ids[3:4], True), "after an id")
    stage.equal(await page(f"after={ids[2]}"), (ids[3:], False), "after an id to the end")
    stage.equal(await page("after=0&limit=2"), (ids[:2], True), "after=0 is from the beginning")
    answer = await stage.bob.request("GET", f"chat/rooms/{room}/messages/?before=x")
    stage.equal(answer.status_code, 400, "before must be an id")


@check("http")
async def check_a_message_by_http_is_as_by_socket(stage: Stage) -> None:
    """Messages by HTTP obey the rules of the socket, and everybody receives the same frames."""
    limit = stage.deployment.config.get("limits", {}).get("max_text_length", 4_000)
    room = await stage.open_room()
    async with stage.enter(stage.bob, room, after=0, receipts="compact") as b:
        sent = await stage.post(stage.ada, room, "by http", client_id="n1")
        frame = await b.expect("chat_message")
        stage.equal(frame["message"], sent | {"status": "send"}, "both see the same message")
        for body, code in (
            ({"message": ""}, "empty_message"),
            ({"message": "x" * (limit + 1)}, "too_long"),
            ({"message": 5}, "invalid_frame"),
            ({"message": "x", "reply_to": 2**53 - 2}, "not_found"),
        ):
            path = f"chat/rooms/{room}/messages/"
            answer = await stage.ada.request("POST", path, json=body)
            stage.equal(answer.json().get("code"), code, f"POST of a message: {code}")
        await b.settle()
        stage.equal(len(b.seen("chat_message")), 1, "what is refused by HTTP reaches nobody")
    body = {"message_id": sent["message_id"]}
    receipt = await stage.bob.json("POST", f"chat/rooms/{room}/read/", RECEIPT, json=body)
    found = receipt["user_id"], receipt["read"], receipt["delivered"]
    id_ = sent["message_id"]
    stage.equal(found, (stage.bob.user_id, id_, id_), "read answers the caller's receipt")


@check("http")
async def check_unread_counts(stage: Stage) -> None:
    """`chat/unread/` counts the others' messages, by room, until they are read."""
    room = await stage.open_room()
    sent = [await stage.post(stage.ada, room, f"m{n}") for n in range(3)]

    async def entry() -> Any:
        unread = await stage.bob.json("GET", "chat/unread/", UNREAD)
        return next((e for e in unread["messages"] if e["room_id"] == room), None)

    found = await entry() or {}
    values = [found.get(k) for k in ("counter_by_room", "last_message", "sender_id")]
    stage.equal(values, [3, "m2", stage.ada.user_id], "unread messages are counted by room")
    await stage.ada.request("PATCH", f"chat/rooms/{room}/", json={"muted": True})
    body = {"message_id": sent[1]["message_id"]}
    await stage.bob.json("POST", f"chat/rooms/{room}/read/", RECEIPT, json=body)
    found = await entry() or {}
    stage.equal(found.get("counter_by_room"), 1, "what was read is not counted")
    await stage.bob.json(
        "POST", f"chat/rooms/{room}/read/", RECEIPT, json={"message_id": sent[2]["message_id"]}
    )
    stage.equal(await entry(), None, "a room that was read is in no counter")


@check("http")
async def check_an_export_is_the_callers(stage: Stage) -> None:
    """JSON lines: the first says whose they are, the last how many messages there were."""
    room = await stage.open_room()
    await stage.post(stage.ada, room, "exported")
    headers = {"Authorization": f"Bearer {stage.ada.token}"}
    url = f"{stage.deployment.base}/api/v1/chat/export/"
    await stage.ada.pace.wait()
    async with stage.ada.http.stream("GET", url, headers=headers) as answer:
        kind = answer.headers.get("content-type", "").partition(";")[0]
        stage.equal((answer.status_code, kind), (200, "application/x-ndjson"), "export streams")
        lines = [json.loads(line) async for line in answer.aiter_lines()]
    for line in lines:
        fields = {name: value for name, value in line.items() if name != "type"}
        kind = line.get("type")
        problems = list(EXPORT_LINES[kind](fields, kind)) if kind in EXPORT_LINES else [kind]
        stage.equal(problems, [], f"a line of the type {kind} is as documented")
    found = lines[0].get("type"), lines[0].get("user_id")
    stage.equal(found, ("user", stage.ada.user_id), "the first line says whose data it is")
    messages = [line["message"] for line in lines if line.get("type") == "message"]
    theirs = {message["sender_id"] for message in messages}
    stage.equal(theirs, {stage.ada.user_id}, "an export holds the caller's messages alone")
    ours = [m["text"] for m in messages if m["room_id"] == room]
    stage.equal(ours, ["exported"], "an export holds every message of the caller")
    end = {"type": "end", "messages": len(messages)}
    stage.equal(lines[-1], end, "the last line counts the messages")
