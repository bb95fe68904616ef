"""Checks of the pages of the room list, and of what a room's titles may be."""

import uuid
from typing import Any

from ..shapes import PROFILE, ROOM_PAGE, ROOM_SHOWN
from ..stage import CONTEXT, Stage, check


@check("http")
async def check_pages_of_the_room_list(stage: Stage) -> None:
    """A cursor shows each room once, also with a message in between; at the ends it is null."""
    begin = f"{CONTEXT}{uuid.uuid4()}"
    rooms = [await stage.open_room(context=f"{begin}:{number}") for number in range(5)]
    path = f"chat/receive/?context_prefix={begin}&page_size=2"
    page = await stage.ada.json("GET", path, ROOM_PAGE)
    ends = page["count"], page["previous"]
    stage.equal(ends, (5, None), "the first page counts all rooms, and has no previous one")
    pages = [_rooms_of(page)]
    await stage.post(stage.bob, rooms[0], "between two pages")
    while page["next"] is not None and len(pages) < 5:
        page = await stage.ada.json("GET", page["next"], ROOM_PAGE)
        pages.append(_rooms_of(page))
    newest_first = rooms[::-1]
    wanted = [newest_first[:2], newest_first[2:4], newest_first[4:]]
    stage.equal(pages, wanted, "pages show each room once, in the order of the first page")
    if page["previous"] is not None:
        page = await stage.ada.json("GET", page["previous"], ROOM_PAGE)
        stage.equal(_rooms_of(page), wanted[1], "previous leads back")
    else:
        stage.holds(False, "the last page has a previous one", page)
    page = await stage.ada.json("GET", f"{path}&page=3", ROOM_PAGE)
    found = len(page["results"]), page["next"]
    stage.equal(found, (1, None), "page=3 is the last page, and has no next")
    answer = await stage.ada.request("GET", f"{path}&page=4")
    stage.equal(answer.status_code, 400, "a page beyond the last is 400")
    page = await stage.ada.json("GET", f"chat/receive/?context={uuid.uuid4()}&page=1", ROOM_PAGE)
    stage.equal((page["count"], page["results"]), (0, []), "page 1 exists, also of an empty list")


@check("http")
async def check_profiles_of_the_first_client(stage: Stage) -> None:
    """Asked with `profile_id`, a room of two has the profiles of both of its members."""
    context = f"{CONTEXT}{uuid.uuid4()}"
    await stage.open_room(context=context)
    path = f"chat/receive/?context={context}"
    page = await stage.ada.json("GET", path, ROOM_PAGE)
    named = [name for each in page["results"] for name in each if name.endswith("_user_profile")]
    stage.equal(named, [], "profiles are there only where profile_id is asked for")
    page = await stage.ada.json("GET", f"{path}&profile_id={stage.ada.user_in_path}", ROOM_PAGE)
    (item,) = page["results"] or [{}]
    profiles = [item.get(f"{which}_user_profile") for which in ("first", "second")]
    problems = [problem for each in profiles for problem in PROFILE(each, "profile")]
    stage.equal(problems, [], "a profile has id, username and picture")
    if not problems:
        ids = {profile["id"] for profile in profiles if profile}
        wanted = {stage.ada.user_id, stage.bob.user_id}
        stage.equal(ids, wanted, "the profiles are those of both members")


def _rooms_of(page: dict[str, Any]) -> list[int]:
    return [each["room_id"] for each in page["results"]]


@check("http")
async def check_titles(stage: Stage) -> None:
    """A title is for all, and its creator's; one that is too long or shows nothing is refused."""
    most = stage.deployment.config.get("limits", {}).get("max_title_length", 200)
    room = await stage.open_room(title="Before")
    path = f"chat/rooms/{room}/"
    for title, code in (("t" * (most + 1), "too_long"), (" \u200b", "empty_message")):
        answer = await stage.ada.request("PATCH", path, json={"title": title, "muted": True})
        stage.equal(answer.json().get("code"), code, f"such a title is {code}")
        answer = await stage.ada.request(
            "POST", "chat/create/", json={"second_user": stage.bob.user_id, "context": title}
        )
        stage.equal(answer.json().get("code"), code, f"such a context is {code}")
    answer = await stage.bob.request("PATCH", path, json={"title": "Mine", "muted": True})
    found = answer.status_code, answer.json().get("code")
    stage.equal(found, (403, "forbidden"), "only the creator sets the title")
    for account in (stage.ada, stage.bob):
        shown = await account.json("GET", path, ROOM_SHOWN)
        state = shown["title"], shown["muted"]
        stage.equal(state, ("Before", False), "a refused PATCH changes nothing")
    rights = [
        "edit_title" in (await account.json("GET", path, ROOM_SHOWN)).get("can", ())
        for account in (stage.ada, stage.bob)
    ]
    stage.equal(rights, [True, False], "`can` says who may set the title")
    async with stage.enter(stage.bob, room, after=0) as b:
        await stage.ada.json("PATCH", path, ROOM_SHOWN, json={"title": "t" * most})
        await b.expect("room_changed", room_id=room, title="t" * most)
        shown = await stage.ada.json("PATCH", path, ROOM_SHOWN, json={"title": None})
        stage.equal(shown["title"], None, "null takes the title away")
        await b.expect("room_changed", room_id=room, title=None)
