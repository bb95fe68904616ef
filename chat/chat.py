"""The verbs that change a room: permit, write, tell. HTTP, sockets and the host use the same."""

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Callable, Coroutine, Iterable, Sequence
from contextlib import AsyncExitStack, suppress
from functools import partial
from typing import Any, TypeVar

from ..auth.authenticator import Identity
from ..chat.serializers import message_of, reacted_of, reactions_of
from ..integrations.hooks import Draft, Faces, Hooks, approved
from ..integrations.metrics import Metrics
from ..integrations.webhooks import Host, listeners_of
from ..protocol import codec
from ..protocol.actions import Send, answered
from ..protocol.errors import (
    REFUSALS,
    Close,
    Closing,
    EmptyMessage,
    FileMissing,
    Forbidden,
    InvalidFrame,
    NotFound,
    TooLong,
    Unavailable,
)
from ..protocol.events import (
    MessageDeleted,
    MessageEdited,
    MessageReacted,
    MessageSent,
    UploadOffered,
)
from ..protocol.ids import is_clean, wire_user
from ..realtime.hub import Fanout
from ..realtime.room import Change as ToldChange
from ..realtime.room import Event, Kind, Mark, Older, Room, Stand, State, Told
from ..settings import Settings
from ..store import blocks, messages, profiles, receipts, rooms
from ..store.commit_queue import Committed, Entry, Journal
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
from ..store.outbox import Happened
from ..store.receipts import Status
from ..store.rooms import Listed, Opened
from ..store.snapshot import Ask, Snapshot
from ..store.store import Away, Connection, Store
from .account.erasure import Erasures
from .attachments.service import Attachments
from .history_cache import Pages
from .members import Roster
from .notifications.dispatcher import Postman
from .notifications.inbox import Inboxes
from .presence import Presence
from .revocations import Cuts
from .search import Search

T = TypeVar("T")
Marks = dict[str, tuple[int, int]]  # user → delivered and read up to these ids
Said = tuple[int, int, ToldChange, bytes]  # room, roster, what changed, its frame
Made = Added | Repeated | Edited | Deleted | Reacted

log = logging.getLogger("roomcast.chat")

HOUSEKEEPING = 60.0  # seconds
LOOK_AGAIN = 1.0  # seconds
WATCH = 5.0  # seconds between two looks at which life of the database this is
SWEPT_AT_ONCE = 500
RECALLS = 2  # rooms that are read from the database at a time: those who join wait for no storm
NO_HOOKS = Hooks()
SEEN = 10_000  # users whose name and picture this process remembers to have noted


class Chat:
    """One chat: its store, its journal, its rooms in this process."""

    def __init__(self, settings: Settings, hooks: Hooks = NO_HOOKS) -> None:
        self.settings = settings
        self._before_send = hooks.before_send
        self.asks_host = hooks.before_send is not None  # then texts take their time, one by one
        self.faces = Faces(hooks.describe_users) if hooks.describe_users else None
        self.metrics = Metrics()
        told = listeners_of(settings.webhooks, hooks.on_event)
        alone = settings.broadcast.url.startswith("memory:")
        self.store = Store(
            settings.database.url,
            settings.database.synchronous,
            alone=alone,
            listeners=Host.wants(settings.webhooks, told),
            on_new_life=self._begin_again,
        )
        self.host = Host(self.store, settings.webhooks, told, self.metrics, alone=alone)
        self.attachments = Attachments(settings, self.store)
        self.pages = Pages(self.store, self.attachments)
        self.fanout = Fanout(settings.broadcast.url, self)
        self.search = Search(settings.limits, self.store)
        self.erasures = Erasures(self.store, self.make)
        self.roster = Roster(settings.limits, self.store, self.fanout, self.spawn)
        self.cuts = Cuts(self.store, self.fanout)
        self.presence = Presence(self.store, self.fanout, settings.presence, is_alone=alone)
        self.postman = Postman(self.store, self.fanout)
        self.fanout.published = self.postman.note
        self.inboxes = Inboxes(self.store, self.fanout, self.postman, self._deliver)
        self._journal = Journal(self.store, self._tell, self._doubt)
        self.metrics.watch("roomcast_open_rooms", "Rooms with sockets.", self.fanout.open_rooms)
        self.metrics.watch("roomcast_open_sockets", "Sockets in them.", self.fanout.open_sockets)
        waiting = "Changes on their way into the database."
        self.metrics.watch("roomcast_waiting_changes", waiting, self._journal.waiting)
        self._joining: set[tuple[int, str]] = set()
        self._seen: dict[str, tuple[str | None, str | None]] = {}
        self._is_closing = False
        self._tasks: set[asyncio.Task[Any]] = set()
        self._sweep = asyncio.Event()
        self._doubtful: set[int] = set()
        self._recalls = asyncio.Semaphore(RECALLS)

    async def open(self) -> None:
        """Raises CannotOpen, BucketUnavailable or Unreachable: a sentence for who starts us.

        What is opened is closed in reverse, each whatever became of the others.
        """
        async with AsyncExitStack() as stack:
            await self.store.open()
            stack.push_async_callback(self.store.aclose)
            await self.attachments.bucket.open()
            stack.push_async_callback(self.attachments.bucket.aclose)
            await self.fanout.open()
            stack.push_async_callback(self.fanout.aclose)
            await self.cuts.open()
            stack.callback(self.inboxes.close, Close.RESTART)
            stack.push_async_callback(self.postman.aclose)
            await self.presence.open()
            stack.push_async_callback(self.presence.aclose)
            self.host.open()
            stack.push_async_callback(self.host.aclose)
            self._journal.open()
            stack.push_async_callback(self._journal.aclose)
            stack.push_async_callback(self._finish)
            self._keepers = [
                asyncio.create_task(self._keep_house(), name="roomcast housekeeper"),
                asyncio.create_task(self._watch(), name="roomcast watcher"),
                asyncio.create_task(self.search.run(), name="roomcast search"),
                asyncio.create_task(self.erasures.keep(), name="roomcast erasures"),
            ]
            self._opened = stack.pop_all()

    async def aclose(self) -> None:
        """After everything under way is committed."""
        await self._opened.aclose()

    async def _finish(self) -> None:
        self._is_closing = True
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def check(self) -> None:
        """The database answers, and what is written is committed. Raises Away or RuntimeError."""
        self._journal.check()
        await self.store.check()
        await self.store.prove()

    def spawn(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Work that outlives the connection that asked for it."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    # ------------------------------------------------------------ messages

    def check_text(self, text: str, name: str) -> None:
        if len(text) > self.settings.limits.max_text_length:
            raise TooLong(
                f"The text is too long: at most {self.settings.limits.max_text_length} characters."
            )
        if not is_clean(text):
            raise InvalidFrame(f"{name}: NUL and lone surrogates are not accepted.")

    def check_new(self, text: str, client_id: str | None, *, has_files: bool) -> None:
        """The fields of a new message, whatever way it comes."""
        self.check_text(text, "message")
        if not has_files and (not text or text.isspace()):
            raise EmptyMessage
        if client_id is not None:
            most = self.settings.limits.max_client_id_length
            if len(client_id) > most or not is_clean(client_id):
                raise InvalidFrame(f"client_id: a string of at most {most} characters is needed.")

    def check_emoji(self, emoji: str) -> None:
        most = self.settings.limits.max_emoji_length
        if not emoji.strip() or len(emoji) > most or not is_clean(emoji):
            raise InvalidFrame(f"emoji: a string of 1 to {most} characters is needed.")

    def write(self, change: Change, done: Callable[[Entry], None]) -> None:
        """Hands a checked change to the journal; `done` hears of it after it was told."""
        self._journal.write(change, done)

    async def make(self, change: Change) -> Made:
        """The same for who waits. Raises the Refusal."""
        future: asyncio.Future[Entry] = asyncio.get_running_loop().create_future()

        def done(entry: Entry) -> None:
            if not future.done():
                future.set_result(entry)

        self.write(change, done)
        return settle(await future)

    async def send(self, room_id: int, user_id: str, send: Send, base: str) -> Added | Repeated:
        """As by a client: the host has a say in it."""
        text = send.message
        if self.asks_host:
            self.check_new(text, send.client_id, has_files=bool(send.all_files))
            if not await self._is_repeated(room_id, user_id, send.client_id):
                text = await self._passed(Draft(room_id, wire_user(user_id), text), user_id)
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
                keys = await self.attachments.keep(room_id, user_id, sent)
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
        """As by a client: the host has a say in it."""
        if self.asks_host:
            sender = wire_user(change.sender_id)
            draft = Draft(change.room_id, sender, change.text, change.message_id)
            change.text = await self._passed(draft, change.sender_id)
            self.check_text(change.text, "text")
        outcome = await self.make(change)
        assert isinstance(outcome, Edited)
        return outcome

    async def _passed(self, draft: Draft, user_id: str) -> str:
        """The text as the host wants it; a stranger's never gets as far as the host."""
        assert self._before_send is not None
        find = partial(rooms.has_member, room_id=draft.room_id, user_id=user_id)
        if not await self.store.read(find):
            raise NotFound
        return await approved(self._before_send, draft)

    async def _is_repeated(self, room_id: int, user_id: str, client_id: str | None) -> bool:
        if client_id is None:
            return False
        find = partial(messages.find, room_id=room_id, user_id=user_id, client_id=client_id)
        return await self.store.read(find) is not None

    async def status(self, message: Message) -> Status:
        """How far the message got by now."""
        marks = await self.store.read(partial(receipts.of_room, room_id=message.room_id))
        return receipts.status(marks, message.sender_id, message.id)

    async def page(self, where: Page) -> tuple[list[Message], Marks, bool]:
        """Messages, oldest first, the members' receipts, and whether there are more messages.

        Raises NotFound to a stranger.
        """
        if where.limit < 1:
            raise InvalidFrame("limit: an integer from 1 is needed.")
        limit = min(where.limit, self.settings.limits.max_history_page_size)

        async def look(db: Connection) -> tuple[list[Message], Marks]:
            found = await messages.page(db, where, limit + 1)
            return found, await receipts.of_room(db, where.room_id)

        found, marks = await self.store.read(look)
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
        url, path = await self.attachments.offer(room_id, user_id, send.file, base)
        return UploadOffered(
            url,
            path,
            send.file.name,
            send.message,
            send.client_id,
            {"Content-Type": send.file.type},
            int(self.settings.attachments.upload_url_ttl),
        )

    # ------------------------------------------------------------ receipts

    async def join(self, ask: Ask, *, is_manual: bool) -> Snapshot:
        """What the joining socket starts from, with its own receipt committed and in it.

        Raises Closing where the user may not join.
        """
        found = await self.store.snapshot(ask)
        if isinstance(found, str):
            raise Closing(Close.NOT_FOUND if found == "not_found" else Close.FORBIDDEN)
        delivered, read = found.marks[ask.user_id]
        upto = max(delivered, found.newest), read if is_manual else max(read, found.newest)
        if upto != (delivered, read):
            self._joining.add((ask.room_id, ask.user_id))
            self.mark(ask.room_id, ask.user_id, *upto)
            try:
                is_marked = await self._journal.marked()
            finally:
                self._joining.discard((ask.room_id, ask.user_id))
            if not is_marked:
                raise Away("The receipt could not be stored.")
            found.marks[ask.user_id] = upto
        return found

    async def enter(self, room: Room, ask: Ask, *, is_manual: bool) -> Snapshot:
        """The same for a room of this process, which by then has told all that is in it."""
        found = await self.join(ask, is_manual=is_manual)
        await room.meet(found)
        if found.version >= room.since:
            return found
        # Somebody who joins at the same moment has read later, and the room began with that.
        return await self.enter(room, ask, is_manual=is_manual)

    async def read(self, room_id: int, user_id: str, message_id: int) -> None:
        """Everything up to this message was read: the receipt moves forward, never back."""
        reach = partial(receipts.reach, room_id=room_id, user_id=user_id, message_id=message_id)
        if upto := await self.store.read(reach):
            self.mark(room_id, user_id, upto, upto)

    async def read_at_once(self, room_id: int, user_id: str, message_id: int) -> tuple[int, int]:
        """The same, committed; how far the user is by then. Raises NotFound and Unavailable."""

        async def look(db: Connection) -> tuple[Marks, int]:
            marks = await receipts.of_room(db, room_id)
            return marks, await receipts.reach(db, room_id, user_id, message_id)

        marks, upto = await self.store.read(look)
        if user_id not in marks:
            raise NotFound
        delivered, read = marks[user_id]
        if read < upto:
            self.mark(room_id, user_id, upto, upto)
            if not await self._journal.marked():
                raise Unavailable
        return max(delivered, upto), max(read, upto)

    async def _deliver(self, user_id: str, newest: Iterable[tuple[int, int]]) -> None:
        """These messages of his rooms, and all before them, have reached a device of the user's."""
        for room_id, message_id in newest:
            self.mark(room_id, user_id, message_id, 0)
        if not await self._journal.marked():
            raise Away("The receipts could not be stored.")

    def mark(self, room_id: int, user_id: str, delivered: int, read: int) -> None:
        self._journal.mark(room_id, user_id, delivered, read)

    async def type(self, room_id: int, user_id: str) -> None:
        """The others in the room are told that the user is writing. Raises Forbidden."""
        if await self.store.read(partial(blocks.is_blocked, room_id=room_id, user_id=user_id)):
            raise Forbidden
        await self.fanout.whisper(room_id, Told(0, 0, [], [], typing=user_id))

    # ------------------------------------------------------------ rooms

    async def open_room(
        self, creator_id: str, members: Sequence[str], context: str = "", title: str = ""
    ) -> Opened:
        """A room of these members; two members share one room for each context.

        Raises Forbidden for a new one of two, where the other has blocked its creator.
        """
        self.roster.check_label(context, "context")
        self.roster.check_label(title, "title")
        people_ = list(dict.fromkeys(members))
        if len(people_) < 2:
            raise InvalidFrame("members: a room needs somebody else.")
        if len(people_) > self.settings.limits.max_members:
            raise InvalidFrame(f"members: at most {self.settings.limits.max_members} in a room.")
        now = time.time_ns() // 1000

        async def open_(db: Connection) -> Opened:
            opened = await rooms.open_(db, creator_id, people_, context, title, now)
            if opened.is_new:
                if await blocks.is_blocked(db, opened.room.id, creator_id):
                    raise Forbidden
                await self.store.note(db, Happened("room_created", opened.room.id, creator_id))
            return opened

        opened = await self.store.write(open_)
        self.host.wake()
        return opened

    async def rooms_of(
        self, user_id: str, limit: int, offset: int, *, is_archived: bool
    ) -> tuple[int, list[Listed]]:
        """How many rooms the user has, and a page of them, newest activity first."""

        async def look(db: Connection) -> tuple[int, list[Listed]]:
            count = await rooms.count(db, user_id, is_archived=is_archived)
            return count, await rooms.page(db, user_id, limit, offset, is_archived=is_archived)

        return await self.store.read(look)

    async def delete_room(self, room_id: int, user_id: str) -> None:
        """For all its members; its messages and objects follow. Raises NotFound."""
        now = time.time_ns() // 1000

        async def delete(db: Connection) -> list[str]:
            members = sorted(await receipts.of_room(db, room_id))
            if not await rooms.delete(db, room_id, user_id, now):
                return []
            left = codec.encode(members).decode()
            await self.store.note(db, Happened("room_deleted", room_id, user_id, members=left))
            return members

        members = await self.store.write(delete)
        if not members:
            raise NotFound
        self.host.wake()
        await self.fanout.publish({room_id: (Told(0, 0, [], [], is_gone=True), [])})
        self.postman.note_users(members, room_id)
        self._sweep.set()

    # ------------------------------------------------------------ people

    async def see(self, identity: Identity) -> None:
        """Notes a user's name and picture where they are new."""
        user_id, seen = identity.user_id, (identity.name, identity.picture)
        if seen == (None, None) or self._seen.get(user_id) == seen:
            return
        note = partial(profiles.see, user_id=user_id, name=identity.name, picture=identity.picture)
        try:
            await self.store.write(note)
        except Away as error:
            log.warning("A name was not noted, the next request will do: %s", error)
            return
        if len(self._seen) >= SEEN:
            self._seen.clear()
        self._seen[user_id] = seen

    # ------------------------------------------------------------ telling

    async def _tell(self, committed: Committed) -> None:
        """One event for each room of a commit."""
        events: defaultdict[int, Event] = defaultdict(_nothing_yet)
        for entry in committed.entries:
            if (said := self._say(entry)) is not None:
                room_id, roster, change, line = said
                told, lines = events[room_id]
                told.first, told.last = told.first or change.version, change.version
                told.roster = max(told.roster, roster)
                told.changes.append(change)
                lines.append(line)
        if committed.entries:
            self.host.wake()
            self.search.note(events, len(committed.entries))
        for moved in committed.moved:
            is_joining = (moved.room_id, moved.user_id) in self._joining
            mark = Mark(moved.user_id, moved.delivered, moved.read, is_joining)
            events[moved.room_id][0].marks.append(mark)
        await self.fanout.publish(events)
        self.metrics.committed(committed)

    def _say(self, entry: Entry) -> Said | None:
        """The frame of a committed change."""
        match entry.outcome:
            case Added(message, roster):
                assert isinstance(entry.change, Add)
                return self._say_message(message, "sent", roster, entry.change.base)
            case Edited(message, roster):
                assert isinstance(entry.change, Edit)
                return self._say_message(message, "edited", roster, entry.change.base)
            case Reacted(is_new=True) as reacted:
                told = ToldChange(reacted.version, reacted.message_id, reacted.author_id, "reacted")
                line = codec.encode(reacted_of(reacted))
                return entry.change.room_id, reacted.roster, told, line
            case Deleted(message_id, version, roster):
                change = entry.change
                self._sweep.set()
                told = ToldChange(version, message_id, change.sender_id, "deleted")
                line = codec.encode(MessageDeleted(version, message_id))
                return change.room_id, roster, told, line
        return None

    def _say_message(self, message: Message, kind: Kind, roster: int, base: str) -> Said:
        told = ToldChange(message.version, message.id, message.sender_id, kind)
        return message.room_id, roster, told, self._line(message, kind, base)

    def _line(self, message: Message, kind: Kind, base: str) -> bytes:
        if kind == "reacted":
            shown = reactions_of(message.reactions)
            return codec.encode(MessageReacted(message.version, message.id, shown))
        said = message_of(message, self.attachments.link(base))
        if kind == "sent":
            return codec.encode(MessageSent(message.version, said))
        return codec.encode(MessageEdited(message.version, message.id, message.text, said))

    def _doubt(self, room_ids: set[int]) -> None:
        """The database's answer was lost: when it is back, all look into it."""
        if not self._doubtful:
            self.spawn(self._look_again())
        self._doubtful |= room_ids

    async def _look_again(self) -> None:
        while not self._is_closing:
            await asyncio.sleep(LOOK_AGAIN)
            try:
                await self.store.check()
            except Away:
                continue
            doubtful, self._doubtful = self._doubtful, set()
            self.postman.note_rooms(doubtful)
            return await self.fanout.suspect(doubtful)

    def _begin_again(self) -> None:
        """The database has lost what was told: rooms and receipts of before mean nothing there."""
        self._journal.forget()
        self.fanout.begin_again()
        self.inboxes.close(Close.RESTART)
        self.presence.begin_again()

    async def _watch(self) -> None:
        """A process in which nobody does anything must hear of another life too."""
        while True:
            await asyncio.sleep(WATCH)
            try:
                await self.store.recognize()
            except Away as error:
                log.debug("The database was not recognized: %s", error)
            except Exception:
                log.exception("The database was not recognized")

    # ------------------------------------------------------------ what rooms ask for

    async def recall(self, room: Room, version: int, top: int) -> State | None:
        async def look(db: Connection) -> tuple[messages.Since | None, Marks]:
            since = await messages.since(db, room.id, version)
            return since, await receipts.of_room(db, room.id)

        async with self._recalls:
            since, marks = await self.store.read(look)
        if since is None:
            return None
        self.metrics.missed.inc(len(since.messages) + len(since.deleted))
        said: list[tuple[ToldChange, bytes]] = []
        for m in since.messages:
            kind: Kind = "sent" if m.id > top else "edited" if m.is_edited else "reacted"
            change = ToldChange(m.version, m.id, m.sender_id, kind)
            said.append((change, self._line(m, kind, room.base)))
        said += [
            (
                ToldChange(version, id_, sender, "deleted"),
                codec.encode(MessageDeleted(version, id_)),
            )
            for id_, version, sender in since.deleted
        ]
        said.sort(key=lambda pair: pair[0].version)
        changes, lines = [c for c, _ in said], [line for _, line in said]
        return State(since.version, since.roster, since.title, changes, lines, marks)

    def regrouped(self, room: Room) -> None:
        self.fanout.follow_members(room)

    async def stands(self, room_ids: Sequence[int]) -> dict[int, Stand]:
        return await self.store.read(partial(rooms.stands, room_ids=room_ids))

    async def between(self, room: Room, above: int, upto: int, most: int) -> list[Older]:
        find = partial(messages.between, room_id=room.id, above=above, upto=upto, most=most)
        found = await self.store.read(find)
        return [(m.id, m.sender_id, self._line(m, "sent", room.base)) for m in found]

    # ------------------------------------------------------------ keeping house

    async def _keep_house(self) -> None:
        while True:
            try:
                await self._clean()
            except Away as error:
                log.warning("Not swept, the database is away: %s", error)
            except Exception:
                log.exception("Not swept")
            with suppress(TimeoutError):
                async with asyncio.timeout(HOUSEKEEPING):
                    await self._sweep.wait()
            self._sweep.clear()

    async def _clean(self) -> None:
        while await self.store.write(partial(rooms.sweep, limit=SWEPT_AT_ONCE)):
            pass
        await self.attachments.sweep()
        await self.cuts.look()


def _nothing_yet() -> Event:
    return Told(0, 0, [], []), []


def settle(entry: Entry) -> Made:
    """What became of a change; raises its Refusal."""
    outcome = entry.outcome
    if outcome is None:
        raise Unavailable
    if isinstance(outcome, messages.Refused):
        raise REFUSALS[outcome.code](outcome.says, message_id=outcome.message_id)
    return outcome
