"""Errors that a call or a socket of the client can raise."""

from typing import Any

TEMPORARY_CODES = frozenset({"rate_limited", "unavailable", "storage_unavailable"})
FINAL_CLOSE_CODES = frozenset({1007, 1009, 4000, 4001, 4003, 4004, 4005})


class ClientError(Exception):
    """Base class of everything that roomcast.client raises by itself."""


class ServerUnreachable(ClientError):
    """The server did not answer, also after several tries."""


class ChatError(ClientError):
    """The server refused a request: `code` is for programs, `detail` for people.

    `status` is the HTTP status, or 0 where the refusal came over a socket.
    """

    def __init__(self, code: str, detail: str, status: int = 0, **fields: Any) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.status = status
        self.message_id: int | None = fields.get("message_id")

    @property
    def is_temporary(self) -> bool:
        """Whether the same request may succeed a little later."""
        return self.code in TEMPORARY_CODES


class RoomClosed(ClientError):
    """The socket of a room ended, and reconnecting is useless; `code` is its close code.

    If the handshake failed, `code` is its HTTP status. 1000 means that the program itself closed
    the room.
    """

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{code}: {reason or 'no reason given'}")
        self.code = code
        self.reason = reason
