"""Messages: validate, commit; HTTP, sockets and the host use the same functions."""

import asyncio
from collections.abc import Callable
from functools import partial

from ..integrations.hooks import Draft
from ..protocol import actions
from ..protocol.actions import Send, answered
from ..protocol.errors import (
    REFUSALS,
    FileMissing,
    Unavailable,
)
from ..protocol.events import UploadOffered
from ..protocol.ids import id_of, wire_user
from ..protocol.text import shows_something
from ..settings import Settings
from ..store import messages
from ..store.commit_queue import CommitQueue, Entry
from ..store.messages import (
    Add,
    Added,
    Change,
    Delete,
    Deleted,
    Edit,
    Edited,
    React,
    Reacted,
    Repeated,
)
from ..store.store import Store
from .attachments.media_types import ANY
from .attachments.service import Attachments
from .text_policy import TextPolicy

Written = Send | actions.Edit | actions.Delete | actions.React
Made = Added | Repeated | Edited | Deleted | Reacted


class Messages:
    """What is done to the messages of a room."""

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
        """The change that a client asks for, with its fields checked. Raises the Refusal.

        A `Send` has no files here: those are stored first, by `send`.
        """
        match action:
            case Send():
                self._texts.check_new(action.message, action.client_id, has_files=False)
                reply_to = answered(action)
                return Add(room_id, user_id, action.message, action.client_id, (), base, reply_to)
            case actions.Edit():
                self._texts.check_text(action.text, "text")
                id_ = id_of(action.message_id, "message_id")
                return Edit(room_id, user_id, id_, action.text, base)
            case actions.Delete():
                return Delete(room_id, user_id, id_of(action.message_id, "message_id"))
            case actions.React():
                self._texts.check_emoji(action.emoji, is_new=action.on is not False)
                id_ = id_of(action.message_id, "message_id")
                most = self._limits.max_reactions_per_message
                return React(room_id, user_id, id_, action.emoji, action.on, most)

    def write(self, change: Change, done: Callable[[Entry], None]) -> None:
        """Hand a checked change to the commit queue; `done` is called after it was published."""
        if isinstance(change, Edit):
            change.is_blank = not shows_something(change.text)
        self._queue.write(change, done)

    async def make(self, change: Change) -> Made:
        """The same for who waits. Raises the Refusal."""
        future: asyncio.Future[Entry] = asyncio.get_running_loop().create_future()

        def done(entry: Entry) -> None:
            if not future.done():
                future.set_result(entry)

        self.write(change, done)
        return settle(await future)

    async def send(self, room_id: int, user_id: str, send: Send, base: str) -> Added | Repeated:
        """As by a client: the host may change or refuse its text."""
        text = send.message
        if self._texts.asks_host:
            self._texts.check_new(text, send.client_id, has_files=bool(send.all_files))
            if not await self._is_repeated(room_id, user_id, send.client_id):
                text = await self._texts.approve(Draft(room_id, wire_user(user_id), text), user_id)
        return await self.post(room_id, user_id, send, base, text)

    async def post(
        self, room_id: int, user_id: str, send: Send, base: str, text: str
    ) -> Added | Repeated:
        """Stores the files, then the message. Files of a message that is refused are swept."""
        sent = send.all_files
        reply_to = answered(send)
        self._texts.check_new(text, send.client_id, has_files=bool(sent))
        keys: list[str] = []
        if sent and not await self._is_repeated(room_id, user_id, send.client_id):
            try:
                keys = await self._attachments.keep(room_id, user_id, sent)
            except FileMissing:  # or has its message just been stored, by another socket?
                if not await self._is_repeated(room_id, user_id, send.client_id):
                    raise
        said = None if text == send.message else send.message
        outcome = await self.make(
            Add(room_id, user_id, text, send.client_id, keys, base, reply_to, said)
        )
        assert isinstance(outcome, Added | Repeated)
        return outcome

    async def edit(self, change: Edit) -> Edited:
        """As by a client: the host may change or refuse its text."""
        if self._texts.asks_host:
            sender = wire_user(change.sender_id)
            draft = Draft(change.room_id, sender, change.text, change.message_id, "edit")
            change.text = await self._texts.approve(draft, change.sender_id)
            self._texts.check_text(change.text, "text")
        outcome = await self.make(change)
        assert isinstance(outcome, Edited)
        return outcome

    async def react(self, change: React) -> Reacted:
        """As by a client: the host may refuse it; it is not asked for what is taken back."""
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
        """Where the bytes of the one file of this message may be PUT."""
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


def settle(entry: Entry) -> Made:
    """What became of a change; raises its Refusal."""
    outcome = entry.outcome
    if outcome is None:
        raise Unavailable
    if isinstance(outcome, messages.Refused):
        raise REFUSALS[outcome.code](outcome.says, message_id=outcome.message_id)
    return outcome
