"""Rooms: open one, list a user's, delete one. Permit, commit, then publish."""

import time
from collections.abc import Sequence

from ..protocol import codec
from ..protocol.errors import Forbidden, InvalidFrame, NotFound
from ..realtime.commits import Commit, CommitListener
from ..realtime.room import Told
from ..settings import Limits
from ..store import blocks, receipts, room_list, rooms
from ..store.outbox import Happened
from ..store.room_list import Listed
from ..store.rooms import Opened
from ..store.store import Connection, Store
from .text_policy import TextPolicy


class Rooms:
    """What is done to a room as a whole."""

    def __init__(
        self, limits: Limits, store: Store, commits: CommitListener, texts: TextPolicy
    ) -> None:
        self._texts = texts
        self._limits = limits
        self._store = store
        self._commits = commits

    async def open(
        self, creator_id: str, members: Sequence[str], context: str = "", title: str = ""
    ) -> Opened:
        """A room of these members; two members share one room for each context.

        Raises Forbidden for a new one of two, where the other has blocked its creator.
        """
        context = await self._texts.approve_context(creator_id, context)
        title = await self._texts.approve_title(None, creator_id, title)
        users = list(dict.fromkeys(members))
        if len(users) < 2:
            raise InvalidFrame("members: a room needs somebody else.")
        if len(users) > self._limits.max_members:
            raise InvalidFrame(f"members: at most {self._limits.max_members} in a room.")
        now = time.time_ns() // 1000

        async def open_(db: Connection) -> Opened:
            opened = await rooms.open_(db, creator_id, users, context, title, now)
            if opened.is_new:
                if await blocks.is_blocked(db, opened.room.id, creator_id):
                    raise Forbidden
                await self._store.note(db, Happened("room_created", opened.room.id, creator_id))
            return opened

        opened = await self._store.write(open_)
        await self._commits.on_commit(Commit({}))
        return opened

    async def list(
        self, user_id: str, limit: int, offset: int, *, is_archived: bool
    ) -> tuple[int, Sequence[Listed]]:
        """How many rooms the user has, and a page of them, newest activity first."""

        async def look(db: Connection) -> tuple[int, Sequence[Listed]]:
            count = await room_list.count(db, user_id, is_archived=is_archived)
            return count, await room_list.page(db, user_id, limit, offset, is_archived=is_archived)

        return await self._store.read(look)

    async def delete(self, room_id: int, user_id: str) -> None:
        """For all its members; its messages and objects follow. Raises NotFound."""
        now = time.time_ns() // 1000

        async def delete(db: Connection) -> list[str]:
            members = sorted(await receipts.of_room(db, room_id))
            if not await rooms.delete(db, room_id, user_id, now):
                return []
            left = codec.encode(members).decode()
            await self._store.note(db, Happened("room_deleted", room_id, user_id, members=left))
            return members

        members = await self._store.write(delete)
        if not members:
            raise NotFound
        event = Told(0, 0, [], [], is_gone=True), list[bytes]()
        await self._commits.on_commit(Commit({room_id: event}, left={room_id: members}))
