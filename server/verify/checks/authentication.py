"""Checks of authentication: tokens by HTTP and by socket, handshakes, close codes."""

import httpx

from ..account import BrokenPromise, refusal_problems
from ..stage import Stage, check

NONE_TOKEN = (  # {"alg":"none"}, {"sub":"1","exp":9999999999}, no signature
    "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.eyJzdWIiOiIxIiwiZXhwIjo5OTk5OTk5OTk5fQ."
)


def damaged(token: str) -> str:
    """The token with another signature."""
    head, _, signature = token.rpartition(".")
    return f"{head}.{signature[::-1]}"


@check("authentication")
async def check_http_needs_a_token(stage: Stage) -> None:
    """Without a good token every call is 401, and a token in the query string is none."""
    http, base = stage.ada.http, stage.deployment.base
    url = f"{base}/api/v1/chat/receive/"
    bad = {
        "no token": {},
        "a token that is none": {"Authorization": "Bearer nonsense"},
        "a token that nobody signed": {"Authorization": f"Bearer {NONE_TOKEN}"},
        "a damaged token": {"Authorization": f"Bearer {damaged(stage.ada.token)}"},
        "another scheme": {"Authorization": f"Basic {stage.ada.token}"},
    }
    for what, headers in bad.items():
        answer = await http.get(url, headers=headers)
        stage.equal(answer.status_code, 401, f"{what} is 401")
        stage.equal(refusal_problems(answer), [], f"{what} is answered as documented")
    answer = await http.get(url, params={"token": stage.ada.token})
    stage.equal(answer.status_code, 401, "a token in the query string does not count")
    for path in ("api/v1/schema/", "api/v1/asyncapi/", "api/v1/swagger/"):
        answer = await http.get(f"{base}/{path}")
        stage.equal(answer.status_code, 200, f"{path} needs no token")


@check("authentication")
async def check_sockets_need_a_token(stage: Stage) -> None:
    """A bad token closes with 4001, after a handshake that succeeds; good ones count both ways."""
    room = await stage.empty_room()
    query = f"?room_id={room}&after=0"
    for what, offers in {
        "no token": [],
        "a token that is none": ["Bearer", "nonsense"],
        "a damaged token": ["Bearer", damaged(stage.ada.token)],
        "a token that nobody signed": ["Bearer", NONE_TOKEN],
    }.items():
        async with stage.knock(stage.ada, query, offers=offers) as socket:
            stage.equal(await socket.closes(), 4001, f"{what} closes with 4001")
            stage.equal(socket.frames, [], f"{what} gets no frame")
    query_token = f"{query}&token={stage.ada.token}"
    async with stage.knock(stage.ada, query_token, offers=[]) as socket:
        stage.equal(await socket.closes(), 4001, "a token in the query string does not count")
    for offered in ("Bearer", "bearer"):
        async with stage.knock(stage.ada, query, offers=[offered, stage.ada.token]) as socket:
            frame = await socket.next()
            stage.equal(frame["type"], "sync", "a good token is let in")
            stage.equal(socket.connection.subprotocol, offered, "the subprotocol is answered")
    headers = {"Authorization": f"Bearer {stage.ada.token}"}
    async with stage.knock(stage.ada, query, offers=[], headers=headers) as socket:
        stage.equal((await socket.next())["type"], "sync", "the header counts too")
    async with stage.knock(stage.ada, query, origin="https://elsewhere.example") as socket:
        stage.equal((await socket.next())["type"], "sync", "a token counts from any origin")


@check("authentication")
async def check_sockets_end_with_the_documented_codes(stage: Stage) -> None:
    """4000 for a bad query, 4004 for no room; the seed's spellings are understood."""
    room = await stage.empty_room()
    for query, code in {
        "": 4000, "?room_id=": 4000, "?room_id=x": 4000, "?room_id=1.5": 4000,
        f"?room_id={room}&after=x": 4000, f"?room_id={room}&after=-1": 4000,
        f"?room_id={room}&receipts=nonsense": 4000, "?room_id=9007199254740990": 4004,
    }.items():  # fmt: skip
        async with stage.knock(stage.ada, query) as socket:
            stage.equal(await socket.closes(), code, f"{query or 'no query'} closes with {code}")
    for query in (f"?room_id={room}", f"?room_id={room}/", f"?room_id{room}/"):
        async with stage.knock(stage.ada, query) as socket:
            stage.equal(await socket.next(), [], f"{query.replace(str(room), 'N')} opens a room")
    url = f"{stage.deployment.sockets.removesuffix('/')}?room_id={room}"
    async with stage.knock(stage.ada, "", url=url) as socket:
        stage.equal(await socket.next(), [], "the path works without its slash")
    answer = await stage.ada.http.get(f"{stage.deployment.base}/ws/chat/?room_id={room}")
    stage.equal(answer.status_code, 426, "a socket's path without an upgrade is 426")
    nowhere = f"{stage.deployment.sockets}nowhere/at/all/"
    refused = False
    try:
        async with stage.knock(stage.ada, "", url=nowhere):
            pass
    except BrokenPromise:
        refused = True
    stage.holds(refused, "on any other path the handshake is refused")


@check("authentication")
async def check_a_deleted_room_ends_its_sockets(stage: Stage) -> None:
    """`room_deleted`, then 4004; afterwards the room is nowhere."""
    room = await stage.open_room()
    async with (
        stage.enter(stage.ada, room, after=0) as a,
        stage.enter(stage.bob, room, after=0) as b,
    ):
        await a.send_message("goes with it")
        answer = await stage.bob.request("DELETE", f"chat/delete/{room}")
        stage.equal(answer.status_code, 204, "either member may delete a room of two")
        for socket in (a, b):
            stage.equal(await socket.closes(), 4004, "a deleted room closes with 4004")
            stage.equal(len(socket.seen("room_deleted", room_id=room)), 1, "room_deleted comes")
    answer = await stage.ada.request("DELETE", f"chat/delete/{room}")
    stage.equal(answer.status_code, 404, "a second deletion is 404")
    answer = await stage.ada.request("GET", f"chat/rooms/{room}/messages/")
    stage.equal(answer.status_code, 404, "a deleted room is 404")
    async with stage.knock(stage.ada, f"?room_id={room}") as socket:
        stage.equal(await socket.closes(), 4004, "a deleted room stays deleted")


@check("http")
async def check_health(stage: Stage) -> None:
    """The process says that it lives and that it is ready."""
    for path in ("healthz", "readyz"):
        answer: httpx.Response = await stage.ada.http.get(f"{stage.deployment.base}/{path}")
        if answer.status_code == 404:
            stage.report.note(f"/{path} is not reachable at this address")
            continue
        stage.equal(answer.status_code, 200, f"/{path} answers 200")
        stage.holds(isinstance(answer.json(), dict), f"/{path} answers JSON", answer.text)
