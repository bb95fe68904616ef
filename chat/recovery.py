"""Recovery after the database has not answered a commit, or was restored."""

import asyncio
import logging

from ..protocol.errors import Close
from ..realtime.hub import Hub
from ..store.commit_queue import CommitQueue
from ..store.store import DatabaseUnavailable, Store
from .notifications.dispatcher import NotificationDispatcher
from .notifications.inbox import Inboxes
from .presence import Presence

log = logging.getLogger("roomcast.recovery")

CHECK_INTERVAL = 1.0  # seconds between two attempts to reach the database
RECOGNIZE_INTERVAL = 5.0  # seconds between two checks whether the database was restored


class Recovery:
    """Repairs rooms with an unconfirmed commit, and closes all rooms of a restored database."""

    def __init__(
        self,
        store: Store,
        queue: CommitQueue,
        hub: Hub,
        dispatcher: NotificationDispatcher,
        inboxes: Inboxes,
        presence: Presence,
    ) -> None:
        self._store = store
        self._queue = queue
        self._hub = hub
        self._dispatcher = dispatcher
        self._inboxes = inboxes
        self._presence = presence
        self._unconfirmed: set[int] = set()
        self._repair: asyncio.Task[None] | None = None

    def on_unconfirmed(self, room_ids: set[int]) -> None:
        """Record rooms with an unconfirmed commit, to be compared once the database answers."""
        self._unconfirmed |= room_ids
        if self._repair is None:
            self._repair = asyncio.create_task(self._repair_rooms(), name="roomcast recovery")

    async def _repair_rooms(self) -> None:
        """Publish gaps to the unconfirmed rooms until none is left; failures are retried."""
        try:
            while self._unconfirmed:
                await asyncio.sleep(CHECK_INTERVAL)
                room_ids = frozenset(self._unconfirmed)
                try:
                    await self._store.check()
                    self._dispatcher.note_rooms(room_ids)
                    await self._hub.publish_gaps(set(room_ids))
                except DatabaseUnavailable as error:
                    log.debug("unconfirmed commits not looked up: %s", error)
                except Exception:
                    log.exception("unconfirmed commits not looked up; tried again")
                else:
                    self._unconfirmed -= room_ids
        finally:
            self._repair = None

    def on_database_restored(self) -> None:
        """Close all rooms and inboxes: clients have seen changes that are lost, and must resume."""
        self._queue.forget()
        self._hub.close_rooms()
        self._inboxes.close(Close.RESTART)
        self._presence.on_database_restored()

    async def watch(self) -> None:
        """Check the epoch until cancelled, so that an idle process notices a restore too."""
        while True:
            await asyncio.sleep(RECOGNIZE_INTERVAL)
            try:
                await self._store.recognize()
            except DatabaseUnavailable as error:
                log.debug("database not recognized: %s", error)
            except Exception:
                log.exception("database not recognized")

    async def aclose(self) -> None:
        """Stop the repair: rooms that are opened later read the database anyway."""
        if self._repair is not None:
            self._repair.cancel()
            await asyncio.gather(self._repair, return_exceptions=True)
