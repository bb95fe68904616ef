"""Ada and Bob, who share a room: the chat to try out, with nothing to set up."""

from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

import httpx

from .app import App
from .settings import Settings, load

PEOPLE = {1: "Ada", 2: "Bob"}
TITLE = "Ada and Bob"
TALK = (
    (1, "Hi Bob! Is this the new chat?"),
    (2, "It is. Open my link in another window and you can talk to yourself 🙂"),
    (1, "Do pictures work? And PDFs?"),
    (2, "Both. Watch the ticks too: one is sent, two are delivered, two blue ones are read."),
)
TOKENS_LAST = timedelta(days=30).total_seconds()


def settings(folder: Path, host: str, port: int) -> Settings:
    """The defaults, in a folder of their own: neither files nor variables of a real chat count."""
    return load(
        {
            "server": {"host": host, "port": port},
            "database": {"url": f"sqlite:///{folder / 'roomcast.db'}"},
            "attachments": {"url": f"file:{folder / 'attachments'}"},
        }
    )


async def introduce(chat: App, tokens: Iterable[str]) -> None:
    """A name is known once its token was seen: so both are there before either comes."""
    transport = httpx.ASGITransport(chat)
    async with httpx.AsyncClient(transport=transport, base_url="http://demo") as client:
        for token in tokens:
            bearer = {"Authorization": f"Bearer {token}"}
            await client.get("/api/v1/chat/recieve/", headers=bearer)


async def seed(chat: App, tokens: Iterable[str]) -> int:
    """Their room; what they said is added once."""
    await introduce(chat, tokens)
    room = await chat.open_room(list(PEOPLE), title=TITLE)
    if await chat.is_empty(room):
        for sender, text in TALK:
            await chat.post(room, sender=sender, text=text)
    return room
