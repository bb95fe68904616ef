"""A cache of the last messages of rooms, as the first frame of a joining socket.

The frame is the same for every member until the room changes. Each join reads the room's version
from the database, and each change of a message increases it, so a stale page is never used.
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

# Bytes of all frames; with their messages they take three times the memory.
MAX_CACHE_SIZE = 1 << 22
MIN_CACHED_MESSAGES = 8  # messages; a page with fewer is encoded faster than found in the cache


class CachedHistory(Struct):
    """A cached page; `valid_for` has the statuses and links for which its frame is valid."""

    epoch: str
    known: tuple[int, int]  # the room's version, and its total: pruning takes no version
    messages: list[MessageRow]
    valid_for: tuple[object, ...]
    frame: bytes


class HistoryCache:
    """A cache of the history pages that were read most recently."""

    def __init__(self, store: Store, attachments: Attachments) -> None:
        self._store = store
        self._attachments = attachments
        self._pages: OrderedDict[int, CachedHistory] = OrderedDict()
        self.size = 0

    def get(self, room_id: int) -> CachedHistory | None:
        """Return a room's cached page, or None. It is valid while the room has its version."""
        page = self._pages.get(room_id)
        if page is None or page.epoch != self._store.epoch:
            return None
        self._pages.move_to_end(room_id)
        return page

    def frame(self, room: Room, found: Snapshot, known: CachedHistory | None, base: str) -> bytes:
        """Return the first frame, with statuses by the watermarks that sockets were sent."""
        as_found = found.version, found.total
        page = known if known is not None and known.known == as_found else None
        messages = found.messages if page is None else page.messages
        valid_for = base, self._attachments.expires_at(), *room.statuses.lowest
        if page is not None and page.valid_for == valid_for:
            return page.frame
        link, status = self._attachments.link(base), room.statuses.status
        frame = codec.encode(
            [message_of(m, link, status(m.sender_id, m.id)) for m in messages or ()]
        )
        if messages is not None and len(messages) >= MIN_CACHED_MESSAGES:
            self._keep(
                room.id, CachedHistory(self._store.epoch, as_found, messages, valid_for, frame)
            )
        return frame

    def _keep(self, room_id: int, page: CachedHistory) -> None:
        had = self._pages.pop(room_id, None)
        self._pages[room_id] = page
        self.size += len(page.frame) - (len(had.frame) if had else 0)
        while self.size > MAX_CACHE_SIZE:
            _, oldest = self._pages.popitem(last=False)
            self.size -= len(oldest.frame)
