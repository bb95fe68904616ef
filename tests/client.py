"""People and their sockets, as a client of the wire knows them; methods read like the rules."""

import asyncio
import base64
import hashlib
import hmac
import itertools
import json
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlencode

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Origin, Subprotocol

from .server import SECRET, Server
from .shapes import Frame, check_frame

LIMIT = 30.0  # seconds; on a busy machine even what is quick takes its time
API = "/api/v1/"


def _part(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def sign(claims: dict[str, Any], secret: str = SECRET, alg: str = "HS256") -> str:
    """A JWT written by hand, so that a test can say what no library would."""
    head = _part(json.dumps({"alg": alg, "typ": "JWT"}).encode())
    signed = f"{head}.{_part(json.dumps(claims).encode())}"
    digests = {"HS256": hashlib.sha256, "HS384": hashlib.sha384, "HS512": hashlib.sha512}
    if alg not in digests:
        return f"{signed}."
    return f"{signed}.{_part(hmac.digest(secret.encode(), signed.encode(), digests[alg]))}"


def token(user: object, **claims: Any) -> str:
    """A good token for an hour; a claim that is None is left out."""
    base = {"sub": str(user) if isinstance(user, int) else user, "exp": int(time.time()) + 3600}
    return sign({k: v for k, v in (base | claims).items() if v is not None})


def includes(whole: Any, part: Any) -> bool:
    """Objects may say more than was asked, lists and values may not."""
    if isinstance(part, dict) and isinstance(whole, dict):
        return all(k in whole and includes(whole[k], v) for k, v in part.items())
    if isinstance(part, list) and isinstance(whole, list):
        return len(part) == len(whole) and all(map(includes, whole, part))
    return type(whole) is type(part) and bool(whole == part)


class Socket:
    """One WebSocket; every frame is checked for its shape and kept in `seen`."""

    first: Frame

    def __init__(self, connection: ClientConnection, name: str) -> None:
        self.connection = connection
        self.name = name
        self.seen: list[Frame] = []
        self.presences: list[Frame] = []  # they come when they like, and are kept apart

    # ---------------------------------------------------------- receiving

    async def next(self, limit: float = LIMIT) -> Frame:
        """The very next frame that is not about somebody's presence."""
        while is_presence(frame := await self._any(limit)):
            pass
        return frame

    async def notices(self, user: int | str, *, online: bool, limit: float = LIMIT) -> Frame:
        """The next frame that says so of the user, with what came since the last one."""
        about = {"type": "presence", "user_id": user, "online": online}
        while not (found := [f for f in self.presences if f | about == f]):
            await self._any(limit)
        del self.presences[: self.presences.index(found[0]) + 1]
        return found[0]

    async def _any(self, limit: float) -> Frame:
        try:
            async with asyncio.timeout(limit):
                text = await self.connection.recv()
        except TimeoutError:
            raise AssertionError(f"{self.name} got nothing for {limit} s. {self.story()}") from None
        except ConnectionClosed as closed:
            code = closed.rcvd.code if closed.rcvd else 1006
            raise AssertionError(f"{self.name} was closed, {code}. {self.story()}") from None
        assert isinstance(text, str), f"{self.name} got a binary frame"
        return self._kept(json.loads(text))

    def _kept(self, frame: Frame) -> Frame:
        (self.presences if is_presence(frame) else self.seen).append(frame)
        check_frame(frame)
        return frame

    async def until(self, kind: str, **fields: Any) -> list[Frame]:
        """All frames up to the first one of this kind with these fields, that one included."""
        frames: list[Frame] = []
        try:
            async with asyncio.timeout(LIMIT):
                while not frames or not is_a(frames[-1], kind, fields):
                    frames.append(await self.next())
        except (TimeoutError, AssertionError) as error:
            wanted = f"{self.name} waited for {kind} {fields}. {error}"
            raise AssertionError(wanted if str(error) else f"{wanted} {self.story()}") from None
        return frames

    async def receives(self, kind: str, **fields: Any) -> Frame:
        """The next frame of this kind with these fields; what comes before it is skipped."""
        return (await self.until(kind, **fields))[-1]

    async def opens(self) -> bool:
        """Whether a frame comes first (it is then `first`), or a close."""
        try:
            self.first = await self.next()
        except AssertionError as error:
            if "was closed" not in str(error):
                raise
            return False
        return True

    async def closes(self, limit: float = LIMIT) -> int:
        """The code that the server closes with; frames before it are kept in `seen`."""
        try:
            async with asyncio.timeout(limit):
                while True:
                    self._kept(json.loads(await self.connection.recv()))
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else 1006
        except TimeoutError:
            raise AssertionError(f"{self.name} is not closed. {self.story()}") from None

    def saw(self, kind: str, **fields: Any) -> list[Frame]:
        return [f for f in self.seen if is_a(f, kind, fields)]

    def story(self) -> str:
        lines = [json.dumps(f, ensure_ascii=False)[:300] for f in self.seen[-12:]]
        return f"{len(self.seen)} frames so far, the last:\n  " + "\n  ".join(lines)

    # ------------------------------------------------------------ sending

    async def raw(self, data: str | bytes) -> None:
        try:
            async with asyncio.timeout(LIMIT):
                await self.connection.send(data)
        except ConnectionClosed:
            raise AssertionError(f"{self.name} is closed already. {self.story()}") from None

    async def does(self, action: str, **fields: Any) -> None:
        await self.raw(json.dumps({"action": action, **fields}))

    async def sends(self, text: str | None = None, **fields: Any) -> None:
        """A `send` that waits for nothing."""
        await self.does("send", **({} if text is None else {"message": text}), **fields)

    async def says(self, text: str, **fields: Any) -> dict[str, Any]:
        """A `send`, and its message as it came back."""
        await self.sends(text, **fields)
        return await self.hears(text)

    async def hears(self, text: str) -> dict[str, Any]:
        """The message of the next `chat_message` with this text."""
        frame = await self.receives("chat_message", message={"text": text})
        message: dict[str, Any] = frame["message"]
        return message

    async def is_refused(self, action: str, **fields: Any) -> dict[str, Any]:
        """The error that this action is answered with."""
        await self.does(action, **fields)
        error: dict[str, Any] = await self.receives("error")
        return error

    async def still_works(self) -> dict[str, Any]:
        """A plain message goes through: whatever came before did no harm."""
        return await self.says(f"still here {uuid.uuid4()}")

    def cut(self) -> None:
        """The connection is gone, without a word."""
        self.connection.transport.abort()


def is_presence(frame: Frame) -> bool:
    return isinstance(frame, dict) and frame.get("type") == "presence"


def is_a(frame: Frame, kind: str, fields: dict[str, Any]) -> bool:
    return isinstance(frame, dict) and frame["type"] == kind and includes(frame, fields)


class Person:
    """Somebody with a token: asks over HTTP and enters rooms."""

    _contexts = itertools.count(1)

    def __init__(self, server: Server, http: httpx.AsyncClient, user: int | str, name: str) -> None:
        self.server = server
        self.http = http
        self.id = user
        self.name = name
        self.claims: dict[str, Any] = {}

    def token(self, **claims: Any) -> str:
        return token(self.id, **(self.claims | claims))

    # --------------------------------------------------------------- HTTP

    async def asks(self, method: str, path: str, **rest: Any) -> httpx.Response:
        """A request with the token; a path that starts with no slash stands under the API."""
        url = path if path.startswith("http") else self.server.url + self.path(path)
        headers = {"Authorization": f"Bearer {self.token()}"} | rest.pop("headers", {})
        return await self.http.request(method, url, headers=headers, **rest)

    def path(self, path: str) -> str:
        return path if path.startswith("/") else API + path

    async def get(self, path: str, **params: Any) -> httpx.Response:
        return await self.asks("GET", path, params=params or None)

    async def post(self, path: str, body: Any = None, **rest: Any) -> httpx.Response:
        return await self.asks("POST", path, json=body, **rest)

    async def delete(self, path: str) -> httpx.Response:
        return await self.asks("DELETE", path)

    async def opens(self, *others: "Person", **fields: Any) -> int:
        """A new room with the others; a context of its own keeps pairs apart between tests."""
        members = [self.id, *(other.id for other in others)]
        body = {"members": members, "context": f"test:{uuid.uuid4()}"} | fields
        answer = await self.post("chat/create/", body)
        assert answer.status_code == 201, answer.text
        room: int = answer.json()["room_id"]
        return room

    async def posts(self, room: int, text: str, **fields: Any) -> dict[str, Any]:
        """A message without a socket."""
        answer = await self.post(f"chat/rooms/{room}/messages/", {"message": text, **fields})
        assert answer.status_code == 201, answer.text
        message: dict[str, Any] = answer.json()
        return message

    async def reads_all(self, room: int) -> list[dict[str, Any]]:
        """The whole room, page by page, oldest first."""
        found: list[dict[str, Any]] = []
        more = True
        while more:
            after = found[-1]["message_id"] if found else 0
            answer = await self.get(f"chat/rooms/{room}/messages/", after=after, limit=100)
            assert answer.status_code == 200, answer.text
            found += answer.json()["messages"]
            more = answer.json()["has_more"]
        return found

    # ------------------------------------------------------------ sockets

    @asynccontextmanager
    async def knocks(
        self, query: str, path: str = "/ws/chat/", **options: Any
    ) -> AsyncIterator[Socket]:
        """A completed handshake; what follows it, a first frame or a close, is the test's."""
        offered = options.pop("offers", ["Bearer", self.token()])
        async with asyncio.timeout(60):
            async with connect(
                f"{self.server.sockets_url}{path}{query}",
                subprotocols=[Subprotocol(s) for s in offered] or None,
                origin=Origin(options["origin"]) if "origin" in options else None,
                additional_headers=options.get("headers"),
                compression=options.get("compression"),
                ping_interval=None,
                open_timeout=LIMIT,
                close_timeout=LIMIT,
                max_size=None,
                max_queue=None,
                proxy=None,
            ) as connection:
                yield Socket(connection, self.name)

    @asynccontextmanager
    async def listens(self, query: str = "?format=flat") -> AsyncIterator[Socket]:
        """A socket on his notifications, its first frame received."""
        async with self.knocks(query, "/ws/chat/notifications/") as socket:
            socket.first = await socket.next()
            yield socket

    @asynccontextmanager
    async def enters(self, room: int, **query: Any) -> AsyncIterator[Socket]:
        """A socket in the room, its first frame received."""
        async with self.knocks("?" + urlencode({"room_id": room, **query})) as socket:
            socket.first = await socket.next()
            yield socket
