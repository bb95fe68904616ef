"""The calls of the host's own code: `await chat.post(room, "Hello")`, in the loop of the chat.

Every call raises a Refusal, as a request would get it. Ids of users are integers or strings, and
`2` and `"2"` are the same user. Where a room is asked for, its id or the room itself will do.
"""

import base64
from collections.abc import AsyncIterator, Sequence
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
    """A file that the host posts; under `application/octet-stream` its bytes say what it is."""

    name: str
    content: bytes
    type: str = "application/octet-stream"


@check_arguments
class HostRooms:
    """Rooms, whoever is in them."""

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
        """A room of these users; two users have one room for each context."""
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
        """A page of rooms; `next` of one page is the `cursor` of the page after it.

        A user's rooms come by their activity, others by their age, the newest first. `query`
        matches the beginnings of words of titles and members' names, and of contexts.
        """
        of_user = None if user is None else user_of(user, "user")
        return await self._chat.site_rooms.page(SiteRoomQuery(of_user, context, query), cursor)

    async def room(self, id: RoomRef) -> RoomRecord:
        """Raises NotFound."""
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
        """Changes what is named; the sockets of its members get `room_changed`.

        In a frozen room nobody but the site sends, edits, reacts or types.
        """
        changes = RoomChanges(title, about, data, frozen)
        return await self._chat.site_rooms.update(_room(id), changes)

    async def add_member(self, room: RoomRef, user: User) -> RoomRecord:
        """Lets a user into a room of several people. Raises Conflict for a room of two."""
        await self._chat.site_rooms.add_member(_room(room), user_of(user, "user"))
        return await self.room(room)

    async def remove_member(self, room: RoomRef, user: User) -> None:
        """Removes a user from a room of several people; their sockets close with 4003."""
        await self._chat.site_rooms.remove_member(_room(room), user_of(user, "user"))

    async def delete_room(self, id: RoomRef) -> None:
        """Deletes a room for all its members; their sockets in it close with 4004."""
        await self._chat.site_rooms.delete(_room(id))


@check_arguments
class HostMessages:
    """Messages, whoever sent them."""

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
        """Sends a message of the site, or with a `sender` one for that member of the room.

        `actions` are buttons under it. `before_send` is not asked.

        The same `client_id` of a sender sends one message, however often it comes.
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
        """Changes what is named of a message; everybody in the room gets `message_edited`.

        `data=None` takes its data away. New `actions` can be pressed although one of the buttons
        before was chosen.
        """
        patch = SiteEdit(text, data, actions)
        messages = self._chat.site_messages
        return unpack_data(await messages.edit(_room(room), _message(message), patch, self._base))

    async def delete_message(self, room: RoomRef, message: MessageRef) -> None:
        """Deletes a message with its files; everybody in the room gets `message_deleted`."""
        await self._chat.site_messages.delete(_room(room), _message(message))

    async def messages(
        self, room: RoomRef, *, before: int | None = None, after: int | None = None, limit: int = 50
    ) -> MessageList:
        """A page of messages, oldest first: the newest, those before one, or those after one."""
        wanted = MessageQuery(before, after, limit)
        page = await self._chat.site_messages.page(_room(room), wanted, self._base)
        for message in page:
            unpack_data(message)
        return page

    async def react(
        self, room: RoomRef, message: MessageRef, *, user: User, emoji: str, on: bool = True
    ) -> None:
        """Puts the emoji of a member under a message, or takes it away; safe to repeat."""
        author = user_of(user, "user")
        await self._chat.site_messages.react(_room(room), author, _message(message), emoji, on=on)

    async def mark_read(self, room: RoomRef, *, user: User, message: MessageRef) -> None:
        """A member has read this message, and all before it."""
        reader = user_of(user, "user")
        await self._chat.site_messages.mark_read(_room(room), reader, _message(message))

    async def unread(self, user: User) -> Notified:
        """Returns the number of a user's unread messages and their rooms: for a badge on a page."""
        return await self._chat.inboxes.unread(user_of(user, "user"))

    @property
    def _base(self) -> str:
        """Returns the base of file links where there is no request: `server.public_url`."""
        return self._chat.settings.server.public_url


@check_arguments
class HostUsers:
    """Users: their profiles, bans and data."""

    _chat: ChatServices

    async def user(self, id: User) -> UserRecord:
        """Profile, whether they are online, and whether they are banned. Every id is a user's."""
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
        """Sets what is named, None takes it back. Claims of tokens change it no more."""
        named = {"name": name, "picture": picture, "email": email, "language": language}
        fields = {key: value for key, value in named.items() if value is not UNSET}
        return await self._chat.site_users.put(user_of(id), fields)

    async def ban(
        self, user: User, *, until: datetime | str | None = None, reason: str = ""
    ) -> None:
        """Ban a user for good or until a time; open sockets close with 4005."""
        await self._chat.site_users.ban(user_of(user, "user"), until, reason)

    async def unban(self, user: User) -> None:
        """Lifts the ban of a user, if there is one."""
        await self._chat.site_users.unban(user_of(user, "user"))

    async def disconnect(self, user: User) -> None:
        """Closes all sockets of a user with 4005, on every process, also those that are connecting.

        End the user's session first, or they are let in again. Raises DatabaseUnavailable where the
        database is unavailable and the chat has several processes: those that the broker doesn't
        reach may not know.
        """
        await self._chat.site_users.disconnect(user_of(user, "user"))

    async def block(self, user: User, blocked: User) -> None:
        """Block another user on behalf of this user, as `POST chat/blocks/` does."""
        await self._chat.members.block(user_of(user, "user"), user_of(blocked, "blocked"))

    async def unblock(self, user: User, blocked: User) -> None:
        """End a block of another user by this user."""
        await self._chat.members.unblock(user_of(user, "user"), user_of(blocked, "blocked"))

    async def export_user(self, id: User) -> AsyncIterator[ExportLine]:
        """All that is a user's, line by line; the last one is an `end`."""
        base = self._chat.settings.server.public_url
        async for line in self._chat.site_users.export(user_of(id), base):
            yield unpack_line(line)

    async def erase_user(self, id: User) -> None:
        """Erases all that is a user's: messages, files, reactions and name."""
        await self._chat.site_users.erase(user_of(id))


@check_arguments
class HostReports:
    """Calls about members' reports, and the numbers of the whole chat."""

    _chat: ChatServices

    async def reports(
        self, *, state: str | None = "open", cursor: str | None = None
    ) -> Page[ReportRecord]:
        """A page of reports, the newest first: `open`, `resolved`, or with None all of them."""
        return await self._chat.site_reports.page(state, cursor)

    async def resolve_report(self, id: int | str | ReportRecord, note: str = "") -> ReportRecord:
        """Marks a report as resolved, with a note for the other moderators."""
        report_id = id.id if isinstance(id, ReportRecord) else id_of(id, "id")
        return await self._chat.site_reports.change(report_id, "resolved", note)

    async def stats(self) -> StatsRecord:
        """Counts users, rooms, messages, bytes and sockets, and the messages of each day."""
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
