"""Messages: validate, commit; HTTP, sockets and the host use the same functions."""

import asyncio
from collections.abc import Callable
from functools import partial

from ..integrations.hooks import BeforeSend, Draft, approved
from ..protocol.actions import Send, answered
from ..protocol.errors import (
    REFUSALS,
    EmptyMessage,
    FileMissing,
    InvalidFrame,
    NotFound,
    TooLong,
    Unavailable,
)
from ..protocol.events import UploadOffered
from ..protocol.ids import is_clean, wire_user
from ..settings import Settings
from ..store import messages, receipts, rooms
from ..store.commit_queue import Entry, Journal
from ..store.messages import (
    Add,
    Added,
    Change,
    Deleted,
    Edit,
    Edited,
    Message,
    Page,
    Reacted,
    Repeated,
)
from ..store.store import Connection, Store
from .attachments.service import Attachments

Marks = dict[str, tuple[int, int]]  # user → delivered and read up to these ids
Made = Added | Repeated | Edited | Deleted | Reacted


class Messages:
    """What is done to the messages of a room."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        queue: Journal,
        attachments: Attachments,
        before_send: BeforeSend | None,
    ) -> None:
        self._settings = settings
        self._limits = settings.limits
        self._store = store
        self._queue = queue
        self._attachments = attachments
        self._before_send = before_send
        self.asks_host = before_send is not None  # then each text waits for the host's answer

    def check_text(self, text: str, name: str) -> None:
        if len(text) > self._limits.max_text_length:
            raise TooLong(
                f"The text is too long: at most {self._limits.max_text_length} characters."
            )
        if not is_clean(text):
            raise InvalidFrame(f"{name}: NUL and lone surrogates are not accepted.")

    def check_new(self, text: str, client_id: str | None, *, has_files: bool) -> None:
        """The fields of a new message, whatever way it comes."""
        self.check_text(text, "message")
        if not has_files and (not text or text.isspace()):
            raise EmptyMessage
        if client_id is not None:
            most = self._limits.max_client_id_length
            if len(client_id) > most or not is_clean(client_id):
                raise InvalidFrame(f"client_id: a string of at most {most} characters is needed.")

    def check_emoji(self, emoji: str) -> None:
        most = self._limits.max_emoji_length
        if not emoji.strip() or len(emoji) > most or not is_clean(emoji):
            raise InvalidFrame(f"emoji: a string of 1 to {most} characters is needed.")

    def write(self, change: Change, done: Callable[[Entry], None]) -> None:
        """Hand a checked change to the commit queue; `done` is called after it was published."""
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
        if self.asks_host:
            self.check_new(text, send.client_id, has_files=bool(send.all_files))
            if not await self._is_repeated(room_id, user_id, send.client_id):
                text = await self._approve(Draft(room_id, wire_user(user_id), text), user_id)
        return await self.post(room_id, user_id, send, base, text)

    async def post(
        self, room_id: int, user_id: str, send: Send, base: str, text: str
    ) -> Added | Repeated:
        """Stores the files, then the message. Files of a message that is refused are swept."""
        sent = send.all_files
        reply_to = answered(send)
        self.check_new(text, send.client_id, has_files=bool(sent))
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
        if self.asks_host:
            sender = wire_user(change.sender_id)
            draft = Draft(change.room_id, sender, change.text, change.message_id)
            change.text = await self._approve(draft, change.sender_id)
            self.check_text(change.text, "text")
        outcome = await self.make(change)
        assert isinstance(outcome, Edited)
        return outcome

    async def _approve(self, draft: Draft, user_id: str) -> str:
        """The text as the host wants it; a stranger's never gets as far as the host."""
        assert self._before_send is not None
        find = partial(rooms.has_member, room_id=draft.room_id, user_id=user_id)
        if not await self._store.read(find):
            raise NotFound
        return await approved(self._before_send, draft)

    async def _is_repeated(self, room_id: int, user_id: str, client_id: str | None) -> bool:
        if client_id is None:
            return False
        find = partial(messages.find, room_id=room_id, user_id=user_id, client_id=client_id)
        return await self._store.read(find) is not None

    async def page(self, where: Page) -> tuple[list[Message], Marks, bool]:
        """Messages, oldest first, the members' receipts, and whether there are more messages.

        Raises NotFound to a stranger.
        """
        if where.limit < 1:
            raise InvalidFrame("limit: an integer from 1 is needed.")
        limit = min(where.limit, self._limits.max_history_page_size)

        async def look(db: Connection) -> tuple[list[Message], Marks]:
            found = await messages.page(db, where, limit + 1)
            return found, await receipts.of_room(db, where.room_id)

        found, marks = await self._store.read(look)
        if where.user_id not in marks:
            raise NotFound
        has_more = len(found) > limit
        page = found[-limit:] if where.after is None else found[:limit]
        return page, marks, has_more

    async def offer_upload(
        self, room_id: int, user_id: str, send: Send, base: str
    ) -> UploadOffered:
        """Where the bytes of the one file of this message may be PUT."""
        assert send.file is not None
        self.check_new(send.message, send.client_id, has_files=True)
        url, path = await self._attachments.offer(room_id, user_id, send.file, base)
        return UploadOffered(
            url,
            path,
            send.file.name,
            send.message,
            send.client_id,
            {"Content-Type": send.file.type},
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
