"""Events of a room, one for each commit, and their encoding between processes."""

from typing import Literal, NamedTuple

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from ..protocol import codec

Kind = Literal["sent", "edited", "deleted", "reacted"]
Watermarks = tuple[int, int]  # delivered and read: a member has the messages up to these ids


class Change(Struct, array_like=True, gc=False):
    """One committed change of a message; `sender_id` is the sender of the message."""

    version: int
    message_id: int
    sender_id: str
    kind: Kind


class Mark(Struct, array_like=True, gc=False):
    """A member's watermarks after they moved; `by_joining` if a join moved them."""

    user_id: str
    delivered: int
    read: int
    by_joining: bool


class OldMessage(NamedTuple):
    """A message that is not kept in memory, with its `chat_message` frame."""

    message_id: int
    sender_id: str
    frame: bytes


class RoomEvent(Struct, array_like=True):
    """The changes and marks of one commit in one room.

    `first` and `last` are the versions that it covers, 0 if it changes no message. Each change has
    its frame at the same index in `frames`. `members_version` counts the changes of members: a
    process that knows an earlier one loads the members from the database before it delivers.

    Processes of two releases exchange events as arrays, so fields are only ever appended.
    """

    first: int = 0
    last: int = 0
    changes: list[Change] = []
    marks: list[Mark] = []
    is_deleted: bool = False
    typing: str = ""  # the user who is typing; such an event holds nothing else
    members_version: int = 0
    hidden_from: list[str] = []  # users who must not see that this one is typing
    frames: list[bytes] = []  # between processes, each is a line of its own


_decode_head = msgspec.json.Decoder(RoomEvent).decode


def pack(event: RoomEvent) -> str:
    """Encode an event for other processes: a line without its frames, then a line for each."""
    head = codec.encode(replace(event, frames=[]))
    return b"\n".join([head, *event.frames]).decode()


def unpack(message: str) -> RoomEvent:
    """Decode an event that `pack` of this release or another one has encoded.

    Raises ValueError if it is not a complete event; the room is then loaded from the database.
    """
    head, *frames = message.encode().split(b"\n")
    event = _decode_head(head)
    if len(frames) != len(event.changes):
        raise ValueError(f"an event of {len(event.changes)} changes has {len(frames)} frames")
    event.frames = frames
    return event


def split(event: RoomEvent, max_size: int) -> list[RoomEvent]:
    """Split an event into several in a row, each with at most `max_size` bytes of frames.

    A larger frame is alone in its event. The versions of the parts follow each other without a gap,
    and the last part carries the marks.
    """
    parts: list[RoomEvent] = []
    first, start, size = event.first, 0, 0
    for i, frame in enumerate(event.frames):
        if i > start and size + len(frame) > max_size:
            last = event.changes[i - 1].version
            part = RoomEvent(first, last, event.changes[start:i], frames=event.frames[start:i])
            part.members_version = event.members_version
            parts.append(part)
            first, start, size = last + 1, i, 0
        size += len(frame)
    if not parts:
        return [event]
    changes, frames = event.changes[start:], event.frames[start:]
    rest = RoomEvent(first, event.last, changes, event.marks, event.is_deleted, frames=frames)
    rest.members_version = event.members_version
    return [*parts, rest]
