"""Export all data of a user, line by line, a few rows at a time."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import partial

from msgspec import UNSET, Struct, UnsetType

from ...protocol import events, ids
from ...protocol.ids import wire_user
from ...protocol.room_look import look_of
from ...store import account, receipts, room_list
from ...store.messages import MessageRow
from ...store.receipts import Status
from ...store.room_list import Listed
from ...store.store import Connection, Store
from ..custom_data import unpack_data
from ..serializers import Link, message_of

Marks = dict[str, tuple[int, int]]  # user → delivered and read up to these ids
ROW_BATCH = 100  # rows in one query
ROOM_BATCH = 10  # rooms in one query, each with all of its members
MESSAGE_BATCH = 100  # messages of the user in one query
MAX_SEARCHED_MESSAGES = 1_000  # of a room, searched for the user's in one query


class ExportLine(Struct, tag_field="type"):
    """One JSON object of an export."""


class ExportedUser(ExportLine, tag="user"):
    """The first line: whose data these are."""

    user_id: int | str
    name: str | None
    picture: str | None


class ExportedRoom(ExportLine, tag="room"):
    """A room of the user, and the ids up to which they have received and read messages."""

    room_id: int
    title: str | None
    context: str | None
    created_at: str
    members: list[int | str]
    muted: bool
    archived: bool
    about: events.About | UnsetType = UNSET
    data: events.JsonObject | UnsetType = UNSET
    frozen: bool | UnsetType = UNSET
    marked_unread: bool | UnsetType = UNSET


class LeftRoom(ExportLine, tag="left_room"):
    """A room that the user has left, but whose messages of theirs are part of the export."""

    room_id: int


class ExportedMessage(ExportLine, tag="message"):
    """A message that the user sent, under its room."""

    message: events.Message


class ExportedReaction(ExportLine, tag="reaction"):
    """A reaction of the user to any message."""

    room_id: int
    message_id: int
    emoji: str
    created_at: str


class ExportedBlock(ExportLine, tag="block"):
    """A user whom the user has blocked."""

    user_id: int | str
    created_at: str


class ExportEnd(ExportLine, tag="end"):
    """The last line: without it the export is incomplete."""

    messages: int


def unpack_line(line: ExportLine) -> ExportLine:
    """Return the line for the host's code, with `data` decoded as a dict."""
    if isinstance(line, ExportedMessage):
        unpack_data(line.message)
    elif isinstance(line, ExportedRoom):
        unpack_data(line)
    return line


async def lines(store: Store, user_id: str, link: Link) -> AsyncGenerator[ExportLine, None]:
    """Yield the lines of an export. Data that is written meanwhile may be missing."""
    profile = await store.read(partial(account.profile, user_id=user_id))
    yield ExportedUser(wire_user(user_id), profile.name, profile.picture)
    sent = 0
    async with aclosing(_rooms(store, user_id, link)) as rooms:
        async for line in rooms:
            sent += isinstance(line, ExportedMessage)
            yield line
    async with aclosing(_reactions(store, user_id)) as reactions:
        async for line in reactions:
            yield line
    for blocked in await store.read(partial(account.blocked, user_id=user_id)):
        yield ExportedBlock(wire_user(blocked.user_id), ids.when(blocked.created_at))
    yield ExportEnd(sent)


async def _rooms(store: Store, user_id: str, link: Link) -> AsyncGenerator[ExportLine, None]:
    above = 0
    while True:
        find = partial(account.places, user_id=user_id, above=above, limit=ROOM_BATCH)
        places = await store.read(find)
        mine = [place.room_id for place in places if place.is_member]
        listed = await store.read(partial(room_list.of_ids, user_id=user_id, room_ids=mine))
        known = {room.room.id: room for room in listed}
        for place in places:
            room = known.get(place.room_id)
            yield LeftRoom(place.room_id) if room is None else _shown(room)
            async with aclosing(_sent_messages(store, user_id, place.room_id)) as sent:
                async for message, status in sent:
                    if room is None:  # the others' words there are no longer theirs to read
                        message.quote, message.reactions = None, ()
                    yield ExportedMessage(message_of(message, link, status))
        if len(places) < ROOM_BATCH:
            return
        above = places[-1].room_id


def _shown(listed: Listed) -> ExportedRoom:
    room = listed.room
    return ExportedRoom(
        room.id,
        room.title or None,
        room.context or None,
        ids.when(room.created_at),
        [wire_user(person.user_id) for person in listed.members],
        listed.is_muted,
        listed.is_archived,
        *look_of(room.about, room.data, is_frozen=bool(room.frozen)),
        True if listed.is_marked_unread else UNSET,
    )


async def _sent_messages(
    store: Store, user_id: str, room_id: int
) -> AsyncGenerator[tuple[MessageRow, Status], None]:
    async def load(db: Connection, above: int) -> tuple[list[MessageRow], int | None, Marks]:
        found, last = await account.own(
            db, user_id, room_id, above, MAX_SEARCHED_MESSAGES, MESSAGE_BATCH
        )
        return found, last, await receipts.of_room(db, room_id)

    above: int | None = 0
    while above is not None:
        found, above, marks = await store.read(partial(load, above=above))
        for message in found:
            yield message, receipts.status(marks, user_id, message.id)


async def _reactions(store: Store, user_id: str) -> AsyncGenerator[ExportLine, None]:
    last = None
    while True:
        find = partial(account.given, user_id=user_id, after=last, limit=ROW_BATCH)
        found = await store.read(find)
        for given in found:
            when = ids.when(given.created_at)
            yield ExportedReaction(given.room_id, given.message_id, given.emoji, when)
        if len(found) < ROW_BATCH:
            return
        last = found[-1]
