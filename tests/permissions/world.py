"""A chat with somebody in every position to a room, and what each operation needs to be asked."""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from httpx_ws import AsyncWebSocketSession, aconnect_ws
from roomcast.app import About, Button
from roomcast.testing import ChatClient, chat_client

KEY = "k" * 40
AT_ONCE = 20  # places
PASSING = ("meta", "presence", "processes", "word_changes")  # tables that change by themselves
CREATOR, MEMBER, REMOVED, STRANGER, BLOCKED, BANNED, OTHER = 1, 2, 3, 4, 5, 6, 7
ROLES = (
    "member", "creator", "removed", "stranger", "blocked", "banned", "expired", "no token",
    "other's ids", "server key",
)  # fmt: skip
BUTTON = Button(id="ok", label="OK")


@dataclass
class Place:
    """Rooms of their own for each operation, with messages."""

    room: int
    message: int  # the member's, with a button
    direct: int  # between the creator and the one they have blocked
    blocked_message: int
    other_room: int  # of somebody else, with a message
    other_message: int
    report: int


class World:
    """The chat, and clients in all roles."""

    def __init__(self, ada: ChatClient, database: Path) -> None:
        self.ada = ada
        self._connection = sqlite3.connect(database)
        query = "SELECT name FROM sqlite_master WHERE type = 'table'"
        names = [name for (name,) in self._look(query)]
        self._tables = [n for n in names if n not in PASSING and not n.startswith("search")]
        self._version: Any = None
        self._rows: dict[str, int] = {}
        self._places: list[Place] = []
        self.site = httpx.AsyncClient(
            transport=ada.shared_transport, base_url="http://chat.test",
            headers={"Authorization": f"Bearer {KEY}"}, trust_env=False,
        )  # fmt: skip
        bare = httpx.AsyncClient(
            transport=ada.shared_transport, base_url="http://chat.test", trust_env=False
        )
        self.clients: dict[str, httpx.AsyncClient] = {
            "creator": ada,
            "member": ada.another(MEMBER),
            "removed": ada.another(REMOVED),
            "stranger": ada.another(STRANGER),
            "blocked": ada.another(BLOCKED),
            "banned": ada.another(BANNED),
            "expired": ada.another(MEMBER, {"exp": int(time.time()) - 600}),
            "no token": bare,
            "other's ids": ada.another(MEMBER),
            "server key": self.site,
        }

    def socket(
        self, client: httpx.AsyncClient, room: int
    ) -> AbstractAsyncContextManager[AsyncWebSocketSession]:
        """A socket in a room, with the client's token or without any."""
        url = f"http://chat.test/ws/chat/?room_id={room}&after=0&receipts=manual"
        return aconnect_ws(url, client, keepalive_ping_interval_seconds=None)

    def notifications(
        self, client: httpx.AsyncClient
    ) -> AbstractAsyncContextManager[AsyncWebSocketSession]:
        """A socket for what is new in all rooms."""
        url = "http://chat.test/ws/chat/notifications/?format=flat"
        return aconnect_ws(url, client, keepalive_ping_interval_seconds=None)

    async def place(self) -> Place:
        """Everything that an operation is about, new: made many at once, which is quicker."""
        if not self._places:
            self._places = await asyncio.gather(*(self._new_place() for _ in range(AT_ONCE)))
        return self._places.pop()

    async def _new_place(self) -> Place:
        chat = self.ada.chat
        room = await chat.open_room([CREATOR, MEMBER, REMOVED, BANNED], title="A group")
        message = await chat.post(room, "the member's", sender=MEMBER, actions=[BUTTON])
        await chat.remove_member(room, REMOVED)
        direct = await chat.open_room([CREATOR, BLOCKED], context=f"c{room.id}")
        blocked = await chat.post(direct, "the blocked one's", sender=BLOCKED, actions=[BUTTON])
        other = await chat.open_room([MEMBER, OTHER], about=About(title="x"), context=f"o{room.id}")
        theirs = await chat.post(other, "elsewhere", sender=OTHER, actions=[BUTTON])
        await self.clients["member"].post(
            f"/api/v1/chat/rooms/{other.id}/messages/{theirs.message_id}/report/",
            json={"reason": "spam"},
        )
        (report, *_) = await chat.reports()
        return Place(
            room.id,
            message.message_id,
            direct.id,
            blocked.message_id,
            other.id,
            theirs.message_id,
            report.id,
        )

    def rows(self) -> dict[str, int]:
        """What is stored, by table: a checksum of its rows, so that a refusal can be held to it."""
        if self._version != (version := self._look("PRAGMA data_version")[0]):
            self._version = version
            self._rows = {n: hash(self._look(f"SELECT * FROM {n}")) for n in self._tables}  # noqa: S608
        return self._rows

    def _look(self, query: str) -> tuple[Any, ...]:
        return tuple(self._connection.execute(query).fetchall())

    def close(self) -> None:
        self._connection.close()


@asynccontextmanager
async def world(folder: Path) -> AsyncIterator[World]:
    settings: Mapping[str, Mapping[str, Any]] = {
        "server_api": {"keys": [KEY]},
        "limits": {"rooms_per_day": 0},
    }
    async with chat_client(CREATOR, settings, folder=folder) as ada:
        made = World(ada, folder / "chat.db")
        try:
            await ada.chat.block(CREATOR, BLOCKED)
            await ada.chat.ban(BANNED)
            yield made
        finally:
            made.close()


def path_of(template: str, role: str, place: Place) -> str:
    """The path as somebody in this role asks for it."""
    room = place.direct if role == "blocked" else place.room
    message = place.blocked_message if role == "blocked" else place.message
    if role == "other's ids":
        message = place.other_message
    user = BANNED if "/members/" in template else STRANGER
    return template.format(
        room_id=room, message_id=message, user_id=user, emoji="%F0%9F%91%8D",
        report_id=place.report, path="uploads/none",
    )  # fmt: skip


def body_of(call: str, role: str, place: Place) -> Any:
    """The body of an operation, or None."""
    room = place.direct if role == "blocked" else place.room
    message = place.blocked_message if role == "blocked" else place.message
    room = place.other_room if role == "other's ids" and "{room_id}" not in call else room
    message = place.other_message if role == "other's ids" else message
    return {
        "POST /chat/create/": {"second_user": 99},
        "PATCH /chat/rooms/{room_id}/": {"title": "Renamed"},
        "POST /chat/rooms/{room_id}/members/": {"user_id": STRANGER},
        "POST /chat/rooms/{room_id}/messages/": {"message": "new"},
        "PATCH /chat/rooms/{room_id}/messages/{message_id}/": {"text": "edited"},
        "POST /chat/rooms/{room_id}/messages/{message_id}/act/": {"id": "ok"},
        "POST /chat/rooms/{room_id}/messages/{message_id}/report/": {"reason": "spam"},
        "POST /chat/rooms/{room_id}/read/": {"message_id": message},
        "POST /chat/attachments/": {
            "room_id": room, "name": "a.png", "size": 9, "type": "image/png"
        },
        "POST /server/rooms/": {"members": [1, 2]},
        "PATCH /server/rooms/{room_id}/": {"title": "x"},
        "POST /server/rooms/{room_id}/members/": {"user_id": STRANGER},
        "POST /server/rooms/{room_id}/messages/": {"text": "new"},
        "PATCH /server/rooms/{room_id}/messages/{message_id}/": {"text": "edited"},
        "POST /server/users/{user_id}/token/": {},
        "PUT /server/users/{user_id}/ban/": {},
        "PUT /server/users/{user_id}/": {"name": "x"},
        "PATCH /server/reports/{report_id}/": {"state": "resolved"},
    }.get(call)  # fmt: skip
