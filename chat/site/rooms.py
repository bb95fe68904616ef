"""The site's calls about rooms: it opens, lists, changes and deletes them."""

import json
from collections.abc import Sequence
from hashlib import blake2b

from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from ...integrations import audit
from ...protocol.errors import InvalidFrame, NotFound
from ...protocol.events import About
from ...protocol.ids import is_clean
from ...store import quotas, site_rooms
from ...store.members import SITE
from ...store.room_places import RoomPlace
from ...store.room_words import context_term
from ...store.site_rooms import RoomFilter, SitePatch, SiteRoom
from ...store.store import Connection, Store
from ..about import pack_about
from ..custom_data import MAX_SITE_DATA_SIZE, JsonObject, pack_data
from ..members import Members
from ..room_lists import RoomLists, terms_of
from ..rooms import RoomDetails, Rooms
from .records import Page, RoomRecord, room_of

PAGE_SIZE = 50
MAX_KEY_LENGTH = 255
MAX_DIGITS = 19  # a number in a cursor has fewer, so that it fits into 63 bits


class RoomChanges(Struct):
    """The changes to a room; a field that is left out keeps its value."""

    title: str | UnsetType | None = UNSET
    about: About | JsonObject | UnsetType | None = UNSET
    data: JsonObject | UnsetType | None = UNSET
    frozen: bool | UnsetType = UNSET

    def pack(self) -> SitePatch:
        """Encode the changes for the store. Raises TooLong and InvalidFrame."""
        packed = SitePatch(frozen=self.frozen)
        if self.title is not UNSET:
            packed.title = self.title or ""
        if self.about is not UNSET:
            packed.about = None if self.about is None else pack_about(self.about)
        if self.data is not UNSET:
            packed.data = None if self.data is None else pack_room_data(self.data)
        return packed


def pack_room_data(data: JsonObject) -> str:
    """Encode the data as JSON. Raises TooLong and InvalidFrame."""
    return bytes(pack_data(data, MAX_SITE_DATA_SIZE)).decode()


def details_of(
    context: str | None,
    title: str | None,
    about: About | JsonObject | None,
    data: JsonObject | None,
) -> RoomDetails:
    """Return the details of a new room. Raises TooLong and InvalidFrame."""
    return RoomDetails(
        context or "",
        title or "",
        about=None if about is None else pack_about(about),
        data=None if data is None else pack_room_data(data),
    )


class SiteRoomQuery(Struct, frozen=True):
    """A query for rooms: of a user, of a context, with words that begin like these."""

    user_id: str | None = None
    context: str | None = None
    query: str | None = None


class SiteRooms:
    """Calls of the site about rooms."""

    def __init__(self, store: Store, rooms: Rooms, members: Members, lists: RoomLists) -> None:
        self._lists = lists
        self._store = store
        self._rooms = rooms
        self._members = members

    async def open(
        self, users: Sequence[str], new: RoomDetails, key: str | None = None
    ) -> tuple[RoomRecord, bool]:
        """Open a room; return it, and whether it is new. A repeated `key` opens no second room.

        Raises Conflict if the key was used for another room.
        """
        if key is not None:
            new = replace(new, request=_request_of(users, new, key))
        opened = await self._rooms.open(SITE, users, new)
        audit.record("room_opened", room_id=opened.room.id, is_new=opened.is_new)
        return await self.get(opened.room.id), opened.is_new

    async def get(self, room_id: int) -> RoomRecord:
        """Return a room. Raises NotFound."""
        found = await self._store.read(lambda db: site_rooms.one(db, room_id))
        if found is None:
            raise NotFound
        return room_of(found)

    async def page(self, wanted: SiteRoomQuery, cursor: str | None) -> Page[RoomRecord]:
        """Return a page of rooms, the newest first. Raises InvalidFrame."""
        terms = terms_of(wanted.query)
        if terms is None:
            return Page([], None)
        if wanted.context:
            terms = (*terms, context_term(wanted.context))
        as_of, after = (None, None) if cursor is None else _place_of(cursor)
        if terms:
            await self._lists.catch_up(wanted.user_id or SITE)
        asked = RoomFilter(wanted.user_id, terms, after, as_of)

        async def load(db: Connection) -> tuple[list[SiteRoom], list[RoomPlace]]:
            return await site_rooms.page(db, self._store.dialect, asked, PAGE_SIZE + 1)

        found, places = await self._store.read(load)
        following = None
        if len(places) > PAGE_SIZE:
            last = places[PAGE_SIZE - 1]
            following = f"{places[0].at if as_of is None else as_of}-{last.at}-{last.room_id}"
        return Page([room_of(room) for room in found[:PAGE_SIZE]], following)

    async def update(self, room_id: int, patch: RoomChanges) -> RoomRecord:
        """Change a room and return it. Raises NotFound, TooLong and InvalidFrame."""
        await self._members.patch(room_id, patch.pack())
        audit.record("room_changed", room_id=room_id)
        return await self.get(room_id)

    async def delete(self, room_id: int) -> None:
        """Delete a room for all its members. Raises NotFound."""
        await self._rooms.delete(room_id, SITE)
        audit.record("room_deleted", room_id=room_id)

    async def add_member(self, room_id: int, user_id: str) -> bool:
        """Add a member; return False if they are in it already. Raises NotFound and Conflict."""
        is_new = await self._members.add(room_id, SITE, user_id)
        audit.record("member_added", room_id=room_id, user_id=user_id)
        return is_new

    async def remove_member(self, room_id: int, user_id: str) -> None:
        """Remove a member. Raises NotFound, and Conflict for a room of two."""
        await self._members.remove(room_id, SITE, user_id)
        audit.record("member_removed", room_id=room_id, user_id=user_id)

    async def members(self, room_id: int) -> set[str]:
        """Return the members' ids. Raises NotFound."""

        async def load(db: Connection) -> set[str] | None:
            return await site_rooms.find_members(db, room_id)

        found = await self._store.read(load)
        if found is None:
            raise NotFound
        return found


def _place_of(cursor: str) -> tuple[int, RoomPlace]:
    """Return the time of the first page, and the last room of the previous page."""
    parts = cursor.split("-")
    if len(parts) != 3 or not all(  # as many as a cursor has
        part.isascii() and part.isdecimal() and len(part) < MAX_DIGITS for part in parts
    ):
        raise InvalidFrame("cursor: not one of this server's.")
    as_of, at, room_id = map(int, parts)
    return as_of, RoomPlace(at, room_id)


def _request_of(users: Sequence[str], new: RoomDetails, key: str) -> quotas.Request:
    if not key or len(key) > MAX_KEY_LENGTH or not is_clean(key):
        raise InvalidFrame(f"Idempotency-Key: a text of 1 to {MAX_KEY_LENGTH} characters.")
    fields = json.dumps([sorted(users), new.context, new.title, new.about, new.data, new.is_frozen])
    digest = blake2b(fields.encode(), digest_size=8).digest()
    return quotas.Request(key, int.from_bytes(digest, "big", signed=True))
