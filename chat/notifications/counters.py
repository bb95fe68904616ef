"""The unread counters of one user, and the newest unread message of the most recent rooms."""

from collections.abc import Collection, Iterator
from functools import partial
from heapq import nlargest

from msgspec import UNSET

from ...protocol.events import About, Notice, Notified
from ...protocol.ids import when
from ...protocol.room_look import about_of
from ...store import blocks, unread
from ...store.dialect import Dialect
from ...store.store import Connection, Store
from ...store.unread import Newest, Unread
from ..contexts import Contexts
from ..serializers import kind_of, sender_of, summaries_of

MAX_ROOMS_PER_FRAME = 100  # rooms in a frame

Counted = tuple[dict[int, Unread], dict[int, Newest], set[str], dict[int, Newest]]


class Counters:
    """The rooms of a user with unread messages, and the newest message of the most recent ones."""

    def __init__(self, user_id: str, store: Store, contexts: Contexts) -> None:
        self._user_id = user_id
        self._store = store
        self._contexts = contexts
        self._abouts: dict[str, About | None] = {}  # the site's descriptions, by context
        self.rooms: dict[int, Unread] = {}
        self._newest: dict[int, Newest] = {}
        self._online: set[str] = set()

    async def load_changed(self, changed: Collection[int] | None = None) -> list[tuple[int, int]]:
        """Count these rooms, or all; return (room, message) ids that are not delivered yet."""
        work = partial(self._count, changed=changed)
        self.rooms, self._newest, self._online, fresh = await self._store.read(work)
        return [
            (room_id, newest.id) for room_id, newest in fresh.items() if not newest.is_delivered
        ]

    async def describe(self) -> None:
        """Ask the site about rooms without a stored subject. Call it after `load_changed`."""
        asked = set(self._undescribed())
        found = await self._contexts.describe(asked)
        kept = {context: self._abouts.get(context) for context in set(self._undescribed()) - asked}
        self._abouts = {**kept, **found}

    def _undescribed(self) -> Iterator[str]:
        return (newest.context for newest in self._newest.values() if newest.about is None)

    async def _count(self, db: Connection, changed: Collection[int] | None) -> Counted:
        if changed is None:
            rooms = {
                r.room_id: r for r in await unread.everywhere(db, self._dialect, self._user_id)
            }
            return await self._show(db, rooms, {}, {})
        found = await unread.of_rooms(db, self._user_id, list(changed))
        rooms = {id_: room for id_, room in self.rooms.items() if id_ not in changed}
        rooms |= {id_: room for id_, (room, _) in found.items()}
        fresh = {id_: newest for id_, (_, newest) in found.items()}
        return await self._show(db, rooms, self._newest | fresh, fresh)

    async def _show(
        self,
        db: Connection,
        rooms: dict[int, Unread],
        known: dict[int, Newest],
        fresh: dict[int, Newest],
    ) -> Counted:
        top = most_recent(rooms)
        more = await unread.of_rooms(db, self._user_id, [id_ for id_ in top if id_ not in known])
        known = known | {id_: newest for id_, (_, newest) in more.items()}
        newest = {id_: known[id_] for id_ in top if id_ in known}
        senders = {each.sender_id for each in newest.values()}
        online = await unread.online(db, self._dialect, senders)
        if online:
            online -= await blocks.find_blockers(db, self._user_id, online)
        return rooms, newest, online, fresh

    @property
    def _dialect(self) -> Dialect:
        return self._store.dialect

    def frame(self) -> Notified:
        total = sum(room.count for room in self.rooms.values() if not room.is_muted)
        return Notified(total, [self._notice(id_) for id_ in self._newest])

    def _notice(self, room_id: int) -> Notice:
        newest = self._newest[room_id]
        return Notice(
            room_id,
            self.rooms[room_id].count,
            newest.text,
            newest.status,
            sender_of(newest.sender_id),
            "online" if newest.sender_id in self._online else "offline",
            when(newest.created_at),
            when(newest.updated_at),
            summaries_of(newest.attachments),
            kind_of(newest.sender_id),
            about_of(newest.about) or self._abouts.get(newest.context) or UNSET,
        )


def most_recent(rooms: dict[int, Unread]) -> list[int]:
    return nlargest(MAX_ROOMS_PER_FRAME, rooms, key=lambda id_: (rooms[id_].active_at, id_))
