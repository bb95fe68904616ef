"""roomcast.client: the server API for sites, and a user's socket for bots and tests.

It needs httpx and websockets only, and imports nothing of the server.
"""

from .errors import ChatError, ClientError, RoomClosed, ServerUnreachable
from .files import LocalFile
from .records import (
    MemberInfo,
    MessageInfo,
    Record,
    ReportInfo,
    ResultPage,
    RoomInfo,
    StatsInfo,
    TokenInfo,
    UnreadInfo,
    UserInfo,
)
from .room import Room
from .room_state import Position, RoomUpdate
from .server_api import AsyncChat, Chat

__all__ = [
    "AsyncChat",
    "Chat",
    "ChatError",
    "ClientError",
    "LocalFile",
    "MemberInfo",
    "MessageInfo",
    "Position",
    "Record",
    "ReportInfo",
    "ResultPage",
    "Room",
    "RoomClosed",
    "RoomInfo",
    "RoomUpdate",
    "ServerUnreachable",
    "StatsInfo",
    "TokenInfo",
    "UnreadInfo",
    "UserInfo",
]
