"""Joining a room: reads its snapshot, with the joining user's own receipt committed."""

from functools import partial

from ..protocol.errors import Close, Closing
from ..realtime.room import Room
from ..store import blocks, receipts
from ..store.commit_queue import CommitQueue
from ..store.snapshot import Snapshot, SnapshotQuery
from ..store.store import DatabaseUnavailable, Store

PAIR_SIZE = 2  # members: there a block freezes what both see, and nobody else is in the room


class Joining:
    """Reads the snapshot for a joining socket, and marks its messages as received or read."""

    def __init__(self, store: Store, queue: CommitQueue) -> None:
        self._store = store
        self._queue = queue
        self._joining: set[tuple[int, str]] = set()

    def is_joining(self, room_id: int, user_id: str) -> bool:
        """Return whether a join of this user is moving their receipt at the moment."""
        return (room_id, user_id) in self._joining

    async def join(self, ask: SnapshotQuery, *, is_manual: bool) -> Snapshot:
        """Return the snapshot of a joining socket, with its own receipt committed and included.

        Raises Closing if the user may not join.
        """
        found = await self._store.snapshot(ask)
        if isinstance(found, str):
            raise Closing(Close.NOT_FOUND if found == "not_found" else Close.FORBIDDEN)
        delivered, read = found.own or found.marks[ask.user_id]
        upto = max(delivered, found.newest), read if is_manual else max(read, found.newest)
        if upto != (delivered, read):
            await self._mark(ask, *upto)
            if found.own is None:
                found.marks[ask.user_id] = upto
        if found.is_marked_unread and not is_manual:
            where = partial(receipts.clear_marked_unread, room_id=ask.room_id, user_id=ask.user_id)
            await self._store.write(where)
        return found

    async def _mark(self, ask: SnapshotQuery, delivered: int, read: int) -> None:
        self._joining.add((ask.room_id, ask.user_id))
        self._queue.mark(ask.room_id, ask.user_id, delivered, read)
        try:
            is_marked = await self._queue.marked()
        finally:
            self._joining.discard((ask.room_id, ask.user_id))
        if not is_marked:
            raise DatabaseUnavailable("The receipt could not be stored.")

    async def enter(self, room: Room, ask: SnapshotQuery, *, is_manual: bool) -> Snapshot:
        """Join a room of this process, and wait until it has delivered all of the snapshot."""
        found = await self.join(ask, is_manual=is_manual)
        await room.wait_for_snapshot(found)
        if found.version >= room.sequence.first_version:
            return found
        # Another socket that joined at the same time has read later, and started the room.
        return await self.enter(room, ask, is_manual=is_manual)

    async def hide_receipts(self, room: Room, user_id: str) -> None:
        """Have a room of several send the user no receipts of members who have blocked them."""
        members = room.statuses.watermarks.keys()
        if len(members) > PAIR_SIZE:
            find = partial(blocks.find_blockers, blocked_id=user_id, users=members)
            room.connections.hide(user_id, await self._store.read(find))
