"""A user's list of rooms, as a page of it is read."""

from typing import Any

from roomcast.store import room_list, room_pages
from roomcast.store.room_list import Listed
from roomcast.store.room_pages import RoomQuery
from roomcast.store.store import Connection, Store


async def list_rooms(store: Store, user_id: str, limit: int = 9, **query: Any) -> list[Listed]:
    """The newest activity first."""

    async def look(db: Connection) -> list[Listed]:
        wanted = RoomQuery(user_id, limit, **query)
        places = await room_pages.find(db, store.dialect, wanted)
        return await room_list.of_ids(db, user_id, [place.room_id for place in places])

    return await store.read(look)
