"""The whole chat inside a test: no port, no server, and no files left afterwards."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlencode

import httpx
import jwt

from ..app import App, create_app
from ..chat.host_api import RoomRef
from ..chat.site.records import RoomRecord
from ..protocol.ids import user_of, wire_user
from .groups import ungrouped
from .redirect import TokenLogin, redirected

try:
    from httpx_ws import AsyncWebSocketSession, aconnect_ws
    from httpx_ws.transport import ASGIWebSocketTransport
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        "roomcast.testing needs the package httpx-ws: pip install 'roomcast[testing]'."
    ) from error

__all__ = ["ChatClient", "chat_client"]

BASE_URL = "http://chat.test"
TOKEN_TTL = 3_600  # seconds until a token expires: longer than any test


class Transport(ASGIWebSocketTransport):
    """The transport of httpx-ws, which also trims names and paths as servers do."""

    def __init__(self, app: App, secret: str) -> None:
        super().__init__(app=app)
        self.secret = secret  # signs the tokens of the test
        self._lock = asyncio.Lock()

    async def _handle_ws_request(self, request: httpx.Request, scope: Any) -> httpx.Response:
        scope["subprotocols"] = [name.strip() for name in scope["subprotocols"]]
        scope["raw_path"] = scope["raw_path"].partition(b"?")[0]
        async with self._lock:  # two that connect at once would both get the later scope
            return await super()._handle_ws_request(request, scope)


class ChatClient(httpx.AsyncClient):
    """An httpx client with a logged-in user. `chat` is the app, for the host's own code."""

    def __init__(
        self, chat: App, transport: Transport, user: int | str, claims: Mapping[str, Any]
    ) -> None:
        self.chat = chat
        self.user_id = wire_user(user_of(user))
        self.shared_transport = transport
        claimed = {"sub": str(user), "exp": int(time.time()) + TOKEN_TTL, **claims}
        self.token = jwt.encode(claimed, transport.secret, algorithm="HS256")
        super().__init__(
            transport=transport,
            base_url=BASE_URL,
            headers={"Authorization": f"Bearer {self.token}"},
            trust_env=False,
        )

    def another(self, user: int | str, claims: Mapping[str, Any] | None = None) -> "ChatClient":
        """Return a client of another user. The claims may have a `name` and a `picture`."""
        return ChatClient(self.chat, self.shared_transport, user, claims or {})

    def socket(
        self, room: RoomRef, **query: object
    ) -> AbstractAsyncContextManager[AsyncWebSocketSession]:
        """Open a socket in the room; `after=0` and other arguments are its query."""
        room_id = room.id if isinstance(room, RoomRecord) else room
        url = f"{BASE_URL}/ws/chat/?{urlencode({'room_id': room_id, **query})}"
        # In here nobody answers pings.
        return ungrouped(aconnect_ws(url, self, keepalive_ping_interval_seconds=None))


@asynccontextmanager
async def chat_client(
    user: int | str = 1,
    settings: Mapping[str, Mapping[str, Any]] | None = None,
    *,
    app: App | None = None,
    folder: Path | None = None,
    claims: Mapping[str, Any] | None = None,
    **hooks: Any,
) -> AsyncIterator[ChatClient]:
    """Run a chat in this event loop, on SQLite and a folder of files, and log a user in.

    It is a new one, with hooks as create_app takes them, or the site's own `app`, with its own
    hooks, and its settings except for the engines'. Database and files are deleted afterwards,
    unless a `folder` is given. The settings are as in settings.toml; by default there are
    no rate limits.
    """
    async with AsyncExitStack() as stack:
        temporary = stack.enter_context(TemporaryDirectory(prefix="roomcast-"))
        wanted = _settings(settings or {}, folder or Path(temporary))
        secret = secrets.token_hex(32)
        if app is None:
            auth = {"secret": secret, **wanted.pop("auth", {})}
            chat = create_app({**wanted, "auth": auth}, **hooks)
            await stack.enter_async_context(chat.lifespan())
            secret = chat.settings.auth.secret
        elif hooks:
            raise ValueError(f"{', '.join(sorted(hooks))}: app= has its own; leave them out.")
        else:
            chat = app
            await stack.enter_async_context(_redirected(app, secret, wanted))
        client = ChatClient(chat, Transport(chat, secret), user, claims or {})
        yield await stack.enter_async_context(ungrouped(client))


@asynccontextmanager
async def _redirected(
    app: App, secret: str, wanted: Mapping[str, Mapping[str, Any]]
) -> AsyncIterator[None]:
    """The site's own app on the engines of the test, which accepts the tokens of the test."""
    with redirected(app, wanted):
        async with app.lifespan():
            app.state.auth = TokenLogin(app.state.auth, secret)
            yield


def _settings(wanted: Mapping[str, Mapping[str, Any]], folder: Path) -> dict[str, dict[str, Any]]:
    """The settings of the test over those that let it run alone and leave nothing behind."""
    defaults: dict[str, dict[str, Any]] = {
        "database": {"url": f"sqlite:///{folder}/chat.db", "synchronous": "NORMAL"},
        "broadcast": {"url": "memory://"},
        "attachments": {"url": f"file:{folder}/attachments"},
        "webhooks": {"url": ""},
        "rate_limit": {"rate": 0},
    }
    sections = {**defaults, **wanted}
    return {name: {**defaults.get(name, {}), **wanted.get(name, {})} for name in sections}
