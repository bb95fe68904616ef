"""Rooms of several as members come and go, to the last one."""

from ..shapes import ROOM_SHOWN
from ..stage import Stage, check

THIRD = "verify-third-member"
FOURTH = "verify-fourth-member"


@check("http", max_members=4)
async def check_members_come_and_go(stage: Stage) -> None:
    """200 for a member, receipts of new ones; the oldest member follows the creator."""
    room = await stage.open_room(THIRD)
    path = f"chat/rooms/{room}/"
    await stage.post(stage.ada, room, "before anybody came")
    body = {"user_id": stage.bob.user_id}
    await stage.ada.json("POST", f"{path}members/", ROOM_SHOWN, json=body)
    async with stage.enter(stage.bob, room, after=0, receipts="compact") as b:
        body = {"user_id": FOURTH}
        await stage.ada.json("POST", f"{path}members/", ROOM_SHOWN, status=201, json=body)
        changed = await b.expect("room_changed", room_id=room)
        stage.holds(FOURTH in changed["members"], "room_changed names who is there now", changed)
        newest = b.first["messages"][-1]["message_id"]
        await b.expect("receipt", room_id=room, user_id=FOURTH, delivered=newest, read=newest)
        for user in (THIRD, stage.ada.user_in_path):
            answer = await stage.ada.request("DELETE", f"{path}members/{user}/")
            stage.equal(answer.status_code, 204, "members are removed, and leave")
            await b.expect("room_changed", room_id=room)
    answer = await stage.ada.request("GET", path)
    stage.equal(answer.status_code, 404, "who has left does not find the room")
    shown = await stage.bob.json("GET", path, ROOM_SHOWN)
    rights = {"add_member", "remove_member", "edit_title", "leave", "delete"}
    missing = rights - set(shown.get("can", ()))
    stage.equal(missing, set(), "the member of longest standing follows the creator")
    for user in (FOURTH, stage.bob.user_in_path):
        answer = await stage.bob.request("DELETE", f"{path}members/{user}/")
        stage.equal(answer.status_code, 204, "the last members leave")
    answer = await stage.bob.request("GET", path)
    stage.equal(answer.status_code, 404, "with its last member a room ends")


@check("http")
async def check_a_room_of_two_stays_one(stage: Stage) -> None:
    """Nobody comes to a room of two and nobody leaves it: 409; it can only be deleted."""
    room = await stage.empty_room()
    path = f"chat/rooms/{room}/members/"
    answer = await stage.ada.request("POST", path, json={"user_id": THIRD})
    found = answer.status_code, answer.json().get("code")
    stage.equal(found, (409, "conflict"), "adding to a room of two is 409")
    for user in (stage.ada.user_in_path, stage.bob.user_in_path):
        answer = await stage.ada.request("DELETE", f"{path}{user}/")
        stage.equal(answer.status_code, 409, "leaving a room of two is 409")
    shown = await stage.bob.json("GET", f"chat/rooms/{room}/", ROOM_SHOWN)
    members = {member["user_id"] for member in shown["members"]}
    wanted = {stage.ada.user_id, stage.bob.user_id}
    stage.equal(members, wanted, "a room of two keeps its members")
    stage.holds("delete" in shown.get("can", ()), "either member may delete it", shown)
