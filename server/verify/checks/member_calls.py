"""Calls of members beside messages: who they are, HTTP twins of actions, places in history."""

from typing import Any
from urllib.parse import quote

from ..shapes import (
    MESSAGE_PAGE,
    Fields,
    anything,
    boolean,
    identifier,
    list_of,
    moment,
    optional_null,
    positive,
    text,
    user,
)
from ..stage import Stage, check

ME = Fields(
    {
        "user_id": user,
        "name": optional_null(text),
        "picture": optional_null(text),
        "expires_at": optional_null(moment),
    }
)
LIMITS = (
    "max_text_length", "max_title_length", "max_data_size", "max_client_id_length",
    "max_emoji_length", "max_frame_size", "max_members", "max_reactions_per_message",
    "max_resume_changes", "history_page_size", "max_history_page_size", "room_page_size",
    "max_room_page_size",
)  # fmt: skip
CONFIG = Fields(
    {
        "limits": Fields(dict.fromkeys(LIMITS, identifier)),
        "attachments": Fields(
            {"types": list_of(text), "max_size": positive, "max_files": positive}
        ),
        "features": Fields({"open_rooms": boolean, "reports": boolean, "push": anything}),
        "languages": list_of(text),
    }
)


@check("http")
async def check_who_one_is_and_what_is_allowed(stage: Stage) -> None:
    """`chat/me/` says who the token is; `chat/config/` needs none."""
    me = await stage.ada.json("GET", "chat/me/", ME)
    stage.equal(me["user_id"], stage.ada.user_id, "chat/me/ says who the token is")
    answer = await stage.ada.http.get(f"{stage.deployment.base}/api/v1/chat/config/")
    stage.equal(answer.status_code, 200, "chat/config/ needs no token")
    stage.equal(list(CONFIG(answer.json(), "config")), [], "chat/config/ is as documented")


@check("http")
async def check_requests_about_messages_that_are_refused(stage: Stage) -> None:
    """Reports and presses of messages, buttons and reasons that are not there."""
    room = await stage.busy_room()
    path = f"chat/rooms/{room}/messages/"
    sent = f"{path}{(await stage.post(stage.ada, room, 'no buttons'))['message_id']}/"
    nowhere = f"{path}{2**52}/"
    for call, body, status in (
        (f"{sent}report/", {"reason": "boredom"}, 400),
        (f"{nowhere}report/", {"reason": "other"}, 404),
        (f"{sent}act/", {"id": "accept"}, 404),
        (f"{nowhere}act/", {"id": "accept"}, 404),
        (f"{sent}act/", {}, 400),
    ):
        answer = await stage.bob.request("POST", call, json=body)
        stage.equal(answer.status_code, status, f"POST of {call.split('/')[-2]}: {status}")
    for method, call in (
        ("PATCH", nowhere),
        ("DELETE", nowhere),
        ("PUT", f"{nowhere}reactions/x/"),
    ):
        answer = await stage.bob.request(method, call, json={"text": "x"})
        stage.holds(answer.status_code in (400, 404), f"{method} of a missing message", answer.text)
    async with stage.enter(stage.bob, room, after=1) as b:
        error = await b.refusal("act", message_id=2**52, id="accept")
        found = error["code"], error.get("message_id")
        stage.equal(found, ("not_found", 2**52), "act on a missing message is not_found")


@check("messages")
async def check_http_twins_of_actions(stage: Stage) -> None:
    """PATCH, DELETE and reactions by HTTP: the same rules and the same frames."""
    room = await stage.open_room()
    sent = await stage.post(stage.ada, room, "before")
    path = f"chat/rooms/{room}/messages/{sent['message_id']}/"
    emoji = f"{path}reactions/{quote('👍')}/"
    async with stage.enter(stage.bob, room, after=1, receipts="compact") as b:
        edited = await stage.ada.json("PATCH", path, json={"text": "after"})
        frame = await b.expect("message_edited", version=2)
        stage.equal(edited["text"], frame["text"], "PATCH edits, and tells the room")
        answer = await stage.bob.request("PATCH", path, json={"text": "not mine"})
        stage.equal(answer.status_code, 403, "PATCH of somebody else's message is 403")
        for _ in range(2):
            reacted = await stage.bob.json("PUT", emoji)
            users = [reaction["user_ids"] for reaction in reacted["reactions"]]
            stage.equal(users, [[stage.bob.user_id]], "PUT of a reaction is idempotent")
        await b.expect("message_reacted", version=3)
        for _ in range(2):
            reacted = await stage.bob.json("DELETE", emoji)
            stage.equal(reacted["reactions"], [], "DELETE of a reaction is idempotent")
        await b.expect("message_reacted", version=4)
        answer = await stage.bob.request("DELETE", path)
        stage.equal(answer.status_code, 403, "DELETE of somebody else's message is 403")
        answer = await stage.ada.request("DELETE", path)
        stage.equal(answer.status_code, 204, "DELETE deletes")
        await b.expect("message_deleted", version=5)
        answer = await stage.ada.request("DELETE", path)
        stage.equal(answer.status_code, 404, "DELETE of a deleted message is 404")


@check("messages")
async def check_places_in_history(stage: Stage) -> None:
    """`around` an id, `after` an id, and `at` a time, by socket and by HTTP."""
    room = await stage.open_room()
    sent = [await stage.post(stage.ada, room, f"m{n}") for n in range(7)]
    ids = [message["message_id"] for message in sent]
    async with stage.enter(stage.ada, room, after=7) as a:

        async def place(**query: Any) -> tuple[list[int], Any, Any]:
            await a.act("history", **query)
            page = await a.expect("history")
            found = [message["message_id"] for message in page["messages"]]
            return found, page["has_more"], page.get("has_newer")

        found, older, newer = await place(around=ids[3], limit=3)
        stage.holds(ids[3] in found and len(found) <= 3, "around holds the message", found)
        stage.equal((older, newer), (True, True), "around says that there are more on both sides")
        found, more, _ = await place(after=ids[1], limit=2)
        stage.equal((found, more), (ids[2:4], True), "after goes on from an id")
        found, _, newer = await place(at=sent[5]["created_at"])
        stage.holds(ids[5] in found, "at holds the first message at or after a time", found)
        stage.equal(newer, False, "and says whether there are newer ones")
        error = await a.refusal("history", at="yesterday")
        stage.equal(error["code"], "invalid_frame", "at must be a time")
        await a.act("delete", message_id=ids[3])
        await a.expect("message_deleted")
        found, older, newer = await place(around=ids[3], limit=2)
        what = "around a deleted message is what surrounds its place"
        stage.equal((found, older, newer), ([ids[2], ids[4]], True, True), what)
    path = f"chat/rooms/{room}/messages/"
    page = await stage.ada.json("GET", f"{path}?around={ids[4]}&limit=3", MESSAGE_PAGE)
    stage.holds(ids[4] in [m["message_id"] for m in page["messages"]], "around by HTTP", page)
    more = page["has_more"], page.get("has_newer")
    stage.equal(more, (True, True), "around by HTTP says that there are more on both sides")
    page = await stage.ada.json("GET", f"{path}?after={ids[5]}", MESSAGE_PAGE)
    last = [m["message_id"] for m in page["messages"]], page["has_more"], page.get("has_newer")
    stage.equal(last, ([ids[6]], False, False), "after by HTTP says whether there are newer ones")
    page = await stage.ada.json("GET", f"{path}?at={sent[0]['created_at'][:19]}Z", MESSAGE_PAGE)
    stage.holds(ids[0] in [m["message_id"] for m in page["messages"]], "at by HTTP", page)
