"""Receipts, up to which message a member has received and read; and typing, never stored."""

from collections.abc import Iterable
from functools import partial

from ..protocol.errors import Forbidden, NotFound, Unavailable
from ..realtime.events import RoomEvent
from ..realtime.hub import Hub
from ..store import blocks, receipts
from ..store.commit_queue import CommitQueue
from ..store.messages import MessageRow
from ..store.receipts import Status
from ..store.store import Connection, DatabaseUnavailable, Store


class Receipts:
    """Moves watermarks forward through the commit queue."""

    def __init__(self, store: Store, queue: CommitQueue, hub: Hub) -> None:
        self._store = store
        self._queue = queue
        self._hub = hub

    async def read(self, room_id: int, user_id: str, message_id: int) -> None:
        """Move the read watermark forward to this message; it never moves back."""

        async def load(db: Connection) -> tuple[int, bool]:
            upto = await receipts.reach(db, room_id, user_id, message_id)
            return upto, await receipts.is_marked_unread(db, room_id, user_id)

        upto, is_marked = await self._store.read(load)
        if upto:
            self._queue.mark(room_id, user_id, upto, upto)
        if is_marked:
            await self.clear_marked_unread(room_id, user_id)

    async def clear_marked_unread(self, room_id: int, user_id: str) -> None:
        """Clear the member's own flag `marked_unread`, since they have read the room."""
        clear = partial(receipts.clear_marked_unread, room_id=room_id, user_id=user_id)
        await self._store.write(clear)

    async def read_at_once(self, room_id: int, user_id: str, message_id: int) -> tuple[int, int]:
        """Commit a read receipt and return the user's watermarks.

        Raises NotFound and Unavailable.
        """

        async def load(db: Connection) -> tuple[tuple[int, int] | None, int, bool]:
            own = await receipts.of_member(db, room_id, user_id)
            upto = await receipts.reach(db, room_id, user_id, message_id)
            return own, upto, await receipts.is_marked_unread(db, room_id, user_id)

        own, upto, is_marked = await self._store.read(load)
        if own is None:
            raise NotFound
        if is_marked:
            await self.clear_marked_unread(room_id, user_id)
        delivered, read = own
        if read < upto:
            self._queue.mark(room_id, user_id, upto, upto)
            if not await self._queue.marked():
                raise Unavailable
        return max(delivered, upto), max(read, upto)

    async def deliver(self, user_id: str, newest: Iterable[tuple[int, int]]) -> None:
        """Mark messages, and all before them in their rooms, as delivered to the user.

        Raises DatabaseUnavailable.
        """
        for room_id, message_id in newest:
            self._queue.mark(room_id, user_id, message_id, 0)
        if not await self._queue.marked():
            raise DatabaseUnavailable("The receipts could not be stored.")

    async def status(self, message: MessageRow) -> Status:
        """Return the current status of a message."""
        marks = await self._store.read(partial(receipts.of_room, room_id=message.room_id))
        return receipts.status(marks, message.sender_id, message.id)

    async def type(self, room_id: int, user_id: str) -> None:
        """Publish that the user is typing to the room, but not to users whom they have blocked.

        Raises Forbidden.
        """

        async def load(db: Connection) -> tuple[bool, list[str]]:
            is_silenced = await blocks.is_silenced(db, room_id, user_id)
            return is_silenced, await blocks.find_blocked_members(db, room_id, user_id)

        is_silenced, blocked = await self._store.read(load)
        if is_silenced:
            raise Forbidden
        event = RoomEvent(typing=user_id, hidden_from=blocked)
        await self._hub.channels.publish_ephemeral(room_id, event)
