"""After a commit: encode each change once, and publish one event for each room."""

from collections import defaultdict
from collections.abc import Callable, Mapping

from ..protocol import codec
from ..protocol.events import MessageDeleted
from ..realtime.commits import Commit
from ..realtime.hub import Hub
from ..realtime.room import Change as RoomChange
from ..realtime.room import Event, Kind, Mark, RoomEvent
from ..store.commit_queue import Committed, Entry
from ..store.messages import Added, Deleted, Edited, MessageRow, Reacted
from .message_encoder import MessageEncoder
from .serializers import reacted_of

Encoded = tuple[int, int, RoomChange, bytes]  # room, roster, what changed, its frame


class Publisher:
    """A commit listener: publishes the events of a commit to every process."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    async def on_commit(self, commit: Commit) -> None:
        await self._hub.publish(commit.events)


class EventEncoder:
    """Turns what the commit queue committed into one event for each room."""

    def __init__(self, encoder: MessageEncoder, is_joining: Callable[[int, str], bool]) -> None:
        """`is_joining` tells whether a receipt of this room and user was moved by a join."""
        self._encoder = encoder
        self._is_joining = is_joining

    def encode(self, committed: Committed) -> Mapping[int, Event]:
        """The events, by room, with their changes in version order."""
        events: defaultdict[int, Event] = defaultdict(_new_event)
        for entry in committed.entries:
            if (encoded := self._change(entry)) is not None:
                room_id, roster, change, line = encoded
                told, lines = events[room_id]
                told.first, told.last = told.first or change.version, change.version
                told.roster = max(told.roster, roster)
                told.changes.append(change)
                lines.append(line)
        for moved in committed.moved:
            is_joining = self._is_joining(moved.room_id, moved.user_id)
            mark = Mark(moved.user_id, moved.delivered, moved.read, is_joining)
            events[moved.room_id][0].marks.append(mark)
        return events

    def _change(self, entry: Entry) -> Encoded | None:
        """The frame of a committed change."""
        match entry.outcome:
            case Added(message, roster):
                return self._message(message, "sent", roster)
            case Edited(message, roster):
                return self._message(message, "edited", roster)
            case Reacted(is_new=True) as reacted:
                change = RoomChange(
                    reacted.version, reacted.message_id, reacted.author_id, "reacted"
                )
                line = codec.encode(reacted_of(reacted))
                return entry.change.room_id, reacted.roster, change, line
            case Deleted(message_id, version, roster, sender_id):
                change = RoomChange(version, message_id, sender_id, "deleted")
                line = codec.encode(MessageDeleted(version, message_id))
                return entry.change.room_id, roster, change, line
        return None

    def _message(self, message: MessageRow, kind: Kind, roster: int) -> Encoded:
        change = RoomChange(message.version, message.id, message.sender_id, kind)
        return message.room_id, roster, change, self._encoder.encode(message, kind)


def _new_event() -> Event:
    return RoomEvent(0, 0, [], []), []
