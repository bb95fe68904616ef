"""A chat in this very process, and members whose send queue keeps what they are sent."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from socket import create_server, socket
from typing import Any

import uvicorn
from broadcaster import Broadcast
from roomcast.chat.chat import ChatServices
from roomcast.protocol import codec, events
from roomcast.protocol.errors import Close
from roomcast.protocol.events import MessageSent
from roomcast.realtime.connections import RoomSocket
from roomcast.realtime.events import Change, Mark, OldMessage, RoomEvent, pack
from roomcast.realtime.reader import MissedChanges, RoomHead
from roomcast.realtime.room import Room
from roomcast.realtime.send_queue import Batch
from roomcast.server.websocket_protocol import WebSocketProtocol
from roomcast.settings import AttachmentSettings, Database, Settings
from roomcast.store.snapshot import Snapshot, SnapshotQuery
from starlette.types import ASGIApp

ADA, BOB, EVE = "1", "2", "3"
Frame = dict[str, Any]
Marks = dict[str, tuple[int, int]]


class Recorded:
    """A send queue that keeps everything; while it `waits`, nothing of it has gone out."""

    def __init__(self) -> None:
        self.frames: list[Frame] = []
        self.closed: Close | None = None
        self.waits = False
        self.on_drained: Any = None

    @property
    def is_empty(self) -> bool:
        return not self.waits

    def put(self, batch: Batch) -> bool:
        self.frames += [json.loads(frame) for frame in batch.frames]
        return not self.waits

    def close(self, close: Close) -> None:
        self.closed = close

    def put_droppable(self, batch: Batch) -> None:
        self.put(batch)

    def types_about(self, message_id: int) -> list[str]:
        """The types of the frames about one message, in order."""
        about = [f for f in self.frames if f.get("message", {}).get("message_id") == message_id]
        return [frame["type"] for frame in about]


def as_of(version: int, marks: Marks, top: int = 0) -> Snapshot:
    """A room at this version, of which a joining socket has read nothing."""
    return Snapshot(version, 0, "", dict(marks), top, 0, [], [], False)


class Rows:
    """A room's source with messages in it; it notes who has what."""

    def __init__(self, older: Sequence[OldMessage] = ()) -> None:
        self.older = list(older)
        self.marks: Marks = {}

    async def load_changes_since(
        self, room_id: int, version: int, top: int
    ) -> MissedChanges | None:
        raise AssertionError("nothing is missing")

    async def find_heads(self, room_ids: Sequence[int]) -> dict[int, RoomHead]:
        raise AssertionError("no gap was reported")

    async def load_between(
        self, room_id: int, above: int, upto: int, most: int
    ) -> list[OldMessage]:
        return [row for row in self.older if above < row[0] <= upto][-most:]

    def on_members_changed(self, room: Room) -> None:
        raise AssertionError("nobody comes or leaves")

    def mark(self, room_id: int, user_id: str, delivered: int, read: int) -> None:
        self.marks[user_id] = delivered, read


def room_of(room_id: int, source: Rows) -> Room:
    """A room that reads from this source, and marks what was received there."""
    return Room(room_id, source, source.mark, source.on_members_changed)


def line(message_id: int, sender: str, text: str = "hi") -> bytes:
    """The `chat_message` of a message whose version is its id, as the database would tell it."""
    said = events.Message(text, message_id, int(sender), "send", "", "", [], 1, message_id)
    return codec.encode(MessageSent(message_id, said))


async def deliver(room: Room, *sent: tuple[int, str], marks: Marks | None = None) -> None:
    """One event of the broker: these messages (id and sender), these watermarks."""
    changes = [Change(id_, id_, sender, "sent") for id_, sender in sent]
    moved = [Mark(user, *upto, by_joining=False) for user, upto in (marks or {}).items()]
    first, last = (sent[0][0], sent[-1][0]) if sent else (0, 0)
    frames = [line(*one) for one in sent]
    await room.on_event(pack(RoomEvent(first, last, changes, moved, frames=frames)))


def enter(room: Room, user: str, **wish: bool) -> tuple[RoomSocket, Recorded]:
    """A member's socket in the room, from now on."""
    outbox = Recorded()
    wants = {"is_manual": False, "is_compact": False} | wish
    socket = RoomSocket(user, outbox, **wants)
    room.connections.start_buffering(socket)
    room.activate(socket, b"{}", above=room.sequence.version or 0, top=room.statuses.top)
    outbox.frames.clear()
    return socket, outbox


async def until(holds: Callable[[], bool]) -> None:
    """For what tells nobody; the others run meanwhile."""
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110
            await asyncio.sleep(0)


def settings_in(folder: Path) -> Settings:
    return Settings(
        database=Database(url=f"sqlite:///{folder}/chat.db", synchronous="NORMAL"),
        attachments=AttachmentSettings(url=f"file:{folder}/files"),
    )


@asynccontextmanager
async def a_chat(
    folder: Path, broadcast: Broadcast | None = None
) -> AsyncIterator[tuple[ChatServices, int]]:
    """A chat, and a room of ada and bob; its events pass the broker that is given."""
    chat = ChatServices(settings_in(folder))
    if broadcast is not None:
        chat.hub.channels.broadcast = broadcast
    await chat.open()
    try:
        yield chat, (await chat.rooms.open(ADA, [ADA, BOB])).room.id
    finally:
        await chat.aclose()


@asynccontextmanager
async def a_member(
    chat: ChatServices, room_id: int, user: str, **wish: bool
) -> AsyncIterator[tuple[Room, Recorded]]:
    """Joins as a connection does."""
    async with chat.hub.room(room_id) as room:
        outbox = Recorded()
        wants = {"is_manual": False, "is_compact": False} | wish
        socket = RoomSocket(user, outbox, **wants)
        room.connections.start_buffering(socket)
        ask = SnapshotQuery(room_id, user, None, 50, 1000)
        found = await chat.joining.enter(room, ask, is_manual=wants["is_manual"])
        room.activate(socket, b"{}", above=found.version, top=found.top)
        outbox.frames.clear()
        try:
            yield room, outbox
        finally:
            room.connections.remove(socket)


@asynccontextmanager
async def served(app: ASGIApp) -> AsyncIterator[str]:
    """An app on a free port of this machine, in this very loop, with our WebSocket class."""
    listening = create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        app, ws=WebSocketProtocol, log_config=None, lifespan="off", timeout_graceful_shutdown=1
    )
    config.ws_per_message_deflate = False
    async with serving(config, listening):
        yield f"127.0.0.1:{listening.getsockname()[1]}"


@asynccontextmanager
async def serving(config: uvicorn.Config, listening: socket) -> AsyncIterator[None]:
    """A server on this socket, in this very loop."""
    server = uvicorn.Server(config)
    running = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        yield
    finally:
        server.should_exit = True
        await running
