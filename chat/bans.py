"""Bans: a banned user is refused on every process until the ban ends."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from functools import partial

from ..protocol.errors import Forbidden
from ..store import bans
from ..store.bans import Ban
from ..store.outbox import NewEvent
from ..store.store import Connection, DatabaseUnavailable, Store

log = logging.getLogger("roomcast.bans")

REFRESH_INTERVAL = 20.0  # seconds between two loads of all bans: the broker may lose events


class Banned(Forbidden):
    """The user is banned: HTTP 403, and sockets close with 4005."""

    text = "You are banned from this chat."


class Bans:
    """The bans in force, held in memory, because every request and every join checks them."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.bans: dict[str, Ban] = {}
        self._changes = 0  # of bans, as far as this process knows
        self._uncertain: dict[str, int] = {}  # users whose ban must be read: their newest change

    async def open(self) -> None:
        """Load the bans. Raises DatabaseUnavailable."""
        await self.refresh()

    async def check(self, user_id: str) -> None:
        """Raise Banned if the user is banned. Raises DatabaseUnavailable."""
        if user_id in self._uncertain:
            await self._refresh(user_id)
        ban = self.bans.get(user_id)
        if ban is not None and (ban.until is None or ban.until > _now()):
            raise Banned

    def on_changed(self, user_id: str) -> None:
        """Mark this user's ban as changed: it is loaded again before their next request."""
        self._changes += 1
        self._uncertain[user_id] = self._changes

    async def find(self, user_id: str) -> Ban | None:
        """Return the ban of the user, or None. Raises DatabaseUnavailable."""
        return await self._store.read(partial(bans.find, user_id=user_id, now=_now()))

    async def put(self, user_id: str, ban: Ban) -> None:
        """Ban the user. Sockets are closed by a revocation.

        Repeating a ban with the same end and reason causes no new event.
        """

        async def work(db: Connection) -> None:
            if await bans.find(db, user_id, _now()) == ban:
                return
            await bans.put(db, user_id, ban, _now())
            await self._store.note(db, NewEvent("user_banned", 0, user_id, text=ban.reason))

        await self._store.write(work)
        self.on_changed(user_id)

    async def remove(self, user_id: str) -> None:
        await self._store.write(partial(bans.remove, user_id=user_id))
        self.on_changed(user_id)

    async def _refresh(self, user_id: str) -> None:
        """Read the user's ban until no change came in while it was being read."""
        while (change := self._uncertain.get(user_id)) is not None:
            ban = await self.find(user_id)
            if self._uncertain.get(user_id) != change:
                continue
            del self._uncertain[user_id]
            if ban is None:
                self.bans.pop(user_id, None)
            else:
                self.bans[user_id] = ban

    async def refresh(self) -> None:
        """Load all bans, and again those that changed meanwhile. Raises DatabaseUnavailable."""
        change = None
        while change != self._changes:
            change = self._changes
            found = await self._store.read(partial(bans.current, now=_now()))
        self.bans = found

    async def watch(self, close_sockets: Callable[[], Awaitable[None]]) -> None:
        """Reload the bans until cancelled, since the broker may have lost an event.

        `close_sockets` then closes the sockets of users whose revocation was not received here.
        """
        while True:
            await asyncio.sleep(REFRESH_INTERVAL)
            try:
                await self.refresh()
                await close_sockets()
            except DatabaseUnavailable as error:
                log.warning("bans not refreshed, the database is unavailable: %s", error)
            except Exception:
                log.exception("bans not refreshed")


def _now() -> int:
    return time.time_ns() // 1000
