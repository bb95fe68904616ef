"""roomcast.client: the server API for sites, and a user's socket for bots and tests.

It needs httpx and websockets only, and imports nothing of the server.
"""

from .errors import ChatError, ClientError, RoomClosed, Unreachable
from .files import File
from .records import (
    MemberRecord,
    MessageRecord,
    Page,
    Record,
    ReportRecord,
    RoomRecord,
    StatsRecord,
    TokenRecord,
    UnreadRecord,
    UserRecord,
)
from .room import Room
from .room_state import Position, RoomUpdate
from .server_api import AsyncChat, Chat

__all__ = [
    "AsyncChat",
    "Chat",
    "ChatError",
    "ClientError",
    "File",
    "MemberRecord",
    "MessageRecord",
    "Page",
    "Position",
    "Record",
    "ReportRecord",
    "Room",
    "RoomClosed",
    "RoomRecord",
    "RoomUpdate",
    "StatsRecord",
    "TokenRecord",
    "Unreachable",
    "UnreadRecord",
    "UserRecord",
]
