"""The verbs that change who is in a room and what it is called: permit, write, tell."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from typing import Any, TypeVar

from .errors import REFUSALS, InvalidFrame, NotFound
from .fanout import Fanout
from .frames import is_clean
from .room import Told
from .settings import Limits
from .store import rooms
from .store.engine import Connection, Store
from .store.messages import Refused
from .store.rooms import Listed, Wish

T = TypeVar("T")
Spawn = Callable[[Coroutine[Any, Any, T]], asyncio.Task[T]]


class Roster:
    """What is changed here takes no version: each change is a new roster of its room."""

    def __init__(self, limits: Limits, store: Store, fanout: Fanout, spawn: Spawn[Any]) -> None:
        self._limits = limits
        self._store = store
        self._fanout = fanout
        self._spawn = spawn

    async def room(self, room_id: int, user_id: str) -> Listed:
        """The room as this member sees it. Raises NotFound."""
        find = partial(rooms.of_ids, user_id=user_id, room_ids=[room_id])
        found = await self._store.read(find)
        if not found:
            raise NotFound
        return found[0]

    async def change(self, room_id: int, user_id: str, wish: Wish) -> None:
        """Mutes and archives for the user alone, and names the room for all."""
        if wish.title is not None:
            self.check_label(wish.title, "title")
        await self._write(room_id, lambda db: rooms.change(db, room_id, user_id, wish))

    def check_label(self, text: str, name: str) -> None:
        """A title or a context."""
        most = self._limits.title
        if len(text) > most or not is_clean(text):
            raise InvalidFrame(f"{name}: a string of at most {most} characters is needed.")

    async def _write(
        self, room_id: int, work: Callable[[Connection], Awaitable[Refused | int]]
    ) -> None:
        """What is written is told, also when who asked for it is gone by then."""
        await asyncio.shield(self._spawn(self._write_and_tell(room_id, work)))

    async def _write_and_tell(
        self, room_id: int, work: Callable[[Connection], Awaitable[Refused | int]]
    ) -> None:
        roster = await self._store.write(work)
        if isinstance(roster, Refused):
            raise REFUSALS[roster.code]
        if roster:
            await self._fanout.publish({room_id: (Told(0, 0, [], [], roster=roster), [])})
