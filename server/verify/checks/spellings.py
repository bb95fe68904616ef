"""Checks of what requests may leave open: unknown fields, spellings of ids, types of bodies."""

import json
import uuid
from urllib.parse import quote

import httpx

from ..shapes import MESSAGE_PAGE, ROOM_SHOWN
from ..stage import CONTEXT, Stage, check


@check("http")
async def check_unknown_fields_are_ignored(stage: Stage) -> None:
    """Unknown fields and parameters change nothing, and ids may be decimal strings."""
    room = await stage.open_room(nonsense={"deep": [None]})
    path = f"chat/rooms/{room}/messages/"
    sent = await stage.post(stage.ada, room, "with more", nonsense=[1])
    page = await stage.bob.json("GET", f"{path}?nonsense=1&limit=1", MESSAGE_PAGE)
    found = [message["message_id"] for message in page["messages"]]
    stage.equal(found, [sent["message_id"]], "unknown parameters are ignored")
    shown = await stage.bob.json("PATCH", f"chat/rooms/{room}/", ROOM_SHOWN, json={"nonsense": 1})
    stage.equal(shown["room_id"], room, "an unknown field of a PATCH is ignored")
    async with stage.enter(stage.ada, room, after=0, nonsense="x") as a:
        answer = await a.send_message(
            "an answer", nonsense={"deep": [None]}, reply_to=str(sent["message_id"])
        )
        quoted = (answer.get("reply_to") or {}).get("message_id")
        stage.equal(quoted, sent["message_id"], "an id may be a decimal string")
        await a.act("edit", message_id=str(answer["message_id"]), text="edited", nonsense=None)
        await a.expect("message_edited", message_id=answer["message_id"], text="edited")
        await a.act("ping", nonsense=0)
        await a.expect("pong")


@check("http")
async def check_bodies_are_json(stage: Stage) -> None:
    """A body is JSON whatever its Content-Type; of what is none nothing is stored."""
    room = await stage.open_room()
    path = f"chat/rooms/{room}/messages/"
    for kind in ("text/plain", "application/x-www-form-urlencoded"):
        body = json.dumps({"message": kind}).encode()
        headers = {"Content-Type": kind}
        answer = await stage.ada.request("POST", path, content=body, headers=headers)
        stage.equal(answer.status_code, 201, f"a body of the type {kind} is JSON")
    for body, code in ((b"{", "invalid_json"), (b"[]", "invalid_frame")):
        answer = await stage.ada.request("POST", path, content=body)
        stage.equal(_code_of(answer), code, f"the body {body.decode()} is {code}")
    body = b'{"message": "a\\u0000b"}'
    answer = await stage.ada.request("POST", path, content=body)
    stage.equal(_code_of(answer), "invalid_frame", "a NUL in a text is invalid_frame by HTTP")
    stored = [message["text"] for message in await stage.read_all(stage.bob, room)]
    wanted = ["text/plain", "application/x-www-form-urlencoded"]
    stage.equal(stored, wanted, "a refused body stores nothing")


@check("http")
async def check_older_spellings_of_create(stage: Stage) -> None:
    """A user id may be a string, and the users may be in the query, as first clients have it."""
    context = f"{CONTEXT}{uuid.uuid4()}"
    room = await stage.open_room(context=context)
    body = {"second_user": str(stage.bob.user_id), "context": context}
    answer = await stage.ada.request("POST", "chat/create/", json=body)
    found = answer.status_code, answer.json().get("room_id")
    stage.equal(found, (200, room), "a user id in a request may be a string")
    ada, bob = (quote(str(account.user_id), safe="") for account in (stage.ada, stage.bob))
    ids: set[int] = set()
    for query in (
        f"second_user={bob}",
        f"first_user={ada}&second_user={bob}",
        f"first_profile_id={ada}&second_profile_id={bob}",
    ):
        answer = await stage.ada.request("POST", f"chat/create/?{query}")
        opened = answer.json()
        if answer.status_code == 201:
            stage.deployment.rooms.append((stage.ada, opened["room_id"]))
        stage.holds(answer.status_code in (200, 201), f"create with {query.partition('=')[0]}=")
        ids.add(opened.get("room_id", 0))
    stage.equal(len(ids), 1, "all spellings of create open the same room")


@check("http")
async def check_documents_of_the_interface(stage: Stage) -> None:
    """OpenAPI 3.1 and AsyncAPI 3 as JSON, and a page to try them out, which needs no token."""
    base = f"{stage.deployment.base}/api/v1"
    for name, field, version in (("schema", "openapi", "3.1"), ("asyncapi", "asyncapi", "3.")):
        answer = await stage.ada.http.get(f"{base}/{name}/")
        found = answer.json().get(field, "")
        stage.holds(str(found).startswith(version), f"{name}/ is {field} {version}", found)
    answer = await stage.ada.http.get(f"{base}/swagger/")
    kind = answer.headers.get("content-type", "")
    stage.holds(kind.startswith("text/html"), "swagger/ is a page", kind)


def _code_of(answer: httpx.Response) -> str:
    return str(answer.json().get("code"))
