"""Isolation: a room is its members', and a socket sees nothing of other rooms."""

from ..stage import Stage, check


@check("isolation")
async def check_sockets_see_their_own_room_only(stage: Stage) -> None:
    """Two rooms of the same two members share nothing."""
    here, there = await stage.open_room(), await stage.open_room()
    async with (
        stage.enter(stage.ada, here, after=0) as a,
        stage.enter(stage.bob, here, after=0) as b,
        stage.enter(stage.ada, there, after=0) as c,
        stage.enter(stage.bob, there, after=0) as d,
    ):
        for number in range(5):
            await a.send_message(f"here {number}")
            sent = await c.send_message(f"there {number}")
            await c.act("react", message_id=sent["message_id"], emoji="👍")
            await c.act("typing")
        await d.expect("message_reacted", message_id=sent["message_id"])
        for sender, other in ((a, b), (c, d)):
            await sender.send_message("marker")
            await other.expect_message("marker")
        stage.equal(b.seen("typing"), [], "typing stays in its room")
        for socket, room in ((a, here), (b, here), (c, there), (d, there)):
            inside = socket.seen("chat_message")
            foreign = [frame for frame in inside if frame["message"]["room_id"] != room]
            stage.equal(foreign, [], "no frame of another room reaches a socket")
            stage.equal(len(inside), 6, "the room's own messages are all that comes")


@check("isolation")
async def check_strangers_see_nothing(stage: Stage) -> None:
    """A room without the caller is not found by HTTP and closes with 4003 by socket."""
    members = [stage.ada.user_id, "verify-third-member"]
    room = await stage.open_room(members=members)
    sent = await stage.post(stage.ada, room, "a secret word: xylophonic")
    path = f"chat/rooms/{room}/"
    for method, call, body in (
        ("GET", path, None),
        ("GET", f"{path}messages/", None),
        ("POST", f"{path}messages/", {"message": "intruder"}),
        ("POST", f"{path}read/", {"message_id": sent["message_id"]}),
        ("PATCH", path, {"muted": True}),
        ("DELETE", f"chat/delete/{room}", None),
    ):
        answer = await stage.bob.request(method, call, json=body)
        stage.equal(answer.status_code, 404, f"{method} of a stranger's room is 404")
    async with stage.knock(stage.bob, f"?room_id={room}&after=0") as socket:
        stage.equal(await socket.closes(), 4003, "a stranger's socket is closed with 4003")
        stage.equal(socket.frames, [], "and gets no frame")
    rooms = await stage.bob.json("GET", "chat/receive/?page_size=100")
    ids = [each["room_id"] for each in rooms["results"]]
    stage.holds(room not in ids, "a stranger's room is in no list", ids)
    found = await stage.bob.json("GET", "chat/search/?q=xylophonic")
    rooms_found = [message["room_id"] for message in found["results"]]
    stage.holds(room not in rooms_found, "search finds the caller's rooms only", rooms_found)
    stored = await stage.read_all(stage.ada, room)
    stage.equal(len(stored), 1, "a stranger stores nothing")
