"""Publishes to users with an open notifications socket which of their rooms have changed.

Changes within a fifth of a second are coalesced into one event for each user; the first one after
a pause is published at once. The event only names rooms: receivers read counters in the database.
"""

import asyncio
import logging
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from itertools import islice

from ...realtime.brokers import Unreachable
from ...realtime.commits import Commit
from ...realtime.events import RoomEvent
from ...realtime.hub import Hub
from ...realtime.user_channels import UserEvent
from ...store import unread
from ...store.store import DatabaseUnavailable, Store

log = logging.getLogger("roomcast.notifications")

EVENT_INTERVAL = 0.2  # seconds between two events for the same user
MAX_ROOMS = 1_000  # rooms in one event
ROOMS_PER_QUERY = 100  # rooms whose members are read in one query


class NotificationDispatcher:
    """A commit listener. It is idle in a single process without notifications sockets."""

    def __init__(self, store: Store, hub: Hub) -> None:
        self._store = store
        self._hub = hub
        self.readers = 0  # users with notifications open in this process
        self.rooms: dict[int, set[str] | None] = {}  # users to notify by room; None: all members
        self._users: dict[str, set[int]] = {}  # former members, and the rooms that they left
        self.task: asyncio.Task[None] | None = None

    async def aclose(self) -> None:
        if self.task is not None:
            self.task.cancel()
            await asyncio.gather(self.task, return_exceptions=True)

    async def on_commit(self, commit: Commit) -> None:
        """Notify the members of the rooms that changed."""
        self.note(commit.events)
        for room_id, users in commit.left.items():
            self.note_users(users, room_id)

    def note(self, events: Mapping[int, RoomEvent]) -> None:
        """Record the rooms that one commit changed, for the next notifications."""
        if not (self.readers or self._hub.is_shared):
            return
        for room_id, event in events.items():
            if event.changes:
                self.rooms[room_id] = None
            elif event.marks:
                movers = self.rooms.setdefault(room_id, set())
                if movers is not None:
                    movers.update(mark.user_id for mark in event.marks)
        self._start()

    def note_rooms(self, room_ids: Iterable[int]) -> None:
        """Notify the members of rooms in which something may have changed."""
        self.rooms |= dict.fromkeys(room_ids)
        self._start()

    def note_users(self, users: Iterable[str], room_id: int) -> None:
        """Record that users are no longer members of a room."""
        if not (self.readers or self._hub.is_shared):
            return
        for user_id in users:
            self._users.setdefault(user_id, set()).add(room_id)
        self._start()

    def _start(self) -> None:
        if self.task is None and (self.rooms or self._users):
            self.task = asyncio.create_task(self._run(), name="roomcast.notifications")

    async def _run(self) -> None:
        try:
            while self.rooms or self._users:
                await self._deliver()
                await asyncio.sleep(EVENT_INTERVAL)
        finally:
            self.task = None

    async def _deliver(self) -> None:
        rooms, self.rooms = self.rooms, {}
        users, self._users = self._users, {}
        try:
            await self._add_members(users, rooms)
        except DatabaseUnavailable as error:
            log.warning("notifications delayed: database unavailable: %s", error)
            self.rooms = rooms | self.rooms
        except Exception:
            log.exception("notifications of a commit not published")
        events = (UserEvent(user_id, some) for user_id in users for some in parts(users[user_id]))
        results = await asyncio.gather(
            *map(self._hub.user_channels.publish, events), return_exceptions=True
        )
        for failure in results:
            if not isinstance(failure, Unreachable | None):
                log.error("notification task failed", exc_info=failure)

    async def _add_members(
        self, users: dict[str, set[int]], rooms: Mapping[int, set[str] | None]
    ) -> None:
        """Add the members of rooms to the users to notify.

        If only receipts moved in a room of two, nobody else's status changed.
        """
        find = partial(unread.members, dialect=self._store.dialect)
        for some in parts(rooms, ROOMS_PER_QUERY):
            members = await self._store.read(partial(find, room_ids=some))
            for room_id, all_ in members.items():
                movers = rooms[room_id]
                for user_id in all_ if movers is None or len(all_) > 2 else movers:
                    users.setdefault(user_id, set()).add(room_id)


def parts(rooms: Iterable[int], size: int = MAX_ROOMS) -> Iterator[list[int]]:
    each = iter(rooms)
    while some := list(islice(each, size)):
        yield some
