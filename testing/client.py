"""The whole chat inside other people's tests: no port, no server, and nothing left afterwards."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
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

try:
    from httpx_ws import AsyncWebSocketSession, aconnect_ws
    from httpx_ws.transport import ASGIWebSocketTransport
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        "roomcast.testing needs the package httpx-ws: pip install 'roomcast[testing]'."
    ) from error

__all__ = ["ChatClient", "chat_client"]

URL = "http://chat.test"
LIFE = 3_600  # seconds until a token expires: longer than any test


class Transport(ASGIWebSocketTransport):
    """httpx-ws's, with what servers see to: names without blanks, paths without a query."""

    def __init__(self, app: App) -> None:
        super().__init__(app=app)
        self._turn = asyncio.Lock()

    async def _handle_ws_request(self, request: httpx.Request, scope: Any) -> httpx.Response:
        scope["subprotocols"] = [name.strip() for name in scope["subprotocols"]]
        scope["raw_path"] = scope["raw_path"].partition(b"?")[0]
        async with self._turn:  # two that connect at once would both get the later one's scope
            return await super()._handle_ws_request(request, scope)


class ChatClient(httpx.AsyncClient):
    """An httpx client with somebody logged in. `chat` is the app, for the host's own code."""

    def __init__(
        self, chat: App, transport: Transport, user: int | str, claims: Mapping[str, Any]
    ) -> None:
        self.chat = chat
        self.user_id = wire_user(user_of(user))
        self.shared_transport = transport
        told = {"sub": str(user), "exp": int(time.time()) + LIFE, **claims}
        self.token = jwt.encode(told, chat.settings.auth.secret, algorithm="HS256")
        super().__init__(
            transport=transport,
            base_url=URL,
            headers={"Authorization": f"Bearer {self.token}"},
            trust_env=False,
        )

    def another(self, user: int | str, claims: Mapping[str, Any] | None = None) -> "ChatClient":
        """Somebody else in the same chat. The claims may tell a `name` and a `picture`."""
        return ChatClient(self.chat, self.shared_transport, user, claims or {})

    def socket(
        self, room: RoomRef, **query: object
    ) -> AbstractAsyncContextManager[AsyncWebSocketSession]:
        """A socket in the room; `after=0` and the like go into its query."""
        room_id = room.id if isinstance(room, RoomRecord) else room
        url = f"{URL}/ws/chat/?{urlencode({'room_id': room_id, **query})}"
        # In here nobody answers pings.
        return aconnect_ws(url, self, keepalive_ping_interval_seconds=None)


@asynccontextmanager
async def chat_client(
    user: int | str = 1,
    settings: Mapping[str, Mapping[str, Any]] | None = None,
    *,
    folder: Path | None = None,
    claims: Mapping[str, Any] | None = None,
    **hooks: Any,
) -> AsyncIterator[ChatClient]:
    """Runs a new chat in this event loop, on SQLite and a folder of files, and logs a user in.

    Database and files are deleted afterwards, unless they lie in a given `folder`. The settings are
    as in settings.toml; by default there are no rate limits. The hooks are create_app's.
    """
    with TemporaryDirectory(prefix="roomcast-") as temporary:
        chat = create_app(_settings(settings or {}, folder or Path(temporary)), **hooks)
        transport = Transport(chat)
        async with chat.lifespan(), ChatClient(chat, transport, user, claims or {}) as client:
            yield client


def _settings(wanted: Mapping[str, Mapping[str, Any]], folder: Path) -> dict[str, dict[str, Any]]:
    defaults: dict[str, dict[str, Any]] = {
        "database": {"url": f"sqlite:///{folder}/chat.db", "synchronous": "NORMAL"},
        "attachments": {"url": f"file:{folder}/attachments"},
        "auth": {"secret": secrets.token_hex(32)},
        "rate_limit": {"rate": 0},
    }
    sections = {**defaults, **wanted}
    return {name: {**defaults.get(name, {}), **wanted.get(name, {})} for name in sections}
