"""Every operation of OpenAPI and AsyncAPI by everybody: as documented; a refusal stores nothing."""

from typing import Any

from httpx_ws import AsyncWebSocketSession, WebSocketDisconnect

from .world import ROLES, Place, World, body_of, path_of

OUTSIDE = ("/files", "/healthz", "/readyz", "/metrics")  # of /api/v1
TRIES = 10  # what was deleted before is still being cleared away; a refusal that writes always does
REFUSED_FIRST = sorted(ROLES, key=lambda role: role in ("member", "creator", "blocked"))
ANSWERS = {
    "send": "chat_message", "edit": "message_edited", "delete": "message_deleted",
    "react": "message_reacted", "act": "acted", "history": "history", "auth": "auth",
    "file_uploaded": "chat_message", "ping": "pong",
}  # fmt: skip


async def ask(chat: World, call: str, role: str, place: Place) -> int:
    method, template = call.split()
    path = path_of(template, role, place)
    path = path if template.startswith(OUTSIDE) else f"/api/v1{path}"
    params = {"q": "the"} if template == "/chat/search/" else None
    body = body_of(call, role, place)
    given = {} if body is None else {"json": body}
    for _ in range(TRIES):
        before = chat.rows()
        answer = await chat.clients[role].request(method, path, params=params, **given)
        after = chat.rows()
        changed = [name for name in after if after[name] != before[name]]
        if answer.status_code < 400 or not changed:
            return answer.status_code
    raise AssertionError(f"{call} by {role}: {answer.status_code}, and yet it changed {changed}")


async def test_every_http_operation_is_as_documented(
    chat: World, documented: dict[str, dict[str, str]]
) -> None:
    schema = (await chat.ada.get("/api/v1/schema/")).json()
    calls = [f"{m.upper()} {p}" for p, item in schema["paths"].items() for m in item]
    found: dict[str, dict[str, str]] = {}
    place = await chat.place()
    for call in (call for call in calls if not call.startswith("SERVERS")):
        row: dict[str, str] = {}
        for role in REFUSED_FIRST if call != "DELETE /chat/me/" else ():
            status = await ask(chat, call, role, place)
            row[role] = str(status)
            if status < 400 and "{room_id}" in call and not call.startswith("GET"):
                place = await chat.place()
        found[call] = row
    found["DELETE /chat/me/"] = await erasures(chat)
    wanted = {call: row for call, row in documented.items() if " " in call}
    assert found == wanted, table(found)


async def erasures(chat: World) -> dict[str, str]:
    """At last, since nobody is there afterwards."""
    place = await chat.place()
    return {role: str(await ask(chat, "DELETE /chat/me/", role, place)) for role in REFUSED_FIRST}


def table(found: dict[str, dict[str, str]]) -> str:
    """For docs/permissions.md."""
    lines = [
        f"| `{call}` | " + " | ".join(row[role] for role in ROLES) + " |"
        for call, row in found.items()
    ]
    return "docs/permissions.md should say:\n" + "\n".join(lines)


# ---------------------------------------------------------------- sockets


def action_of(name: str, role: str, place: Place, token: str) -> dict[str, Any]:
    message = place.blocked_message if role == "blocked" else place.message
    message = place.other_message if role == "other's ids" else message
    fields: dict[str, dict[str, Any]] = {
        "send": {"message": "hello"} | ({"reply_to": message} if role == "other's ids" else {}),
        "file_uploaded": {"file_path": "uploads/" + "0" * 32, "message": ""},
        "edit": {"message_id": message, "text": "edited"},
        "delete": {"message_id": message},
        "react": {"message_id": message, "emoji": "👍"},
        "act": {"message_id": message, "id": "ok"},
        "history": {"limit": 1},
        "read": {"message_id": message},
        "typing": {},
        "auth": {"token": token},
        "ping": {},
    }
    return {"action": name, **fields[name]}


async def outcome(socket: AsyncWebSocketSession, action: dict[str, Any]) -> str:
    """`ok`, or the code of the error."""
    await socket.send_json(action)
    if action["action"] not in ANSWERS:
        await socket.send_json({"action": "history", "limit": 1})  # in turn, after it
    while True:
        frame = await socket.receive_json()
        if isinstance(frame, dict) and frame.get("type") == "error":
            return str(frame["code"])
        if isinstance(frame, dict) and frame.get("type") == ANSWERS.get(
            action["action"], "history"
        ):
            return "ok"


def messages_of(chat: World) -> tuple[int, ...]:
    """What actions are about; who is there and has received is written when it suits."""
    rows = chat.rows()
    return rows["messages"], rows["reactions"], rows["attachments"]


async def do(chat: World, name: str, role: str, place: Place, *, of_all: bool = False) -> str:
    """What an action is answered in the room, or on the notifications socket."""
    client: Any = chat.clients[role]
    room = place.direct if role == "blocked" else place.room
    before = messages_of(chat)
    async with chat.notifications(client) if of_all else chat.socket(client, room) as socket:
        try:
            await socket.receive_json()
        except WebSocketDisconnect as closed:
            assert messages_of(chat) == before, (name, role)
            return str(closed.code)
        joined = messages_of(chat)
        token = client.headers["Authorization"].removeprefix("Bearer ")
        said = await outcome(socket, action_of(name, role, place, token))
        assert said == "ok" or messages_of(chat) == joined, (name, role, said)
        return said


def resolve(document: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
    """What a reference leads to, over however many."""
    while "$ref" in part:
        found: Any = document
        for step in part["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        part = found
    return part


def names_of(document: dict[str, Any], operation: str) -> list[str]:
    """What a client may send in an operation of AsyncAPI."""
    messages = document["operations"][operation]["messages"]
    return [resolve(document, message)["name"] for message in messages]


async def test_every_action_is_as_documented(
    chat: World, documented: dict[str, dict[str, str]]
) -> None:
    document = (await chat.ada.get("/api/v1/asyncapi/")).json()
    assert {n for n, o in document["operations"].items() if o["action"] == "receive"} == {
        "act", "ask"
    }  # fmt: skip
    sent = names_of(document, "act")
    found: dict[str, dict[str, str]] = {}
    place = await chat.place()
    for name in names_of(document, "ask"):
        found[f"notifications:{name}"] = {
            role: await do(chat, name, role, place, of_all=True) for role in ROLES
        }
    for name in sent:
        found[name] = {}
        place = await chat.place()
        for role in REFUSED_FIRST:
            found[name][role] = await do(chat, name, role, place)
            place = await chat.place() if found[name][role] == "ok" else place
    wanted = {call: row for call, row in documented.items() if " " not in call}
    assert found == wanted, table(found)
