"""One chat: builds its services, opens and closes them in order."""

import asyncio
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from functools import partial
from typing import Any, TypeVar

from ..integrations.hooks import Hooks, HostProfiles
from ..integrations.metrics import Metrics
from ..integrations.outbox_relay import OutboxRelay, listeners_of
from ..integrations.supervisor import Supervisor
from ..protocol.errors import Close
from ..realtime.commits import Commit, CommitListener, CommitListeners
from ..realtime.hub import Hub
from ..settings import Settings
from ..store.commit_queue import CommitQueue, Committed
from ..store.store import START_TIMEOUT, Store
from .account.erasure import Erasures
from .attachments.service import Attachments
from .bans import Bans
from .buttons import Buttons
from .contexts import Contexts
from .history import HistoryReader
from .history_cache import HistoryCache
from .housekeeping import Housekeeping
from .joining import Joining
from .members import Members
from .message_encoder import MessageEncoder
from .messages import Messages
from .notifications.dispatcher import NotificationDispatcher
from .notifications.inbox import Inboxes
from .presence import Presence
from .profiles import Profiles
from .publisher import EventEncoder, Publisher
from .receipts import Receipts
from .recovery import Recovery
from .reports import Reports
from .revocations import Revocations
from .room_lists import RoomLists
from .room_reader import DatabaseRoomReader
from .rooms import Rooms
from .search import Search
from .site.messages import SiteMessages
from .site.reports import SiteReports
from .site.rooms import SiteRooms
from .site.users import SiteUsers
from .text_policy import TextPolicy

T = TypeVar("T")

NO_HOOKS = Hooks()


class ChatServices:
    """The services of one chat in this process, by name."""

    def __init__(self, settings: Settings, hooks: Hooks = NO_HOOKS) -> None:
        self.settings = settings
        self._tasks: set[asyncio.Task[Any]] = set()
        self.host_profiles = HostProfiles(hooks.describe_users) if hooks.describe_users else None
        self.contexts = Contexts(hooks.describe_contexts)
        self.metrics = Metrics()
        host_listeners = listeners_of(settings.webhooks, hooks.on_event)
        alone = settings.broadcast.url.startswith("memory:")
        self.store = store = Store(
            settings.database.url,
            settings.database.synchronous,
            alone=alone,
            start_timeout=START_TIMEOUT,
            listeners=OutboxRelay.wants(settings.webhooks, host_listeners),
            on_new_epoch=lambda: self.recovery.on_database_restored(),
        )
        self.host = OutboxRelay(store, settings.webhooks, host_listeners, self.metrics, alone=alone)
        self.texts = TextPolicy(settings.limits, settings.reactions, store, hooks.before_send)
        self.attachments = Attachments(settings, store, self.texts)
        self.pages = HistoryCache(store, self.attachments)
        encoder = MessageEncoder(self.attachments, settings.server.public_url)
        self.queue = queue = CommitQueue(store)
        reader = DatabaseRoomReader(store, encoder, self.metrics, settings.limits)
        self.hub = hub = Hub(settings.broadcast.url, reader, queue.mark)
        self.search = Search(settings.limits, store)
        self.room_lists = RoomLists(store)
        self.bans = Bans(store)
        self.revocations = Revocations(store, hub, self.bans.on_changed)
        self.presence = Presence(store, hub, settings.presence, is_alone=alone)
        self.dispatcher = NotificationDispatcher(store, hub)
        self.housekeeping = Housekeeping(store, self.attachments, settings.retention.messages)
        # The listeners that are called after each commit, in this order.
        after_commit: list[CommitListener] = [
            Publisher(hub),
            self.host,
            self.search,
            self.room_lists,
            self.dispatcher,
            self.housekeeping,
            self.metrics,
        ]
        self._commits = commits = CommitListeners(after_commit)
        self.joining = Joining(store, queue)
        self._events = EventEncoder(encoder, self.joining.is_joining)
        self.messages = Messages(settings, store, queue, self.attachments, self.texts)
        self.buttons = Buttons(store, self.messages, hooks.on_action)
        self.reports = Reports(store, commits, self.texts)
        self.history = HistoryReader(store, settings.limits)
        self.receipts = Receipts(store, queue, hub)
        self.rooms = Rooms(settings, store, commits, self.texts, hooks.before_open)
        self.members = Members(store, hub, commits, self.spawn, self.texts, hooks.before_open)
        self.profiles = Profiles(store, self.host_profiles)
        self.inboxes = Inboxes(store, hub, self.dispatcher, self.receipts.deliver, self.contexts)
        self.erasures = Erasures(store, self.messages.make, single_process=alone)
        self.recovery = Recovery(store, queue, hub, self.dispatcher, self.inboxes, self.presence)
        self.site_rooms = SiteRooms(store, self.rooms, self.members, self.room_lists)
        self.site_messages = SiteMessages(
            store, self.attachments, self.texts, self.messages, self.receipts
        )
        self.site_reports = SiteReports(store)
        self.site_users = SiteUsers(
            store, self.attachments, self.bans, self.revocations, self.erasures
        )
        self._background = Supervisor(self.metrics.count_restart)
        self._count_in_metrics()

    def _count_in_metrics(self) -> None:
        watch = self.metrics.watch
        watch("roomcast_open_rooms", "Rooms with sockets.", self.hub.open_rooms)
        watch("roomcast_open_sockets", "Sockets in them.", self.hub.open_sockets)
        self.metrics.watch_limits(self.settings)
        waiting = "Changes on their way into the database."
        watch("roomcast_waiting_changes", waiting, self.queue.waiting)

    async def open(self) -> None:
        """Open the services in order; `aclose` closes them in reverse, even if one fails.

        Raises CannotOpen, BucketUnavailable or Unreachable, with a sentence for the operator.
        """
        async with AsyncExitStack() as stack:
            await self.store.open()
            stack.push_async_callback(self.store.aclose)
            await self.attachments.bucket.open()
            stack.push_async_callback(self.attachments.bucket.aclose)
            stack.push_async_callback(self.attachments.thumbnails.aclose)
            await self.hub.open()
            stack.push_async_callback(self.hub.aclose)
            await self.revocations.open()
            await self.bans.open()
            stack.callback(self.inboxes.close, Close.RESTART)
            stack.push_async_callback(self.dispatcher.aclose)
            await self.presence.open()
            stack.push_async_callback(self.presence.aclose)
            self.host.open()
            stack.push_async_callback(self.host.aclose)
            self.queue.open(self._on_committed, self.recovery.on_unconfirmed)
            stack.push_async_callback(self.queue.aclose)
            stack.push_async_callback(self._finish)
            self._background.start("housekeeping", self.housekeeping.run)
            self._background.start("recovery watch", self.recovery.watch)
            self._background.start("search", self.search.run)
            self._background.start("room lists", self.room_lists.run)
            self._background.start("bans", partial(self.bans.watch, self.revocations.load_missed))
            self._background.start("erasures", self.erasures.keep)
            self._opened = stack.pop_all()

    async def aclose(self) -> None:
        """Close the services, after everything under way is committed."""
        await self._opened.aclose()

    async def _finish(self) -> None:
        await self._background.aclose()
        await self.recovery.aclose()
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def check(self) -> None:
        """Check that the database answers and that commits succeed.

        Raises DatabaseUnavailable or RuntimeError.
        """
        self.queue.check()
        await self.store.check()
        await self.store.prove()

    def spawn(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Run work that continues after the connection that requested it has ended."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _on_committed(self, committed: Committed) -> None:
        await self._commits.on_commit(Commit(self._events.encode(committed), committed))
