"""A server with one guarantee broken on purpose: an ASGI middleware between it and its clients."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qs

import uvicorn

from ..engines import free_port

MOUNT = "/a/site/chat"  # where the app is reached as well
Frame = Any
App = Callable[..., Awaitable[None]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


@dataclass
class Wire:
    """One connection, as a mutation sees it; `memory` is its own, `shared` all connections'."""

    scope: dict[str, Any]
    shared: dict[str, Any]
    memory: dict[str, Any] = field(default_factory=dict)

    @property
    def query(self) -> dict[str, str]:
        return {k: v[0] for k, v in parse_qs(self.scope["query_string"].decode()).items()}


class Mutation:
    """Passes everything on as it is; each subclass breaks one thing."""

    def connects(self, wire: Wire) -> None:
        """May change the scope."""

    def receives(self, frame: Frame, wire: Wire) -> Frame:
        """An action on its way to the server; None loses it."""
        return frame

    def sends(self, frame: Frame, wire: Wire) -> list[Frame]:
        """A frame on its way to the client."""
        return [frame]

    is_absorbing: ClassVar[bool] = False  # whether frames are kept for a client that reads none

    def closes(self, code: int, wire: Wire) -> int:
        return code

    def reasons(self, reason: str, wire: Wire) -> str:
        return reason

    def answers(self, status: int, headers: dict[str, str], body: bytes, wire: Wire) -> Any:
        """An HTTP answer."""
        return status, headers, body


@asynccontextmanager
async def absorbing(send: Send) -> AsyncIterator[Send]:
    """A `send` that never waits: what the client does not read is kept in memory."""
    kept: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def pass_on() -> None:
        while True:
            await send(await kept.get())

    passing = asyncio.create_task(pass_on())
    try:
        yield kept.put
    finally:
        passing.cancel()


class Breaking:
    """The middleware; `mutation` can be another one at any time."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self.mutation = Mutation()
        self.shared: dict[str, Any] = {}

    def use(self, mutation: Mutation) -> None:
        self.mutation = mutation
        self.shared.clear()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            return await self.app(scope, receive, send)
        if scope["path"].startswith(f"{MOUNT}/"):
            scope = scope | {"root_path": MOUNT}
        wire = Wire(scope, self.shared)
        self.mutation.connects(wire)
        if scope["type"] == "http":
            return await self._http(wire, receive, send)
        return await self._socket(wire, receive, send)

    async def _http(self, wire: Wire, receive: Any, send: Any) -> None:
        started: dict[str, Any] = {}
        body = bytearray()

        async def held(event: dict[str, Any]) -> None:
            if event["type"] == "http.response.start":
                started.update(event)
            else:
                body.extend(event.get("body", b""))

        await self.app(wire.scope, receive, held)
        headers = {k.decode().lower(): v.decode("latin-1") for k, v in started["headers"]}
        status, headers, data = self.mutation.answers(started["status"], headers, bytes(body), wire)
        if "content-length" in headers and wire.scope["method"] != "HEAD":
            headers["content-length"] = str(len(data))
        raw = [(k.encode(), v.encode("latin-1")) for k, v in headers.items()]
        await send({"type": "http.response.start", "status": status, "headers": raw})
        await send({"type": "http.response.body", "body": data})

    async def _socket(self, wire: Wire, receive: Any, send: Any) -> None:
        async def taken() -> dict[str, Any]:
            while True:
                event = self._taken(await receive(), wire)
                if event is not None:
                    return event

        async def given(event: dict[str, Any]) -> None:
            for changed in self._given(event, wire):
                await send(changed)

        if self.mutation.is_absorbing:
            async with absorbing(given) as kept:
                return await self.app(wire.scope, taken, kept)
        return await self.app(wire.scope, taken, given)

    def _taken(self, event: dict[str, Any], wire: Wire) -> dict[str, Any] | None:
        """A client's text as the server gets it; None where it is lost."""
        try:
            frame = json.loads(event["text"])
        except (KeyError, TypeError, ValueError):
            return event
        changed = self.mutation.receives(frame, wire)
        if changed is frame:
            return event
        return None if changed is None else event | {"text": json.dumps(changed)}

    def _given(self, event: dict[str, Any], wire: Wire) -> Iterator[dict[str, Any]]:
        """What the client gets instead of the server's event."""
        if event["type"] == "websocket.close":
            code = self.mutation.closes(event.get("code", 1000), wire)
            reason = self.mutation.reasons(event.get("reason") or "", wire)
            yield event | {"code": code, "reason": reason}
        elif event["type"] == "websocket.send":
            frame = json.loads(event.get("text") or event.get("bytes") or b"")
            for changed in self.mutation.sends(frame, wire):
                text = json.dumps(changed, ensure_ascii=False)
                yield {"type": "websocket.send", "text": text}
        else:
            yield event


@contextmanager
def served(app: App, certificate: Path | None = None) -> Iterator[str]:
    """The app on a port of its own, in a thread of its own; by TLS with a certificate."""
    port = free_port()
    config = uvicorn.Config(
        app, port=port, log_level="error", lifespan="on", ws="websockets-sansio",
        ssl_certfile=certificate,
    )  # fmt: skip
    server = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()))
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive(), "the server does not start"
            thread.join(0.02)
        yield f"{'https' if certificate else 'http'}://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()
