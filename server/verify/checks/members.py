"""Rooms of several: who may come and go, and what the removed still see."""

from ..shapes import ROOM_SHOWN
from ..stage import Stage, check

THIRD = "verify-third-member"


@check("isolation", max_members=3)
async def check_a_removed_member_sees_nothing_any_more(stage: Stage) -> None:
    """Sockets close with 4003 at once; a member who is added again sees it all."""
    room = await stage.open_room(THIRD)
    path = f"chat/rooms/{room}/members/"
    async with stage.enter(stage.ada, room, after=0) as a:
        async with stage.enter(stage.bob, room, after=0) as b:
            await a.send_message("before")
            await b.expect_message("before")
            answer = await stage.ada.request("DELETE", f"{path}{stage.bob.user_in_path}/")
            stage.equal(answer.status_code, 204, "the creator removes a member")
            frame = await a.expect("room_changed", room_id=room)
            stage.holds(stage.bob.user_id not in frame["members"], "room_changed says so", frame)
            await a.send_message("a secret")
            stage.equal(await b.closes(), 4003, "the removed one's sockets close with 4003")
            secrets = b.seen("chat_message", message={"text": "a secret"})
            stage.equal(secrets, [], "the removed one sees nothing afterwards")
        answer = await stage.bob.request("GET", f"chat/rooms/{room}/messages/")
        stage.equal(answer.status_code, 404, "the removed one's HTTP calls are 404")
        async with stage.knock(stage.bob, f"?room_id={room}&after=0") as socket:
            stage.equal(await socket.closes(), 4003, "the removed one can't come back")
        body = {"user_id": stage.bob.user_id}
        await stage.ada.json("POST", path, ROOM_SHOWN, status=201, json=body)
        await a.expect("room_changed", room_id=room)
        shown = await stage.bob.json("GET", f"chat/rooms/{room}/", ROOM_SHOWN)
        stage.equal(shown["unread"], 0, "for a new member nothing is unread")
        stored = [message["text"] for message in await stage.read_all(stage.bob, room)]
        stage.equal(stored, ["before", "a secret"], "a new member sees all history")


@check("http", max_members=3)
async def check_only_the_creator_manages_a_group(stage: Stage) -> None:
    """Title and members are the creator's; everybody may leave."""
    room = await stage.open_room(THIRD, title="Before")
    path = f"chat/rooms/{room}/"
    answer = await stage.bob.request("PATCH", path, json={"title": "Mine"})
    stage.equal(answer.status_code, 403, "another member can't set the title")
    answer = await stage.bob.request("POST", f"{path}members/", json={"user_id": "verify-fourth"})
    stage.equal(answer.status_code, 403, "another member can't add somebody")
    answer = await stage.bob.request("DELETE", f"{path}members/{THIRD}/")
    stage.equal(answer.status_code, 403, "another member can't remove somebody")
    answer = await stage.bob.request("DELETE", f"chat/delete/{room}")
    stage.equal(answer.status_code, 404, "another member can't delete a group")
    async with stage.enter(stage.bob, room, after=0) as b:
        shown = await stage.ada.json("PATCH", path, ROOM_SHOWN, json={"title": "After"})
        stage.equal(shown["title"], "After", "the creator sets the title")
        frame = await b.expect("room_changed", room_id=room)
        stage.equal(frame["title"], "After", "room_changed tells the title")
    answer = await stage.bob.request("DELETE", f"{path}members/{stage.bob.user_in_path}/")
    stage.equal(answer.status_code, 204, "everybody may leave")
