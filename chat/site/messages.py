"""The site's calls about messages: it posts, reads, changes and deletes them."""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

from msgspec import UNSET, Raw, UnsetType

from ...integrations import audit
from ...protocol import actions
from ...protocol.actions import Send
from ...protocol.errors import InvalidFrame, NotFound
from ...protocol.events import Message as WireMessage
from ...store import receipts, rooms, site_messages
from ...store.messages import (
    Added,
    DeleteChange,
    EditChange,
    Edited,
    MessageRow,
    extra,
    get_anybodys,
)
from ...store.messages.extra import SITE
from ...store.store import Connection, Store
from ..attachments.service import Attachments
from ..buttons import GivenButton, check_buttons
from ..custom_data import MAX_SITE_DATA_SIZE, JsonObject, pack_data
from ..messages import Messages
from ..receipts import Receipts
from ..serializers import message_of
from ..text_policy import TextPolicy
from .records import MessageList

MAX_PAGE_SIZE = 100

Marks = dict[str, tuple[int, int]]


class MessageQuery(NamedTuple):
    """A query for messages of a room: the newest, those before an id, or those after an id."""

    before: int | None = None
    after: int | None = None
    limit: int = 50


class SitePost(NamedTuple):
    """A new message of the site (SITE) or on behalf of a member, with its buttons."""

    sender_id: str
    send: Send
    buttons: Sequence[GivenButton] = ()


class SiteEdit(NamedTuple):
    """The changes of an edit; None keeps text and buttons, and removes data.

    After new buttons are set, one of them can be chosen again.
    """

    text: str | None = None
    data: JsonObject | UnsetType | None = UNSET
    buttons: Sequence[GivenButton] | None = None


class SiteMessages:
    """Calls of the site about messages. Links to files start with `base`."""

    def __init__(
        self,
        store: Store,
        attachments: Attachments,
        texts: TextPolicy,
        messages: Messages,
        receipts: Receipts,
    ) -> None:
        self._store = store
        self._attachments = attachments
        self._texts = texts
        self._messages = messages
        self._receipts = receipts

    async def post(self, room_id: int, new: SitePost, base: str) -> tuple[WireMessage, bool]:
        """Post a message; return it, and whether it is new. Raises a Refusal."""
        buttons = check_buttons(new.buttons)
        try:
            sent = await self._messages.post(room_id, new.sender_id, new.send, base, buttons)
        except NotFound:
            await self._check_sender(room_id, new.sender_id)
            raise
        audit.record("message_posted", room_id=room_id, message_id=sent.message.id)
        return await self._shown(sent.message, base), isinstance(sent, Added)

    async def _check_sender(self, room_id: int, sender_id: str) -> None:
        """Raise NotFound, with a sentence for the site, if the sender is not in an open room."""

        async def is_stranger(db: Connection) -> bool:
            if not await rooms.exists(db, room_id):
                return False
            return not await rooms.has_member(db, room_id, sender_id)

        if sender_id != SITE and await self._store.read(is_stranger):
            raise NotFound("The sender is no member of this room.")

    async def page(self, room_id: int, wanted: MessageQuery, base: str) -> MessageList:
        """Return messages, oldest first. Raises NotFound for an unknown room."""
        if wanted.limit < 1:
            raise InvalidFrame("limit: an integer from 1 is needed.")
        limit = min(wanted.limit, MAX_PAGE_SIZE)

        async def load(db: Connection) -> tuple[list[MessageRow] | None, Marks]:
            found = await site_messages.page(db, room_id, wanted.before, wanted.after, limit + 1)
            return found, await receipts.of_room(db, room_id)

        found, marks = await self._store.read(load)
        if found is None:
            raise NotFound
        has_more = len(found) > limit
        page = found[-limit:] if wanted.after is None else found[:limit]
        shown = [self._wire(m, base, marks) for m in page]
        edge = page[0 if wanted.after is None else -1].id if page else 0
        return MessageList(shown, str(edge) if has_more else None)

    async def edit(self, room_id: int, message_id: int, patch: SiteEdit, base: str) -> WireMessage:
        """Changes a message; one that says all of this already stays. Raises the Refusal."""
        if patch.text is not None:
            self._texts.check_text(patch.text, "text")
        change = EditChange(room_id, SITE, message_id, patch.text, base, by_site=True)
        data: Raw | UnsetType | None = UNSET
        if patch.data is not UNSET:
            data = None if patch.data is None else pack_data(patch.data, MAX_SITE_DATA_SIZE)
        buttons = None if patch.buttons is None else check_buttons(patch.buttons)
        change.patch = extra.Patch(data, buttons)
        same = await self._find_unchanged(change)
        if same is not None:
            return await self._shown(same, base)
        outcome = await self._messages.make(change)
        assert isinstance(outcome, Edited)
        audit.record("message_edited", room_id=room_id, message_id=message_id)
        return await self._shown(outcome.message, base)

    async def _find_unchanged(self, change: EditChange) -> MessageRow | None:
        """Return the message where the edit would change nothing: a request came twice."""
        find = partial(get_anybodys, room_id=change.room_id, message_id=change.message_id)
        found = await self._store.read(find)
        if found is None or change.text not in (None, found.text):
            return None
        return found if extra.patched(found.extra, change.patch) == found.extra else None

    async def delete(self, room_id: int, message_id: int) -> None:
        """Delete a message, whoever sent it. Raises NotFound."""
        await self._messages.make(DeleteChange(room_id, "", message_id, by_site=True))
        audit.record("message_deleted", room_id=room_id, message_id=message_id)

    async def react(
        self, room_id: int, user_id: str, message_id: int, emoji: str, *, on: bool
    ) -> None:
        """Add or remove a reaction on behalf of a member. Raises a Refusal."""
        action = actions.React(message_id, emoji, on)
        await self._messages.make(self._messages.change_of(room_id, user_id, action, ""))

    async def mark_read(self, room_id: int, user_id: str, message_id: int) -> tuple[int, int]:
        """Mark messages as read by a member, and return their watermarks. Raises NotFound."""
        return await self._receipts.read_at_once(room_id, user_id, message_id)

    async def _shown(self, message: MessageRow, base: str) -> WireMessage:
        async def load(db: Connection) -> Marks:
            return await receipts.of_room(db, message.room_id)

        return self._wire(message, base, await self._store.read(load))

    def _wire(self, message: MessageRow, base: str, marks: Marks) -> WireMessage:
        status = receipts.status(marks, message.sender_id, message.id)
        return message_of(message, self._attachments.link(base), status)
