"""The last messages of rooms, as the frame that a joining socket gets first.

It is the same for every member until the room changes, so it is kept; the database says at each
join whether it has changed. Whatever changes a message gives its room a new version.
"""

from collections import OrderedDict

from msgspec import Struct

from ..chat.serializers import message_of
from ..protocol import codec
from ..realtime.room import Room
from ..store.messages import MessageRow
from ..store.snapshot import Snapshot
from ..store.store import Store
from .attachments.service import Attachments

SIZE = 1 << 22  # bytes of all frames; with their messages about three times as many in memory
FEW = 8  # messages that are put into a frame sooner than they are found again


class CachedHistory(Struct):
    """`look` is what the frame shows beside the messages."""

    epoch: str
    known: tuple[int, int]  # the room's version, and its total: pruning takes no version
    messages: list[MessageRow]
    look: tuple[object, ...]
    frame: bytes


class HistoryCache:
    """A cache of the history pages that were read most recently."""

    def __init__(self, store: Store, attachments: Attachments) -> None:
        self._store = store
        self._attachments = attachments
        self._pages: OrderedDict[int, CachedHistory] = OrderedDict()
        self.size = 0

    def get(self, room_id: int) -> CachedHistory | None:
        """Returns a room's cached page, or None. It is valid while the room has its version."""
        page = self._pages.get(room_id)
        if page is None or page.epoch != self._store.epoch:
            return None
        self._pages.move_to_end(room_id)
        return page

    def frame(self, room: Room, found: Snapshot, known: CachedHistory | None, base: str) -> bytes:
        """Return the found or cached messages, with the statuses that sockets here were sent."""
        as_found = found.version, found.total
        page = known if known is not None and known.known == as_found else None
        messages = found.messages if page is None else page.messages
        look = base, self._attachments.expires_at(), *room.statuses.lowest
        if page is not None and page.look == look:
            return page.frame
        link, status = self._attachments.link(base), room.statuses.status
        frame = codec.encode(
            [message_of(m, link, status(m.sender_id, m.id)) for m in messages or ()]
        )
        if messages is not None and len(messages) >= FEW:
            self._keep(room.id, CachedHistory(self._store.epoch, as_found, messages, look, frame))
        return frame

    def _keep(self, room_id: int, page: CachedHistory) -> None:
        had = self._pages.pop(room_id, None)
        self._pages[room_id] = page
        self.size += len(page.frame) - (len(had.frame) if had else 0)
        while self.size > SIZE:
            _, oldest = self._pages.popitem(last=False)
            self.size -= len(oldest.frame)
