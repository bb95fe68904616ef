"""The chat as one ASGI app, which runs by itself or mounted in a site."""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from anyio.lowlevel import checkpoint
from starlette.applications import Starlette
from starlette.endpoints import WebSocketEndpoint
from starlette.routing import BaseRoute, Mount, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from . import settings as configuration
from .auth.authenticator import Authenticator, Hook
from .auth.base_url import ROOT_KEY, plain_path
from .auth.origins import Cors
from .auth.site_keys import SiteKeys
from .chat.chat import NO_HOOKS, ChatServices
from .chat.host_api import HostApi
from .chat.host_api import NewFile as File
from .chat.host_sync import SyncApi
from .chat.rate_limit import RateLimiter
from .chat.site.records import RoomRecord as Room
from .chat.site.records import UserRecord as User
from .chat.start import started_when_free
from .consumers.chat import ChatSocket
from .consumers.notifications import NotificationsSocket
from .integrations.hooks import (
    BeforeOpen,
    BeforeSend,
    DescribeContexts,
    DescribeUsers,
    Draft,
    Hooks,
    OnAction,
    Pressed,
    Profile,
)
from .integrations.host_events import HostEvent as Event
from .integrations.host_events import Listener
from .integrations.metrics import WorkerMetrics
from .protocol.errors import (
    Conflict,
    EmptyMessage,
    FileInvalid,
    FileMissing,
    FileTooLarge,
    FileType,
    Forbidden,
    Internal,
    InvalidFrame,
    NotFound,
    RateLimited,
    Refusal,
    StorageUnavailable,
    TooLong,
    Unauthenticated,
    Unavailable,
)
from .protocol.events import About, Message
from .realtime.connection_limits import CountLimit
from .routes import files, health, server_api, ui, web_client
from .routes.apidocs import pages
from .routes.bodies import BodiesInFlight
from .routes.errors import HANDLERS, NO_UPGRADE, NOT_STARTED, refuse_http, refuse_unstarted
from .settings import BadSetting, Settings, apply_reload
from .store.messages.extra import StoredButton as Button

log = logging.getLogger("roomcast")

__all__ = [
    "About",
    "App",
    "BadSetting",
    "Button",
    "Conflict",
    "Draft",
    "EmptyMessage",
    "Event",
    "File",
    "FileInvalid",
    "FileMissing",
    "FileTooLarge",
    "FileType",
    "Forbidden",
    "Internal",
    "InvalidFrame",
    "Message",
    "NotFound",
    "Pressed",
    "Profile",
    "RateLimited",
    "Refusal",
    "Room",
    "Settings",
    "StorageUnavailable",
    "TooLong",
    "Unauthenticated",
    "Unavailable",
    "User",
    "create_app",
]

ANOTHER_LOOP = (
    "This call comes from another event loop than the one that the chat was started in. From "
    "another thread call chat.sync.…, or asyncio.run_coroutine_threadsafe(chat.…, loop)."
)
NO_ASYNCIO = "roomcast runs on asyncio: trio and other event loops can't serve it."
SOCKETS: Mapping[str, type[WebSocketEndpoint]] = {
    "/ws/chat": ChatSocket,
    "/ws/chat/notifications": NotificationsSocket,
}


class App(Starlette, HostApi):
    """The chat's ASGI app: `chat.lifespan` starts and stops it; the host calls its methods."""

    def __init__(
        self,
        settings: Settings,
        authenticate: Hook | None = None,
        hooks: Hooks = NO_HOOKS,
    ) -> None:
        self.settings = settings
        self._hooks = hooks
        self._has_missed_upgrade = False  # whether a missing Upgrade was logged
        self._loop: asyncio.AbstractEventLoop | None = None
        self.is_draining = False  # about to stop: not ready for new clients
        self.metrics_folder: Path | None = (
            None  # where the workers of one server share their metrics
        )
        self._authenticator = Authenticator(settings, authenticate)
        super().__init__(
            routes=_routes(settings),
            exception_handlers=HANDLERS,
            lifespan=self.lifespan,
        )
        self.router.redirect_slashes = False
        origins = settings.server.allowed_origins
        self._for_pages: ASGIApp = Cors(super().__call__, origins) if origins else super().__call__

    def start_draining(self) -> None:
        """Make /readyz fail, so that a load balancer sends new clients to other processes."""
        self.is_draining = True

    def reload(self, settings: Settings) -> None:
        """Reload limits, the rate limit, the log level and the accepted types of files.

        Other changed settings need a restart, and are logged.
        """
        changed, needs_restart = apply_reload(self.settings, settings)
        log.info("settings reloaded: changed=%s", ", ".join(changed) or "nothing")
        if needs_restart:
            log.warning("settings reloaded: a restart is needed for %s", ", ".join(needs_restart))

    @asynccontextmanager
    async def lifespan(self, app: Any = None) -> AsyncIterator[None]:
        """Start the chat like `started`, but let a host with several workers continue.

        While another process uses the database, the chat answers 503 and the host runs.
        """
        async with started_when_free(self.started, self._mark_refused):
            yield

    def _mark_refused(self) -> None:
        self.state.is_refused = True

    @asynccontextmanager
    async def started(self) -> AsyncIterator[None]:
        """Open the engines, and close them after all changes under way are committed.

        Raises DatabaseInUse if another process uses the database, otherwise CannotOpen.
        """
        try:
            self._loop = asyncio.get_running_loop()
        except RuntimeError:
            raise RuntimeError(NO_ASYNCIO) from None
        await checkpoint()  # loads anyio's backend now, not at the first file
        chat = ChatServices(self.settings, self._hooks)
        await chat.open()
        try:
            await self._authenticator.open()
        except BaseException:
            await chat.aclose()
            raise
        self.state.chat, self.state.auth = chat, self._authenticator
        folder = self.metrics_folder
        self.state.numbers = WorkerMetrics(folder, chat.metrics) if folder else chat.metrics
        self.state.site_keys = SiteKeys(self.settings.server_api.keys)
        self.state.rate_limiter = RateLimiter(self.settings.rate_limit)
        self.state.bodies = BodiesInFlight(self.settings.limits.max_bytes_in_flight)
        self.state.sockets_by_user = CountLimit(self.settings.server.max_connections_per_user)
        per_address = self.settings.server.max_connections_per_address
        self.state.sockets_by_address = CountLimit(per_address)
        try:
            yield
        finally:
            del self.state.chat
            await self._authenticator.aclose()
            await chat.aclose()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket"):
            if not hasattr(self.state, "chat"):
                is_refused = hasattr(self.state, "is_refused")
                return await refuse_unstarted(scope, receive, send, is_refused=is_refused)
            root, path = plain_path(scope)
            if scope["type"] == "http" and path in SOCKETS:
                self._log_missed_upgrade(scope["path"])
                return await refuse_http(scope, receive, send)
            if scope["type"] == "websocket" and path in SOCKETS and not self.user_middleware:
                # Sockets bypass the router and its middlewares, which need memory for each of them.
                scope["app"], scope[ROOT_KEY] = self, root
                return await SOCKETS[path](scope, receive, send)
            scope = {**scope, "path": root + path, "root_path": root, ROOT_KEY: root}
            # These are for every page, and have their own headers.
            if scope["type"] == "http" and not path.startswith(("/files/", "/ui/")):
                return await self._for_pages(scope, receive, send)
        return await super().__call__(scope, receive, send)

    def _log_missed_upgrade(self, path: str) -> None:
        if not self._has_missed_upgrade:
            log.warning("request refused: status=426 path=%s reason=%s", path, NO_UPGRADE)
            self._has_missed_upgrade = True

    # ------------------------------------------------------------ for the host's own code

    @property
    def loop(self) -> asyncio.AbstractEventLoop | None:
        """The event loop that the chat was started in."""
        return self._loop

    @property
    def sync(self) -> SyncApi:
        """The host's calls for other threads: `chat.sync.post(room, "Hello", sender=2)`."""
        return SyncApi(self)

    @property
    def _chat(self) -> ChatServices:  # type: ignore[override] # asked for at each call
        chat: ChatServices | None = getattr(self.state, "chat", None)
        if chat is None:
            raise RuntimeError(NOT_STARTED)
        if asyncio.get_running_loop() is not self._loop:
            raise RuntimeError(ANOTHER_LOOP)
        return chat


def create_app(  # noqa: PLR0913 # each hook is a keyword of its own
    source: Settings | Mapping[str, Any] | Path | str | None = None,
    *,
    authenticate: Hook | None = None,
    on_event: Listener | None = None,
    before_send: BeforeSend | None = None,
    describe_users: DescribeUsers | None = None,
    before_open: BeforeOpen | None = None,
    on_action: OnAction | None = None,
    describe_contexts: DescribeContexts | None = None,
) -> App:
    """Create the chat from Settings, a mapping, or the path of a settings.toml.

    Hooks are async functions; those that may refuse raise a Refusal with a sentence.
    `authenticate` returns the user id of an HTTPConnection, or None; without it, JWTs identify
    users.
    `on_event` gets each committed change as an Event, at least once, in the order of its room; it
    is called again later if it raises.
    `before_send` gets each text of a client as a Draft, new or edited, and returns the text to
    store; it may refuse.
    `describe_users` returns the Profiles of user ids: names and pictures.
    `before_open` gets the creator, the members and the context before a user opens a room or adds a
    member; it may refuse.
    `on_action` gets a Pressed when a member presses a button, and returns a reply to that member,
    or None; it may refuse.
    `describe_contexts` returns the Abouts of contexts, for rooms without a stored `about`.
    Raises BadSetting.
    """
    hooks = Hooks(on_event, before_send, describe_users, before_open, on_action, describe_contexts)
    return App(configuration.load(source), authenticate, hooks)


def _routes(settings: Settings) -> list[BaseRoute]:
    site = server_api.API if settings.server_api.keys else ()
    prefixes = ["/api/v1", *(f"/{language}/api/v1" for language in settings.server.languages)]
    return [
        *web_client.routes(settings),
        *(ui.routes if settings.server.ui else ()),
        *(Mount(prefix, routes=[*pages.API, *site]) for prefix in prefixes),
        *health.routes,
        *(health.counted if settings.server.metrics else ()),
        *files.routes,
        *(WebSocketRoute(path, socket) for path, socket in SOCKETS.items()),
    ]
