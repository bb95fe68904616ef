"""Changes of a room's members, title and personal flags: check, write, publish."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from typing import Any, TypeVar

from msgspec import UNSET
from msgspec.structs import replace

from ..integrations.hooks import BeforeOpen, ask_before_open
from ..protocol.errors import Conflict, Forbidden, InvalidFrame, NotFound, Refusal
from ..protocol.ids import wire_user, wire_users
from ..realtime.brokers import Unreachable
from ..realtime.commits import Commit, CommitListener
from ..realtime.events import Mark, RoomEvent
from ..realtime.hub import Hub
from ..realtime.user_channels import UserEvent
from ..store import blocks, members, room_list, rooms, site_rooms
from ..store.members import SITE, MembershipChange, Reason
from ..store.outbox import NewEvent
from ..store.room_list import Listed
from ..store.rooms import RoomPatch
from ..store.site_rooms import SitePatch
from ..store.store import Connection, Store
from .text_policy import TextPolicy

log = logging.getLogger("roomcast.members")
T = TypeVar("T")
Spawn = Callable[[Coroutine[Any, Any, T]], asyncio.Task[T]]
Work = Callable[[Connection], Awaitable[MembershipChange | Reason]]


class Members:
    """Changes of members. They take no version, but increase the version of the member list."""

    def __init__(
        self,
        store: Store,
        hub: Hub,
        commits: CommitListener,
        spawn: Spawn[Any],
        texts: TextPolicy,
        before_open: BeforeOpen | None,
    ) -> None:
        self._texts = texts
        self._before_open = before_open
        self._limits = texts.limits
        self._store = store
        self._hub = hub
        self._commits = commits
        self._spawn = spawn

    async def room(self, room_id: int, user_id: str) -> Listed:
        """Return the room as this member sees it. Raises NotFound."""
        find = partial(room_list.of_ids, user_id=user_id, room_ids=[room_id])
        found = await self._store.read(find)
        if not found:
            raise NotFound
        return found[0]

    async def change(self, room_id: int, user_id: str, patch: RoomPatch) -> None:
        """Set the user's own flags of a room (muted, archived), and the title for all members."""
        if patch.title is not None:
            title = await self._texts.approve_title(room_id, user_id, patch.title)
            patch = replace(patch, title=title)
        work = partial(rooms.change, room_id=room_id, user_id=user_id, patch=patch)
        renamed = NewEvent("room_changed", room_id, user_id, text=patch.title)
        await self._write(work, renamed)

    async def patch(self, room_id: int, wanted: SitePatch) -> None:
        """Change a room on behalf of the site. Raises NotFound."""
        if wanted.title is not UNSET:
            self._texts.check_label(wanted.title, "title")

        async def work(db: Connection) -> MembershipChange | Reason:
            members_version = await site_rooms.patch(db, room_id, wanted)
            return "not_found" if members_version is None else MembershipChange(members_version)

        title = None if wanted.title is UNSET else wanted.title
        await self._write(work, NewEvent("room_changed", room_id, SITE, text=title))

    async def add(self, room_id: int, user_id: str, guest_id: str) -> bool:
        """Add a member as the creator of the room; return False if they are in it already.

        The host's `before_open` may refuse a request of a member; the site's own calls skip it.
        """
        await self._permit(room_id, user_id, guest_id)
        most, now = self._limits.max_members, time.time_ns() // 1000

        async def work(db: Connection) -> MembershipChange | Reason:
            return await members.add(db, room_id, user_id, guest_id, most, now)

        find = partial(blocks.find_blocked_members, room_id=room_id, user_id=guest_id)
        for blocked in await self._store.read(find):
            await self._publish_block(guest_id, blocked, is_blocked=True)
        added = NewEvent("member_added", room_id, user_id, about=guest_id)
        return (await self._write(work, added)).members_version > 0

    async def _permit(self, room_id: int, user_id: str, guest_id: str) -> None:
        """Ask the host, but only about a change that is possible: `add` refuses the others."""
        if self._before_open is None or user_id == SITE:
            return
        find = partial(members.find_addition, room_id=room_id, user_id=user_id, guest_id=guest_id)
        asked = await self._store.read(find)
        if asked is not None:
            users = wire_users([*asked.members, guest_id])
            await ask_before_open(self._before_open, wire_user(user_id), users, asked.context)

    async def remove(self, room_id: int, user_id: str, other_id: str) -> None:
        """Remove the caller, or as the creator another member; without members the room ends."""
        now = time.time_ns() // 1000

        async def work(db: Connection) -> MembershipChange | Reason:
            return await members.remove(db, room_id, user_id, other_id, now)

        await self._write(work, NewEvent("member_removed", room_id, user_id, about=other_id))

    async def block(self, user_id: str, blocked_id: str) -> None:
        """Block a user: in direct rooms their messages are refused. Clients are sent no event.

        Raises Conflict if the user has blocked `limits.max_blocks` others already.
        """
        if user_id == blocked_id:
            raise InvalidFrame("user_id: users cannot block themselves.")
        now = time.time_ns() // 1000
        most = self._limits.max_blocks

        async def work(db: Connection) -> None:
            await blocks.add(db, user_id, blocked_id, now)
            if await blocks.count(db, user_id) > most:
                raise Conflict(f"You have blocked {most} users: unblock one first.")

        await self._store.write(work)
        await self._publish_block(user_id, blocked_id, is_blocked=True)

    async def unblock(self, user_id: str, blocked_id: str) -> None:
        """End a block, and publish the receipts that it has hidden from the other user."""
        shown = await self._store.write(lambda db: blocks.remove(db, user_id, blocked_id))
        events = {
            room_id: RoomEvent(marks=[Mark(user_id, *watermarks, by_joining=False)])
            for room_id, watermarks in shown.items()
        }
        if events:
            await self._commits.on_commit(Commit(events))
        await self._publish_block(user_id, blocked_id, is_blocked=False)

    async def _publish_block(self, user_id: str, blocked_id: str, *, is_blocked: bool) -> None:
        """Rooms of several stop, or begin, to send the blocked user receipts of the other."""
        event = UserEvent(blocked_id, blocker=user_id, is_blocked=is_blocked)
        try:
            await self._hub.user_channels.publish(event)
        except Unreachable as error:
            log.info("block published locally only: user=%s error=%s", blocked_id, error)

    # ------------------------------------------------------------ write, then publish

    async def _write(self, work: Work, new_event: NewEvent) -> MembershipChange:
        """Write and publish a change, even if the caller is cancelled. Raises its Refusal."""
        task = self._spawn(self._write_and_publish(work, new_event))
        done: MembershipChange | Reason = await asyncio.shield(task)
        if isinstance(done, MembershipChange):
            return done
        raise self._refusal(done)

    async def _write_and_publish(
        self, work: Work, new_event: NewEvent
    ) -> MembershipChange | Reason:
        room_id = new_event.room_id

        async def noted(db: Connection) -> MembershipChange | Reason:
            done = await work(db)
            if isinstance(done, MembershipChange) and done.members_version:
                ended = [await self._ended(db, new_event)] if done.is_empty else []
                await self._store.note(db, new_event, *ended)
            return done

        done = await self._store.write(noted)
        if isinstance(done, MembershipChange):
            if done.members_version:
                event = RoomEvent(is_deleted=done.is_empty, members_version=done.members_version)
                await self._commits.on_commit(Commit({room_id: event}))
            try:
                await self._hub.user_channels.publish(
                    UserEvent(new_event.about or new_event.user_id, [room_id])
                )
            except Unreachable as error:  # other processes reload when the broker is back
                log.info("user not removed from a room: room=%d error=%s", room_id, error)
        return done

    @staticmethod
    async def _ended(db: Connection, left: NewEvent) -> NewEvent:
        """The event of a room whose last member has left."""
        context = await rooms.find_context(db, left.room_id)
        return NewEvent("room_deleted", left.room_id, left.user_id, members="[]", context=context)

    def _refusal(self, reason: Reason) -> Refusal:
        match reason:
            case "pair":
                return Conflict("A room of two stays one: open a new room for others.")
            case "full":
                return Conflict(
                    f"The room is full: at most {self._limits.max_members} may be in it."
                )
            case "forbidden":
                return Forbidden()
            case "not_found":
                return NotFound()
