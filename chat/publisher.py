"""Encodes each committed change once, and publishes one event for each room of a commit."""

from collections import defaultdict
from collections.abc import Callable, Mapping

from ..protocol import codec
from ..protocol.events import MessageDeleted
from ..realtime.commits import Commit
from ..realtime.events import Change as RoomChange
from ..realtime.events import Kind, Mark, RoomEvent
from ..realtime.hub import Hub
from ..store.commit_queue import Committed, Entry
from ..store.messages import Added, Deleted, Edited, MessageRow, Reacted
from .message_encoder import MessageEncoder
from .serializers import reacted_of

Encoded = tuple[int, int, RoomChange, bytes]  # room, members_version, the change, its frame


class Publisher:
    """A commit listener: publishes the events of a commit to every process."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    async def on_commit(self, commit: Commit) -> None:
        await self._hub.publish(commit.events)


class EventEncoder:
    """Turns a commit of the commit queue into one event for each room."""

    def __init__(self, encoder: MessageEncoder, is_joining: Callable[[int, str], bool]) -> None:
        """`is_joining` returns whether a join has moved the receipt of a room and user."""
        self._encoder = encoder
        self._is_joining = is_joining

    def encode(self, committed: Committed) -> Mapping[int, RoomEvent]:
        """Return the events by room, with their changes in version order."""
        events: defaultdict[int, RoomEvent] = defaultdict(RoomEvent)
        for entry in committed.entries:
            if (encoded := self._change(entry)) is not None:
                room_id, members_version, change, frame = encoded
                event = events[room_id]
                event.first, event.last = event.first or change.version, change.version
                event.members_version = max(event.members_version, members_version)
                event.changes.append(change)
                event.frames.append(frame)
        for moved in committed.moved:
            is_joining = self._is_joining(moved.room_id, moved.user_id)
            mark = Mark(moved.user_id, moved.delivered, moved.read, is_joining)
            events[moved.room_id].marks.append(mark)
        return events

    def _change(self, entry: Entry) -> Encoded | None:
        """Return the room's event part for a committed change; None if it changed nothing."""
        match entry.outcome:
            case Added(message, members_version):
                return self._message(message, "sent", members_version)
            case Edited(message, members_version):
                return self._message(message, "edited", members_version)
            case Reacted(is_new=True) as reacted:
                change = RoomChange(
                    reacted.version, reacted.message_id, reacted.author_id, "reacted"
                )
                line = codec.encode(reacted_of(reacted))
                return entry.change.room_id, reacted.members_version, change, line
            case Deleted(message_id, version, members_version, sender_id):
                change = RoomChange(version, message_id, sender_id, "deleted")
                line = codec.encode(MessageDeleted(version, message_id))
                return entry.change.room_id, members_version, change, line
        return None

    def _message(self, message: MessageRow, kind: Kind, members_version: int) -> Encoded:
        change = RoomChange(message.version, message.id, message.sender_id, kind)
        return message.room_id, members_version, change, self._encoder.encode(message, kind)
