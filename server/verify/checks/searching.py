"""Search: words in all their spellings, in the caller's rooms, page by page."""

import asyncio
import time
import uuid
from typing import Any

from ..account import BrokenPromise
from ..shapes import SEARCH_PAGE
from ..stage import Stage, check
from .files import inline, other_file

PAUSE = 0.25  # seconds between two tries: search may be behind for a while
PAGES = 28  # at most, of the few messages of a check
MESSAGES = 27  # two more than a page holds


async def search(stage: Stage, query: str, wanted: int) -> list[dict[str, Any]]:
    """Search as bob until so many messages are found; all pages, each of which must be short."""
    found: list[dict[str, Any]] = []
    deadline = time.monotonic() + stage.deployment.limit
    while True:
        found, path = [], f"chat/search/?q={query}"
        for _ in range(PAGES):
            page = await stage.bob.json("GET", path, SEARCH_PAGE)
            found += page["results"]
            if page["next"] is None:
                break
            path = page["next"]
        else:
            raise BrokenPromise("the pages of a search never end", path)
        if len(found) >= wanted or time.monotonic() > deadline:
            return found
        await asyncio.sleep(PAUSE)


@check("http")
async def check_search_finds_words(stage: Stage) -> None:
    """All the words, whatever their case and accents, and whole; a deleted message no more."""
    room, elsewhere = await stage.open_room(), await stage.busy_room()
    word = f"w{uuid.uuid4().hex[:12]}"
    sent = await stage.post(stage.ada, room, f"Find the {word.upper()} here, Zoë")
    other = await stage.post(stage.ada, elsewhere, f"and {word} there")
    ids = [message["message_id"] for message in await search(stage, word, 2)]
    newest_first = [other["message_id"], sent["message_id"]]
    stage.equal(ids, newest_first, "search finds messages by a word, newest first")
    for query, wanted, what in (
        (f"{word}+here", [sent], "all the words must be there"),
        (f"{word}+nothere", [], "a message without one of the words is not found"),
        (f"{word}+ZOE", [sent], "case and accents don't count"),
        (word[:-1], [], "search finds whole words only"),
        (f"{word}&room_id={room}", [sent], "room_id looks in that room alone"),
    ):
        found = [message["message_id"] for message in await search(stage, query, len(wanted))]
        stage.equal(found, [message["message_id"] for message in wanted], what)
    for query in ("", "?q=", "?q=%20"):
        answer = await stage.bob.request("GET", f"chat/search/{query}")
        stage.equal(answer.status_code, 400, "search without a word is 400")
    answer = await stage.ada.request("DELETE", f"chat/rooms/{room}/messages/{sent['message_id']}/")
    stage.equal(answer.status_code, 204, "DELETE deletes")
    ids = [message["message_id"] for message in await search(stage, word, 1)]
    stage.equal(ids, [other["message_id"]], "search finds no deleted message")


@check("http", "image/png")
async def check_pages_of_a_search(stage: Stage) -> None:
    """`next` leads to older messages until it is null, each once; names of files are found."""
    room, word = await stage.open_room(), f"w{uuid.uuid4().hex[:12]}"
    ending, content, kind = other_file(stage)
    async with stage.enter(stage.ada, room, after=0, receipts="compact") as a:
        await a.act("send", message="a file", file=inline(f"{word}{ending}", content, kind))
        for number in range(1, MESSAGES):
            await a.act("send", message=f"{number} {word}")
        await a.expect_message(f"{MESSAGES - 1} {word}")
        sent = [frame["message"]["message_id"] for frame in a.seen("chat_message")]
    found = [message["message_id"] for message in await search(stage, word, MESSAGES)]
    stage.equal(found, sent[::-1], "the pages of a search have each message once, newest first")
