"""Events for the host, delivered to its function or its webhook."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal

import msgspec
from msgspec import Struct
from msgspec.structs import asdict, replace

from ..protocol.ids import when, wire_user
from ..store import attachments, outbox, receipts, room_list, rooms
from ..store.messages import AttachmentRow
from ..store.outbox import Claim, Kind, StoredEvent
from ..store.store import Connection

EVENT_BATCH = 100  # events of a room that are loaded at once
KINDS_WITH_FILES = "message_sent", "message_edited", "message_action", "message_reported"

Wire = int | str


class EventFile(Struct, frozen=True):
    """A file of the event's message; `size` is in bytes."""

    name: str
    content_type: str
    size: int


class EventDetails(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The parts of an event that the outbox stores as JSON."""

    kind: Literal["system"] | None = None
    data: dict[str, Any] | None = None
    action: str | None = None
    params: dict[str, Any] | None = None
    reason: str | None = None
    report: str | None = None


class HostEvent(EventDetails, frozen=True, kw_only=True, omit_defaults=True):
    """A committed change; times as in the protocol.

    `id` is the same at each delivery. `user_id` is the user who made the change, null for the site;
    in `messages_unread`, the user who has not read `message_id` and later messages; or the user who
    was banned or erased, without a room. `about` is the user who was added or removed. `text` is
    the text of a message, the emoji of a reaction, or the title. `version` is the room's, `members`
    are those at the time of delivery. `kind` is `system` for messages of the site, `data` is that
    of the message. A press of a button has `action`, the button's id, and `params`; a report has
    `reason`, and `report`, the reporter's text.
    """

    type: Kind
    id: str
    at: str
    room_id: int | None
    context: str | None
    user_id: Wire | None
    members: list[Wire] | None = None
    version: int | None = None
    message_id: int | None = None
    text: str | None = None
    about: Wire | None = None
    unread: int | None = None
    files: list[EventFile] = []


Listener = Callable[[HostEvent], Awaitable[None]]
"""An async function that receives each event; an exception means a later retry."""


@contextmanager
def of_the_host() -> Iterator[None]:
    """Turn a cancellation inside the host's code into an error, unless this task was cancelled."""
    try:
        yield
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        raise RuntimeError("what it awaited was cancelled") from error


async def load_events(db: Connection, claim: Claim) -> list[tuple[StoredEvent, HostEvent]]:
    """Load the events of a room that wait for a listener, oldest first."""
    found = await outbox.waiting(db, claim, EVENT_BATCH)
    marks = await receipts.of_room(db, claim.room_id)
    members = [wire_user(user) for user in sorted(marks)]
    context = next((noted.context for noted in found if noted.context is not None), None)
    if context is None and claim.room_id:
        context = await rooms.find_context(db, claim.room_id)
    wanted = [
        (n.room_id, n.message_id) for n in found if n.message_id and n.kind in KINDS_WITH_FILES
    ]
    files = await attachments.of_messages(db, wanted)
    events = []
    for noted in found:
        sent = files.get((noted.room_id, noted.message_id or 0), ())
        event = _event(noted, members, context, sent)
        if noted.kind == "messages_unread":
            unread = await room_list.unread(db, noted.room_id, noted.user_id)
            event = replace(event, unread=unread)
        events.append((noted, event))
    return events


def _event(
    noted: StoredEvent, members: list[Wire], context: str | None, files: Sequence[AttachmentRow]
) -> HostEvent:
    is_of_room = bool(noted.room_id)
    left = msgspec.json.decode(noted.members, type=list[str]) if noted.members else None
    shown = members if left is None else [wire_user(user) for user in left]
    details = msgspec.json.decode(noted.details or b"{}", type=EventDetails)
    event_files = [EventFile(f.name, f.content_type, f.size) for f in files]
    return HostEvent(
        type=noted.kind,
        id=f"{noted.room_id}-{noted.id}" if is_of_room else f"user-{noted.id}",
        at=when(noted.at),
        room_id=noted.room_id or None,
        context=context or None,
        user_id=wire_user(noted.user_id) if noted.user_id else None,
        members=shown if is_of_room else None,
        version=noted.version or None,
        message_id=noted.message_id,
        text=noted.text,
        about=None if noted.about is None else wire_user(noted.about),
        files=event_files,
        **asdict(details),
    )
