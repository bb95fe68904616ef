"""Changes of messages: validates and commits them, for HTTP, sockets and the host alike."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import msgspec
from msgspec import UNSET, Raw

from ..integrations.hooks import Draft
from ..protocol import actions, codec
from ..protocol.actions import Send, answered
from ..protocol.errors import (
    REFUSALS,
    FileMissing,
    Internal,
    Unavailable,
)
from ..protocol.events import UploadOffered
from ..protocol.ids import id_of, wire_user
from ..protocol.text import shows_something
from ..settings import Settings
from ..store import messages
from ..store.commit_queue import CommitQueue, Entry
from ..store.messages import (
    Acted,
    Add,
    Added,
    Change,
    DeleteChange,
    Deleted,
    EditChange,
    Edited,
    Reacted,
    ReactionChange,
    Repeated,
    extra,
)
from ..store.messages.extra import StoredButton
from ..store.store import Store
from .attachments.media_types import ANY
from .attachments.service import Attachments
from .custom_data import MAX_SITE_DATA_SIZE, JsonObject, pack_data
from .text_policy import TextPolicy

Written = Send | actions.Edit | actions.Delete | actions.React
Made = Added | Repeated | Edited | Deleted | Reacted | Acted

log = logging.getLogger("roomcast.messages")


class Messages:
    """Changes to the messages of a room."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        queue: CommitQueue,
        attachments: Attachments,
        texts: TextPolicy,
    ) -> None:
        self._settings = settings
        self._limits = settings.limits
        self._store = store
        self._queue = queue
        self._attachments = attachments
        self._texts = texts

    def change_of(self, room_id: int, user_id: str, action: Written, base: str) -> Change:
        """Return the change that a client asks for, with checked fields. Raises a Refusal.

        A `Send` has no files here: `send` stores them first.
        """
        match action:
            case Send():
                self._texts.check_new(action.message, action.client_id, has_files=False)
                named = action.client_id, (), base, answered(action), None
                beside = None if action.data is None else self._extra_of(action.data)
                return Add(room_id, user_id, action.message, *named, beside)
            case actions.Edit():
                return self._edit_of(room_id, user_id, action, base)
            case actions.Delete():
                return DeleteChange(room_id, user_id, id_of(action.message_id, "message_id"))
            case actions.React():
                self._texts.check_emoji(action.emoji, is_new=action.on is not False)
                id_ = id_of(action.message_id, "message_id")
                most = self._limits.max_reactions_per_message
                return ReactionChange(room_id, user_id, id_, action.emoji, action.on, most)

    def _edit_of(self, room_id: int, user_id: str, action: actions.Edit, base: str) -> EditChange:
        id_ = id_of(action.message_id, "message_id")
        text = None if action.text is UNSET else action.text
        if text is not None:
            self._texts.check_text(text, "text")
        edit = EditChange(room_id, user_id, id_, text, base)
        if action.data is not None:
            edit.patch = extra.Patch(pack_data(action.data, self._limits.max_data_size))
        return edit

    def _extra_of(self, data: JsonObject) -> str | None:
        return extra.of(pack_data(data, self._limits.max_data_size))

    def write(self, change: Change, done: Callable[[Entry], None]) -> None:
        """Hand a checked change to the commit queue; `done` is called after it was published."""
        if isinstance(change, EditChange):
            change.is_blank = change.text is not None and not shows_something(change.text)
        self._queue.write(change, done)

    async def make(self, change: Change) -> Made:
        """Make a change and wait for its outcome. Raises its Refusal."""
        future: asyncio.Future[Entry] = asyncio.get_running_loop().create_future()

        def done(entry: Entry) -> None:
            if not future.done():
                future.set_result(entry)

        self.write(change, done)
        return settle(await future)

    async def send(self, room_id: int, user_id: str, send: Send, base: str) -> Added | Repeated:
        """Send a message for a client: the host's hook may change or refuse its text."""
        text = send.message
        data = send.data
        if self._texts.asks_host:
            self._texts.check_new(text, send.client_id, has_files=bool(send.all_files))
            if not await self._is_repeated(room_id, user_id, send.client_id):
                user = wire_user(user_id)
                text = await self._texts.approve(Draft(room_id, user, text), user_id)
                if data is not None:
                    draft = Draft(room_id, user, _json_of(data), kind="data")
                    data = await self._approve_data(draft, user_id)
        beside = None if data is None else self._extra_of(data)
        original_text = None if text == send.message else send.message
        change = Add(room_id, user_id, text, send.client_id, (), base, None, original_text, beside)
        return await self._add(change, send)

    async def post(
        self,
        room_id: int,
        sender_id: str,
        send: Send,
        base: str,
        buttons: Sequence[StoredButton] = (),
    ) -> Added | Repeated:
        """Send a message for the site, as SITE or on behalf of a member, without the host's hook.

        Limits and blocks of members do not apply. Raises NotFound if the sender is no member.
        """
        data = None if send.data is None else pack_data(send.data, MAX_SITE_DATA_SIZE)
        beside = extra.of(data, tuple(buttons))
        named = send.client_id, (), base, None, None, beside, True
        return await self._add(Add(room_id, sender_id, send.message, *named), send)

    async def _add(self, change: Add, send: Send) -> Added | Repeated:
        """Store the files, then the message. A sweep removes the files of a refused message."""
        where = change.room_id, change.sender_id
        sent, change.reply_to = send.all_files, answered(send)
        texts, by_site = self._texts, change.by_site
        texts.check_new(change.text, send.client_id, has_files=bool(sent), by_site=by_site)
        if sent and not await self._is_repeated(*where, send.client_id):
            try:
                change.files = await self._attachments.keep(*where, sent, by_site=change.by_site)
            except FileMissing:  # unless another socket has just stored the same message
                if not await self._is_repeated(*where, send.client_id):
                    raise
        outcome = await self.make(change)
        assert isinstance(outcome, Added | Repeated)
        return outcome

    async def edit(self, change: EditChange) -> Edited:
        """Edit a message for a client: the host's hook may change or refuse text and data."""
        if self._texts.asks_host:
            await self._approve_edit(change)
        outcome = await self.make(change)
        assert isinstance(outcome, Edited)
        return outcome

    async def _approve_edit(self, change: EditChange) -> None:
        user_id, sender = change.sender_id, wire_user(change.sender_id)
        draft = partial(Draft, change.room_id, sender, message_id=change.message_id)
        if change.text is not None:
            change.text = await self._texts.approve(draft(change.text, kind="edit"), user_id)
            self._texts.check_text(change.text, "text")
        if isinstance(change.patch.data, Raw):
            text = bytes(change.patch.data).decode()
            data = await self._approve_data(draft(text, kind="data"), user_id)
            change.patch = extra.Patch(pack_data(data, self._limits.max_data_size))

    async def _approve_data(self, draft: Draft, user_id: str) -> JsonObject:
        return _object_of(await self._texts.approve(draft, user_id))

    async def react(self, change: ReactionChange) -> Reacted:
        """React for a client.

        The host's hook may refuse a new reaction; it is not asked about removals.
        """
        if self._texts.asks_host and change.on is not False:
            sender = wire_user(change.sender_id)
            draft = Draft(change.room_id, sender, change.emoji, change.message_id, "reaction")
            change.emoji = await self._texts.approve(draft, change.sender_id)
            self._texts.check_emoji(change.emoji)
        outcome = await self.make(change)
        assert isinstance(outcome, Reacted)
        return outcome

    async def _is_repeated(self, room_id: int, user_id: str, client_id: str | None) -> bool:
        if client_id is None:
            return False
        find = partial(messages.find, room_id=room_id, user_id=user_id, client_id=client_id)
        return await self._store.read(find) is not None

    async def offer_upload(
        self, room_id: int, user_id: str, send: Send, base: str
    ) -> UploadOffered:
        """Return the URL to which the bytes of the one file of this message may be PUT."""
        assert send.file is not None
        self._texts.check_new(send.message, send.client_id, has_files=True)
        url, path = await self._attachments.offer(room_id, user_id, send.file, base)
        return UploadOffered(
            url,
            path,
            send.file.name or "",
            send.message,
            send.client_id,
            {"Content-Type": send.file.type or ANY},
            int(self._settings.attachments.upload_url_ttl),
        )


def _json_of(data: JsonObject) -> str:
    return codec.encode(data).decode()


def _object_of(text: str) -> JsonObject:
    """Decode the data that the host has returned. Raises Internal if it is no JSON object."""
    try:
        data: JsonObject = msgspec.json.decode(text, type=dict[str, Any])
    except msgspec.DecodeError:
        log.error("before_send returned no JSON object for data")
        raise Internal from None
    return data


def settle(entry: Entry) -> Made:
    """Return the outcome of a change. Raises its Refusal."""
    outcome = entry.outcome
    if outcome is None:
        raise Unavailable
    if isinstance(outcome, messages.RefusedChange):
        raise REFUSALS[outcome.code](outcome.text, message_id=outcome.message_id)
    return outcome
