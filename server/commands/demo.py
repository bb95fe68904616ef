"""`roomcast demo`: a chat of Ada, Bob and Carl, to try without any setup."""

import logging
from collections.abc import Iterable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import click
import httpx

from ...app import About, App, Button, create_app
from ...settings import Settings, load
from ..options import Failure, one_sentence
from ..secret import SECRET_FILE, with_secret
from ..serve import run
from .token import sign_token


class Line(NamedTuple):
    """One line of the demo: its sender, its text, its reactions and the line that it answers."""

    sender: str
    text: str
    reactions: Sequence[tuple[str, str]] = ()
    answers: str | None = None


PEOPLE = {1: "Ada", 2: "Bob", 3: "Carl"}
PAIR = (
    Line("Ada", "Hi Bob! Is this the new chat?"),
    Line("Bob", "It is. Open my link in another window and you can talk to yourself 🙂"),
    Line("Ada", "Do pictures work? And PDFs?"),
    Line("Bob", "Both. Drop them here, or paste them.", answers="Do pictures work? And PDFs?"),
    Line("Ada", "Lovely 🎉", [("🎉", "Bob")]),
    Line("Bob", "Watch the ticks too: one is sent, two are delivered, two coloured ones are read."),
    Line("Ada", "Then let us talk about the table.", [("👍", "Bob")]),
)
TABLE = About("Oak table with four chairs", price="€240", status="Available")
OFFER = "Bob offers €220 for the oak table."
ANSWERS = (
    Button("Accept", id="accept", style="primary", once=True),
    Button("Decline", id="decline", style="danger", once=True),
)
HIKERS = (
    Line(
        "Carl",
        "Who is in for the lake on Sunday? The forecast says sun ☀️",
        [("❤️", "Ada"), ("❤️", "Bob")],
    ),
    Line("Ada", "Me! Which train?"),
    Line("Carl", "8:41 from platform 3, back by six.", [("👍", "Ada")], "Me! Which train?"),
    Line("Bob", "I bring the sandwiches 🥪", [("😂", "Carl"), ("🙏", "Ada")]),
    Line("Carl", "Then I bring the coffee."),
)
TOKEN_TTL = timedelta(days=30).total_seconds()


def demo_settings(folder: Path, host: str, port: int) -> Settings:
    """Return the defaults in a folder of their own, without the settings of a real chat."""
    return load(
        {
            "server": {"host": host, "port": port},
            "database": {"url": f"sqlite:///{folder / 'roomcast.db'}"},
            "attachments": {"url": f"file:{folder / 'attachments'}"},
        }
    )


async def introduce(chat: App, tokens: Iterable[str]) -> list[int]:
    """Use a token of each user once, so that the chat knows all names from the start.

    Return the rooms of the user with the last token.
    """
    transport = httpx.ASGITransport(chat)
    rooms: list[int] = []
    async with httpx.AsyncClient(transport=transport, base_url="http://demo") as client:
        for token in tokens:
            bearer = {"Authorization": f"Bearer {token}"}
            answer = await client.get("/api/v1/chat/recieve/", headers=bearer)
            rooms = [room["room_id"] for room in answer.json()["results"]]
    return rooms


async def seed(chat: App, tokens: Iterable[str]) -> dict[str, int]:
    """Return the room that each user opens first; add its messages on the first start."""
    carls = await introduce(chat, tokens)
    hike = carls[-1] if carls else (await chat.open_room([3, 1, 2], title="Sunday at the lake")).id
    pair = (await chat.open_room([1, 2], about=TABLE)).id
    for room, talk in ((hike, HIKERS), (pair, PAIR)):
        if not await chat.messages(room, limit=1):
            await converse(chat, room, talk)
    # The site's own message: sent on the first start only.
    await chat.post(pair, OFFER, actions=ANSWERS, client_id="offer")
    return {"Ada": pair, "Bob": pair, "Carl": hike}


async def converse(chat: App, room: int, talk: Iterable[Line]) -> None:
    ids = {name: user for user, name in PEOPLE.items()}
    message_ids: dict[str | None, int] = {}
    for line in talk:
        reply_to = message_ids.get(line.answers)
        sent = await chat.post(room, line.text, sender=ids[line.sender], reply_to=reply_to)
        message_ids[line.text] = sent.message_id
        for emoji, name in line.reactions:
            await chat.react(room, sent, user=ids[name], emoji=emoji)


# ---------------------------------------------------------------- the command


@click.command("demo", short_help="Serve a chat in which three people talk, and print their links.")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", type=int, default=8000, show_default=True, help="The port to listen on.")
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(".demo"),
    show_default=True,
    help="Where the demo keeps its data.",
)
@one_sentence()
def demo_command(host: str, port: int, folder: Path) -> None:
    """Serve a chat in which Ada, Bob and Carl already talk, and print a link for each.

    Open each link in a separate window. The folder keeps the messages for the next start.

    \b
    Example:
      roomcast demo --port 8123
    """
    make_folder(folder)
    settings, _ = with_secret(demo_settings(folder, host, port), folder / SECRET_FILE)
    tokens = {
        name: sign_token(settings.auth, str(user), TOKEN_TTL, name) for user, name in PEOPLE.items()
    }
    rooms: dict[str, int] = {}

    async def fill(chat: App) -> None:
        logging.getLogger("roomcast.audit").setLevel(logging.WARNING)  # a demo needs no audit log
        rooms.update(await seed(chat, tokens.values()))

    def links(url: str) -> None:
        click.echo("Open each link in a separate window; Ctrl+C ends the demo.")
        for name, token in tokens.items():
            # In the fragment, which no browser sends and no server logs.
            click.echo(f"\n{name}:\n{url}/#token={token}&room={rooms[name]}")

    run(create_app(settings), settings, before=fill, ready=links)


def make_folder(folder: Path) -> None:
    """Create a folder that git ignores."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ".gitignore").write_text("*\n")
    except OSError as error:
        raise Failure(f"The folder {folder} cannot be written to: {error.strerror}.") from None
