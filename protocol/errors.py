"""Errors in two tables: a Refusal fails one request, a Close ends a socket.

Refusal                 code                  HTTP status
├── InvalidJSON         invalid_json          400
├── InvalidFrame        invalid_frame         400
├── EmptyMessage        empty_message         400
├── TooLong             too_long              400
├── FileType            file_type             400
├── FileInvalid         file_invalid          400
├── FileMissing         file_missing          400
├── Unauthenticated     unauthenticated       401
├── Forbidden           forbidden             403
├── NotFound            not_found             404
├── MethodNotAllowed    method_not_allowed    405
├── Conflict            conflict              409
├── FileTooLarge        file_too_large        413
├── RateLimited         rate_limited          429
├── Internal            internal              500
├── Unavailable         unavailable           503
└── StorageUnavailable  storage_unavailable   503
"""

from enum import Enum
from typing import ClassVar


class Refusal(Exception):
    """One request fails: the connection stays open, nothing is stored or published."""

    code: ClassVar[str] = "internal"
    status: ClassVar[int] = 500
    text: ClassVar[str] = "Something went wrong on the server."

    def __init__(self, message: str = "", *, message_id: int | None = None) -> None:
        super().__init__(message or self.text)
        self.message_id = message_id


class InvalidJSON(Refusal):
    code, status, text = "invalid_json", 400, "This is not valid JSON."


class InvalidFrame(Refusal):
    code, status, text = (
        "invalid_frame",
        400,
        "This request has an unknown action or a wrong field.",
    )


class EmptyMessage(Refusal):
    code, status, text = "empty_message", 400, "A message needs text or a file."


class TooLong(Refusal):
    code, status, text = "too_long", 400, "The text is too long."


class FileType(Refusal):
    code, status, text = "file_type", 400, "Files of this type are not accepted."


class FileInvalid(Refusal):
    code, status, text = "file_invalid", 400, "The file is not what it was declared to be."


class FileMissing(Refusal):
    code, status, text = "file_missing", 400, "No uploaded file was found there."


class Unauthenticated(Refusal):
    code, status, text = "unauthenticated", 401, "A valid token is needed: Authorization: Bearer …"


class Forbidden(Refusal):
    code, status, text = "forbidden", 403, "You may not do this."


class NotFound(Refusal):
    code, status, text = "not_found", 404, "There is nothing here."


class MethodNotAllowed(Refusal):
    code, status, text = "method_not_allowed", 405, "This method is not allowed here."


class Conflict(Refusal):
    code, status, text = "conflict", 409, "This client_id was already used for another text."


class FileTooLarge(Refusal):
    code, status, text = "file_too_large", 413, "The file is too large."


class RateLimited(Refusal):
    """Too many actions; `retry_after` is the number of seconds to wait."""

    code, status, text = "rate_limited", 429, "Too many actions; slow down."

    def __init__(self, message: str = "", *, retry_after: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Internal(Refusal):
    pass


class Unavailable(Refusal):
    code, status = "unavailable", 503
    text = (
        "The database is unavailable. The message may not have been stored: send it again with "
        "the same client_id."
    )


class StorageUnavailable(Refusal):
    code, status, text = "storage_unavailable", 503, "The file storage is unavailable; try again."


REFUSALS: dict[str, type[Refusal]] = {kind.code: kind for kind in Refusal.__subclasses__()}


class Close(Enum):
    """The reason for which a socket is closed: a close code (RFC 6455, 7.4) and its text."""

    BAD_REQUEST = 4000, "room_id, after, epoch or receipts is missing or wrong"
    UNAUTHENTICATED = 4001, "authentication failed or the token expired"
    FORBIDDEN = 4003, "not a member of this room, or a foreign origin"
    NOT_FOUND = 4004, "room not found or deleted"
    DISCONNECTED = 4005, "disconnected by the site"
    SLOW = 4008, "reads too slowly; resume with after="
    RATE_LIMITED = 4029, "rate limit exceeded for too long"
    TOO_MANY = 4029, "too many sockets of this user or address"
    NOT_UTF8 = 1007, "a text that is not UTF-8"
    FLOOD = 1008, "too many control frames or fragments"
    TOO_BIG = 1009, "frame too big"
    INTERNAL = 1011, "internal error"
    RESTART = 1012, "the server restarts; reconnect after a random delay"
    TOO_MUCH = 1013, "too much is coming in at once; try again later"
    TRY_LATER = 1013, "the database is unavailable; try again later"

    @property
    def code(self) -> int:
        return self.value[0]

    @property
    def reason(self) -> str:
        return self.value[1]


class Closing(Exception):
    """Raised in a socket to close it with this Close."""

    def __init__(self, close: Close) -> None:
        super().__init__(close.reason)
        self.close = close
