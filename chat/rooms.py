"""Opens and deletes rooms: checks permissions, commits, then publishes."""

import time
from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from ..integrations.hooks import BeforeOpen, ask_before_open
from ..protocol import codec
from ..protocol.errors import Conflict, Forbidden, InvalidFrame, NotFound, RateLimited
from ..protocol.ids import wire_user, wire_users
from ..realtime.commits import Commit, CommitListener
from ..realtime.events import RoomEvent
from ..settings import Settings
from ..store import blocks, quotas, receipts, rooms, site_rooms
from ..store.members import SITE
from ..store.outbox import NewEvent
from ..store.quotas import Request
from ..store.rooms import Opened
from ..store.store import Connection, Store
from .text_policy import TextPolicy


class RoomDetails(Struct, frozen=True):
    """The details of a new room; `request` names a request of the site that may be repeated."""

    context: str = ""
    title: str = ""
    request: Request | None = None
    about: str | None = None  # JSON, as data
    data: str | None = None
    is_frozen: bool = False


NO_DETAILS = RoomDetails()


class Rooms:
    """Changes to a room as a whole."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        commits: CommitListener,
        texts: TextPolicy,
        before_open: BeforeOpen | None,
    ) -> None:
        self._texts = texts
        self._limits = settings.limits
        self._is_open_to_members = settings.rooms.open_by == "members"
        self._store = store
        self._commits = commits
        self._before_open = before_open

    async def open(
        self, creator_id: str, members: Sequence[str], new: RoomDetails = NO_DETAILS
    ) -> Opened:
        """Open a room of these members; two members share one room for each context.

        Raises Forbidden if the creator may not open it, and RateLimited if they have opened too
        many rooms on this day. Neither applies to the site.
        """
        users = self._check_members(members)
        if creator_id == SITE:
            self._texts.check_label(new.context, "context")
            self._texts.check_label(new.title, "title")
        else:
            context = await self._texts.approve_context(creator_id, new.context)
            title = await self._texts.approve_title(None, creator_id, new.title)
            new = replace(new, context=context, title=title)
            await self._permit(creator_id, users, context)
        now = time.time_ns() // 1000

        async def work(db: Connection) -> Opened:
            return await self._open(db, creator_id, users, new, now)

        opened = await self._store.write(work)
        await self._commits.on_commit(Commit({}))
        return opened

    def _check_members(self, members: Sequence[str]) -> list[str]:
        users, most = list(dict.fromkeys(members)), self._limits.max_members
        if len(users) < 2:
            raise InvalidFrame("members: a room needs somebody else.")
        if len(users) > most:
            raise InvalidFrame(f"members: at most {most} in a room.")
        return users

    async def _permit(self, creator_id: str, users: list[str], context: str) -> None:
        """Raise a Refusal if the creator may not open a new room; existing ones pass."""
        if self._is_open_to_members and self._before_open is None:
            return
        if await self._store.read(lambda db: rooms.find_pair(db, users, context)) is not None:
            return
        if not self._is_open_to_members:
            raise Forbidden("Rooms are opened by the site.")
        if self._before_open is not None:
            creator, others = wire_user(creator_id), wire_users(users)
            await ask_before_open(self._before_open, creator, others, context)

    async def _open(
        self, db: Connection, creator_id: str, users: list[str], new: RoomDetails, now: int
    ) -> Opened:
        if new.request is not None and (known := await self._known(db, new.request)):
            return known
        owner = users[0] if creator_id == SITE else creator_id
        opened = await rooms.open_(db, owner, users, new.context, new.title, now)
        if opened.is_new:
            if creator_id != SITE:
                await self._count(db, creator_id, users, now)
            if new.about or new.data or new.is_frozen:
                patch = site_rooms.SitePatch(about=new.about, data=new.data, frozen=new.is_frozen)
                await site_rooms.patch(db, opened.room.id, patch)
            await self._store.note(db, NewEvent("room_created", opened.room.id, creator_id))
        if new.request is not None:
            await quotas.keep_request(db, new.request, opened.room.id, now)
        return opened

    async def _known(self, db: Connection, request: Request) -> Opened | None:
        """Return the room that this request has opened before. Raises Conflict and NotFound."""
        found = await quotas.find_request(db, request.key)
        if found is None:
            return None
        room_id, body_hash = found
        if body_hash != request.body_hash:
            raise Conflict("This Idempotency-Key has opened another room.")
        room = await site_rooms.one(db, room_id)
        if room is None:
            raise NotFound("The room that this Idempotency-Key has opened was deleted.")
        as_opened = rooms.RoomRow(room.id, room.context, room.title, room.created_at)
        return Opened(as_opened, [person.user_id for person in room.members], is_new=False)

    async def _count(self, db: Connection, creator_id: str, users: list[str], now: int) -> None:
        """Check blocks and count the room in the creator's daily quota (`limits.rooms_per_day`)."""
        if await blocks.any_blocked(db, users, creator_id):
            raise Forbidden
        most = self._limits.rooms_per_day
        if most and await quotas.count_opened_room(db, creator_id, now) > most:
            reset_in = quotas.seconds_until_reset(now)
            text = f"You have opened {most} rooms today: go on tomorrow."
            raise RateLimited(text, retry_after=reset_in)

    async def delete(self, room_id: int, user_id: str) -> None:
        """Delete a room for all its members; messages and objects follow. Raises NotFound."""
        now = time.time_ns() // 1000

        async def delete(db: Connection) -> tuple[list[str], bool]:
            members = sorted(await receipts.of_room(db, room_id))
            is_deleted = await rooms.delete(db, room_id, user_id, now)
            if is_deleted:
                left = codec.encode(members).decode()
                context = await rooms.find_context(db, room_id)
                event = NewEvent("room_deleted", room_id, user_id, members=left, context=context)
                await self._store.note(db, event)
            return members, is_deleted

        members, is_deleted = await self._store.write(delete)
        if not is_deleted:
            raise NotFound
        event = RoomEvent(is_deleted=True)
        await self._commits.on_commit(Commit({room_id: event}, left={room_id: members}))
