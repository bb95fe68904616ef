"""The calls for the host's own code, such as `await chat.post(room, "Hello")`.

They run in the chat's event loop, and raise the Refusal that a request would get. User ids are
integers or strings: `2` and `"2"` are the same user. A room is given by its id or as an object.
"""

import base64
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from datetime import datetime

from msgspec import UNSET, Struct, UnsetType

from ..protocol.actions import File, Send
from ..protocol.errors import InvalidFrame
from ..protocol.events import About, Message, Notified
from ..protocol.ids import id_of, user_of
from ..store.messages.extra import SITE
from .account.export import ExportLine, unpack_line
from .buttons import GivenButton
from .chat import ChatServices
from .custom_data import JsonObject, unpack_data
from .host_arguments import check_arguments
from .site.messages import MessageQuery, SiteEdit, SitePost
from .site.records import MessageList, Page, RoomRecord, StatsRecord, User, UserRecord
from .site.reports import ReportRecord
from .site.rooms import RoomChanges, SiteRoomQuery, details_of

RoomRef = int | str | RoomRecord
MessageRef = int | str | Message


class NewFile(Struct, frozen=True):
    """A file that the host posts; for `application/octet-stream` its bytes decide the type."""

    name: str
    content: bytes
    type: str = "application/octet-stream"


@check_arguments
class HostRooms:
    """Calls about rooms, whoever is in them."""

    _chat: ChatServices

    async def open_room(
        self,
        members: Sequence[User],
        *,
        context: str = "",
        title: str = "",
        about: About | JsonObject | None = None,
        data: JsonObject | None = None,
    ) -> RoomRecord:
        """Open a room of these users, or return the one that two users have for this context."""
        users = [user_of(user, "members") for user in members]
        details = details_of(context, title, about, data)
        room, _ = await self._chat.site_rooms.open(users, details)
        return room

    async def rooms(
        self,
        *,
        user: User | None = None,
        context: str | None = None,
        query: str | None = None,
        cursor: str | None = None,
    ) -> Page[RoomRecord]:
        """Return a page of rooms; `next` of one page is the `cursor` of the page after it.

        A user's rooms are ordered by activity, all rooms by age, the newest first. `query` matches
        the beginnings of words in titles, members' names and contexts.
        """
        of_user = None if user is None else user_of(user, "user")
        return await self._chat.site_rooms.page(SiteRoomQuery(of_user, context, query), cursor)

    async def room(self, id: RoomRef) -> RoomRecord:
        """Return a room. Raises NotFound."""
        return await self._chat.site_rooms.get(_room(id))

    async def update_room(
        self,
        id: RoomRef,
        *,
        title: str | UnsetType | None = UNSET,
        about: About | JsonObject | UnsetType | None = UNSET,
        data: JsonObject | UnsetType | None = UNSET,
        frozen: bool | UnsetType = UNSET,
    ) -> RoomRecord:
        """Change the named fields; the members' sockets get `room_changed`.

        In a frozen room only the site may send, edit, react and type.
        """
        changes = RoomChanges(title, about, data, frozen)
        return await self._chat.site_rooms.update(_room(id), changes)

    async def add_member(self, room: RoomRef, user: User) -> RoomRecord:
        """Add a user to a room of several people. Raises Conflict for a room of two."""
        await self._chat.site_rooms.add_member(_room(room), user_of(user, "user"))
        return await self.room(room)

    async def remove_member(self, room: RoomRef, user: User) -> None:
        """Remove a user from a room of several people; their sockets close with 4003."""
        await self._chat.site_rooms.remove_member(_room(room), user_of(user, "user"))

    async def delete_room(self, id: RoomRef) -> None:
        """Delete a room for all its members; their sockets in it close with 4004."""
        await self._chat.site_rooms.delete(_room(id))


@check_arguments
class HostMessages:
    """Calls about messages, whoever sent them."""

    _chat: ChatServices

    async def post(  # noqa: PLR0913 # each field is a keyword of its own
        self,
        room: RoomRef,
        text: str = "",
        *,
        sender: User | None = None,
        data: JsonObject | None = None,
        actions: Sequence[GivenButton] = (),
        files: Sequence[NewFile] = (),
        reply_to: MessageRef | None = None,
        client_id: str | None = None,
    ) -> Message:
        """Send a message of the site or, with a `sender`, on behalf of that member.

        `actions` are the buttons under it. The hook `before_send` is not asked.

        A repeated `client_id` of a sender sends nothing and returns the first message.
        """
        quoted = None if reply_to is None else _message(reply_to)
        sent = [_file(file) for file in files] or None
        send = Send(text, files=sent, client_id=client_id, reply_to=quoted, data=data)
        author = SITE if sender is None else user_of(sender, "sender")
        new = SitePost(author, send, actions)
        message, _ = await self._chat.site_messages.post(_room(room), new, self._base)
        return unpack_data(message)

    async def edit(
        self,
        room: RoomRef,
        message: MessageRef,
        *,
        text: str | None = None,
        data: JsonObject | UnsetType | None = UNSET,
        actions: Sequence[GivenButton] | None = None,
    ) -> Message:
        """Change the named fields of a message; everybody in the room gets `message_edited`.

        `data=None` removes its data. New `actions` can be pressed, even if one of the former
        buttons was chosen.
        """
        patch = SiteEdit(text, data, actions)
        messages = self._chat.site_messages
        return unpack_data(await messages.edit(_room(room), _message(message), patch, self._base))

    async def delete_message(self, room: RoomRef, message: MessageRef) -> None:
        """Delete a message with its files; everybody in the room gets `message_deleted`."""
        await self._chat.site_messages.delete(_room(room), _message(message))

    async def messages(
        self, room: RoomRef, *, before: int | None = None, after: int | None = None, limit: int = 50
    ) -> MessageList:
        """Return a page of messages, oldest first: the newest ones, or before or after an id."""
        wanted = MessageQuery(before, after, limit)
        page = await self._chat.site_messages.page(_room(room), wanted, self._base)
        for message in page:
            unpack_data(message)
        return page

    async def react(
        self, room: RoomRef, message: MessageRef, *, user: User, emoji: str, on: bool = True
    ) -> None:
        """Add or remove the reaction of a member to a message; safe to repeat."""
        author = user_of(user, "user")
        await self._chat.site_messages.react(_room(room), author, _message(message), emoji, on=on)

    async def mark_read(self, room: RoomRef, *, user: User, message: MessageRef) -> None:
        """Mark this message and all before it as read by a member."""
        reader = user_of(user, "user")
        await self._chat.site_messages.mark_read(_room(room), reader, _message(message))

    async def unread(self, user: User) -> Notified:
        """Return the number of a user's unread messages, and their rooms: for a badge."""
        return await self._chat.inboxes.unread(user_of(user, "user"))

    @property
    def _base(self) -> str:
        """Return the base of file links without a request: `server.public_url`."""
        return self._chat.settings.server.public_url


@check_arguments
class HostUsers:
    """Calls about users: their profiles, bans and data."""

    _chat: ChatServices

    async def user(self, id: User) -> UserRecord:
        """Return profile, presence and ban of a user; any id is accepted."""
        return await self._chat.site_users.get(user_of(id))

    async def set_user(
        self,
        id: User,
        *,
        name: str | UnsetType | None = UNSET,
        picture: str | UnsetType | None = UNSET,
        email: str | UnsetType | None = UNSET,
        language: str | UnsetType | None = UNSET,
    ) -> UserRecord:
        """Set the named fields; None removes one. Claims of tokens no longer change them."""
        named = {"name": name, "picture": picture, "email": email, "language": language}
        fields = {key: value for key, value in named.items() if value is not UNSET}
        return await self._chat.site_users.put(user_of(id), fields)

    async def ban(
        self, user: User, *, until: datetime | str | None = None, reason: str = ""
    ) -> None:
        """Ban a user for good or until a time; open sockets close with 4005."""
        await self._chat.site_users.ban(user_of(user, "user"), until, reason)

    async def unban(self, user: User) -> None:
        """Lift the ban of a user, if there is one."""
        await self._chat.site_users.unban(user_of(user, "user"))

    async def disconnect(self, user: User) -> None:
        """Close all sockets of a user with 4005, on every process, also those that are connecting.

        End the user's session first, or they can connect again. Raises DatabaseUnavailable if the
        chat has several processes and the database is unavailable: processes that the broker does
        not reach might then never close the sockets.
        """
        await self._chat.site_users.disconnect(user_of(user, "user"))

    async def block(self, user: User, blocked: User) -> None:
        """Block another user on behalf of this user, as `POST chat/blocks/` does."""
        await self._chat.members.block(user_of(user, "user"), user_of(blocked, "blocked"))

    async def unblock(self, user: User, blocked: User) -> None:
        """End a block of another user by this user."""
        await self._chat.members.unblock(user_of(user, "user"), user_of(blocked, "blocked"))

    async def export_user(self, id: User) -> AsyncIterator[ExportLine]:
        """Yield all data of a user, line by line; the last line is an `end`."""
        base = self._chat.settings.server.public_url
        async with aclosing(self._chat.site_users.export(user_of(id), base)) as lines:
            async for line in lines:
                yield unpack_line(line)

    async def erase_user(self, id: User) -> None:
        """Erase all data of a user: messages, files, reactions and name."""
        await self._chat.site_users.erase(user_of(id))


@check_arguments
class HostReports:
    """Calls about members' reports, and the numbers of the whole chat."""

    _chat: ChatServices

    async def reports(
        self, *, state: str | None = "open", cursor: str | None = None
    ) -> Page[ReportRecord]:
        """Return a page of reports, the newest first: `open`, `resolved`, or None for all."""
        return await self._chat.site_reports.page(state, cursor)

    async def resolve_report(self, id: int | str | ReportRecord, note: str = "") -> ReportRecord:
        """Mark a report as resolved, with a note for the other moderators."""
        report_id = id.id if isinstance(id, ReportRecord) else id_of(id, "id")
        return await self._chat.site_reports.change(report_id, "resolved", note)

    async def stats(self) -> StatsRecord:
        """Count users, rooms, messages, bytes and sockets, and the messages of each day."""
        return await self._chat.site_users.stats(self._chat.hub.open_sockets())


class HostApi(HostRooms, HostMessages, HostUsers, HostReports):
    """All calls of the host."""


def _room(room: RoomRef) -> int:
    return id_of(room.id if isinstance(room, RoomRecord) else room, "room")


def _message(message: MessageRef) -> int:
    return id_of(message.message_id if isinstance(message, Message) else message, "message")


def _file(file: NewFile) -> File:
    if not isinstance(file, NewFile):
        raise InvalidFrame("files: a list of roomcast.app.File is needed.")
    data = base64.b64encode(file.content).decode()
    return File(file.name, len(file.content), file.type, data)
