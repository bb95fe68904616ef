"""The snapshot of a joining socket: a room at one version."""

from msgspec import Struct

from .messages import MessageRow
from .room_look import PLAIN, RoomLook

DEFAULT_RESUME_SIZE = 1 << 20  # bytes


class Snapshot(Struct):
    """A room at one version, as a joining member may see it."""

    version: int
    members_version: int
    title: str
    marks: dict[str, tuple[int, int]]  # every member's (delivered, read), as others may see them
    top: int  # the newest message id, deleted or not
    newest: int  # the newest message of others that is not deleted; 0 if there is none
    messages: (
        list[MessageRow] | None
    )  # oldest first; None where they could not be loaded or are known
    deleted: list[int]  # tombstones since the cursor
    reset: bool  # whether the cursor can't be used: then these are the last messages
    total: int = 0  # of messages; pruning changes it without a new version
    look: RoomLook = PLAIN
    is_marked_unread: bool = False
    own: tuple[int, int] | None = None  # the member's real watermarks, if others see older ones


class SnapshotQuery(Struct, frozen=True):
    """A request to join a room from a cursor; `after` None asks for the last messages."""

    room_id: int
    user_id: str
    after: int | None
    last: int  # the number of messages without a cursor
    most: int  # the number of changes that a cursor may be behind
    most_bytes: int = DEFAULT_RESUME_SIZE  # of the texts of those changes
    known: tuple[int, int] | None = None  # version and total whose last messages are known
