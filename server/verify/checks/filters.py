"""Checks of what a member asks of their list of rooms: words, contexts, what is unread."""

import uuid

from ..shapes import ROOM_PAGE
from ..stage import CONTEXT, Stage, check


@check("http")
async def check_filters_of_the_room_list(stage: Stage) -> None:
    """`context`, `context_prefix`, `unread` and `q` leave exactly the rooms that fit."""
    begin, word = f"{CONTEXT}{uuid.uuid4()}", f"verify{uuid.uuid4().hex}"
    first = await stage.open_room(context=f"{begin}:1", title=f"A {word}")
    second = await stage.open_room(context=f"{begin}:2")
    await stage.post(stage.bob, second, "unread")

    async def found(query: str) -> tuple[set[int], int]:
        """Which of the two rooms are in the first page, and how many rooms fit."""
        page = await stage.ada.json("GET", f"chat/receive/?page_size=100&{query}", ROOM_PAGE)
        rooms = {each["room_id"] for each in page["results"]}
        return rooms & {first, second}, page["count"]

    stage.equal(await found(f"context={begin}:1"), ({first}, 1), "context finds its room")
    both = await found(f"context_prefix={begin}")
    stage.equal(both, ({first, second}, 2), "context_prefix finds the rooms that begin so")
    unread = await found(f"context_prefix={begin}&unread=1")
    stage.equal(unread, ({second}, 1), "unread=1 leaves the rooms with unread messages")
    named = await found(f"q={word[:12].upper()}&context_prefix={begin}")
    stage.equal(named, ({first}, 1), "q finds the beginning of a word, whatever its case")
    none = await found(f"q={word}x")
    stage.equal(none, (set(), 0), "q leaves out rooms without the word")
