"""Rooms by HTTP: opening, listing, showing, changing; and the paths that all calls share."""

import asyncio
import uuid
from typing import Any

from ..shapes import ROOM_OPENED, ROOM_PAGE, ROOM_SHOWN
from ..stage import CONTEXT, Stage, check


@check("http")
async def check_two_members_share_one_room(stage: Stage) -> None:
    """One room for each pair and context, also under concurrent calls from both sides."""
    context = f"{CONTEXT}{uuid.uuid4()}"
    calls = [
        account.request(
            "POST", "chat/create/", json={"second_user": other.user_id, "context": context}
        )
        for account, other in ((stage.ada, stage.bob), (stage.bob, stage.ada)) * 2
    ]
    answers = await asyncio.gather(*calls)
    statuses = sorted(answer.status_code for answer in answers)
    stage.equal(statuses, [200, 200, 200, 201], "one of concurrent calls opens, the others find")
    ids = {answer.json().get("room_id") for answer in answers}
    stage.equal(len(ids), 1, "concurrent calls share one room")
    opened = answers[0].json()
    stage.deployment.rooms.append((stage.ada, opened["room_id"]))
    problems = list(ROOM_OPENED(opened, "answer"))
    stage.equal(problems, [], "create answers as documented")
    stage.equal(opened["id"], opened["room_id"], "id and room_id are the same")
    stage.equal(opened.get("context"), context, "the context comes back")
    wanted = {stage.ada.user_id, stage.bob.user_id}
    stage.equal(set(opened["members"]), wanted, "the members are the two")
    elsewhere = await stage.busy_room()
    stage.holds(elsewhere not in ids, "another context is another room", elsewhere)


@check("http")
async def check_rooms_that_cannot_be(stage: Stage) -> None:
    """Bad requests to open a room, and their codes."""
    longest = stage.deployment.config.get("limits", {}).get("max_title_length", 200)
    for what, body, status in (
        ("a room with oneself", {"second_user": stage.ada.user_id}, 400),
        ("no member", {}, 400),
        ("an empty list", {"members": []}, 400),
        ("a list that is none", {"members": 5}, 400),
        ("a room of others", {"members": [stage.bob.user_id, "verify-third-member"]}, 403),
        (
            "a context over the limit",
            {"second_user": stage.bob.user_id, "context": "c" * (longest + 1)},
            400,
        ),
    ):
        answer = await stage.ada.request("POST", "chat/create/", json=body)
        stage.equal(answer.status_code, status, f"{what} is {status}")
    headers = {"Content-Type": "application/json"}
    answer = await stage.ada.request("POST", "chat/create/", content=b"{", headers=headers)
    found = answer.status_code, answer.json().get("code")
    stage.equal(found, (400, "invalid_json"), "a body that is no JSON is invalid_json")


@check("http", max_room_page_size=100)
async def check_the_room_list(stage: Stage) -> None:
    """Newest activity first, page by page, with what is unread."""
    first, second = await stage.open_room(), await stage.open_room()
    await stage.post(stage.bob, second, "older")
    sent = await stage.post(stage.bob, first, "newest")
    page = await stage.ada.json("GET", "chat/receive/?page_size=100", ROOM_PAGE)
    order = [each["room_id"] for each in page["results"]]
    ours = [room for room in order if room in (first, second)]
    stage.equal(ours, [first, second], "the newest activity is first")
    item = next((each for each in page["results"] if each["room_id"] == first), None)
    if item is not None:
        last: dict[str, Any] = item["last_message"] or {}
        found = [last.get(k) for k in ("content", "message_id", "sender_id", "from_this_user")]
        wanted = ["newest", sent["message_id"], stage.bob.user_id, False]
        stage.equal(found, wanted, "last_message is the newest message")
        stage.equal(item["unread"], 1, "unread counts the others' messages")
        members = {member["user_id"] for member in item["members"]}
        stage.equal(members, {stage.ada.user_id, stage.bob.user_id}, "members has the caller too")
    await _expect_a_reader(stage, first)
    small = await stage.ada.json("GET", "chat/recieve/?page_size=1&page=1", ROOM_PAGE)
    stage.equal(len(small["results"]), 1, "page_size is kept")
    stage.holds(small["next"], "the first page of several has a next", small["next"])
    stage.equal(small["previous"], None, "the first page has no previous")
    if small["next"]:
        following = await stage.ada.json("GET", small["next"], ROOM_PAGE)
        stage.equal(len(following["results"]), 1, "next leads to the next page")
        stage.holds(following["previous"], "the second page has a previous", following)
    for query, status in {
        "page=0": 400, "page=x": 400, "page=100000": 400,
        f"first_user={stage.bob.user_in_path}": 403, f"first_user={stage.ada.user_in_path}": 200,
    }.items():  # fmt: skip
        answer = await stage.ada.request("GET", f"chat/receive/?{query}")
        what = (
            query.partition("=")[0]
            if status == 200
            else query.replace(str(stage.bob.user_in_path), "another user")
        )
        stage.equal(answer.status_code, status, f"{what} is {status}")


async def _expect_a_reader(stage: Stage, room: int) -> None:
    """Expect that the list shows a member who reads in the room: their status and presence."""
    async with stage.enter(stage.bob, room, after=0, receipts="compact") as b:
        sent = await stage.post(stage.ada, room, "read at once")
        await b.expect("receipt", user_id=stage.bob.user_id, read=sent["message_id"])
        page = await stage.ada.json("GET", "chat/receive/?page_size=100", ROOM_PAGE)
        item: dict[str, Any] = next(
            (each for each in page["results"] if each["room_id"] == room), {}
        )
        last: dict[str, Any] = item.get("last_message") or {}
        stage.equal(last.get("status"), "read", "last_message has its status")
        online = {each["user_id"]: each["online"] for each in item.get("members", ())}
        stage.equal(online.get(stage.bob.user_id), True, "the list shows who is online")


@check("http", max_room_page_size=100)
async def check_a_room_is_shown_and_changed(stage: Stage) -> None:
    """`muted` and `archived` are the caller's own, until a new message."""
    room = await stage.open_room()
    path = f"chat/rooms/{room}/"
    shown = await stage.ada.json("GET", path, ROOM_SHOWN)
    state = shown["muted"], shown["archived"], shown["version"], shown["unread"]
    stage.equal(state, (False, False, 0, 0), "a new room is not muted, not archived, at version 0")
    changed = await stage.ada.json(
        "PATCH", path, ROOM_SHOWN, json={"muted": True, "archived": True}
    )
    stage.equal((changed["muted"], changed["archived"]), (True, True), "PATCH changes both")
    other = await stage.bob.json("GET", path, ROOM_SHOWN)
    stage.equal((other["muted"], other["archived"]), (False, False), "they are the caller's own")
    listed = await stage.ada.json("GET", "chat/receive/?page_size=100", ROOM_PAGE)
    ids = [each["room_id"] for each in listed["results"]]
    stage.holds(room not in ids, "an archived room leaves the list", ids)
    listed = await stage.ada.json("GET", "chat/receive/?archived=1&page_size=100", ROOM_PAGE)
    ids = [each["room_id"] for each in listed["results"]]
    stage.holds(room in ids, "archived=1 shows it", ids)
    await stage.post(stage.bob, room, "a new message")
    shown = await stage.ada.json("GET", path, ROOM_SHOWN)
    found = shown["archived"], shown["version"], shown["unread"]
    stage.equal(found, (False, 1, 1), "a new message brings an archived room back")


@check("http")
async def check_paths_and_methods(stage: Stage) -> None:
    """Slashes, languages, HEAD, unknown paths and wrong methods."""
    room = await stage.empty_room()
    path = f"chat/rooms/{room}"
    for spelled in (path, f"{path}/"):
        answer = await stage.ada.request("GET", spelled)
        stage.equal(answer.status_code, 200, "a path works with and without its slash")
    answer = await stage.ada.request("HEAD", f"{path}/")
    stage.equal((answer.status_code, answer.content), (200, b""), "HEAD works where GET does")
    languages = stage.deployment.config.get("languages") or ["en"]
    base = stage.deployment.base
    for language in languages:
        answer = await stage.ada.request("GET", f"{base}/{language}/api/v1/{path}/")
        stage.equal(answer.status_code, 200, "a path works with each language in front")
    answer = await stage.ada.request("GET", f"{base}/xx/api/v1/{path}/")
    stage.equal(answer.status_code, 404, "an unknown language is 404")
    answer = await stage.ada.request("GET", "chat/nowhere/")
    stage.equal(answer.status_code, 404, "an unknown path is 404")
    answer = await stage.ada.request("PUT", "chat/create/")
    stage.equal(answer.status_code, 405, "a wrong method is 405")
    answer = await stage.ada.request("GET", "chat/rooms/9007199254740990/")
    stage.equal(answer.status_code, 404, "a room that is not there is 404")
