"""The tools of a check: two users, rooms, sockets, and a list of findings."""

import ssl
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import urlencode

from websockets.asyncio.client import connect
from websockets.exceptions import InvalidHandshake
from websockets.typing import Origin, Subprotocol

from ...client import AsyncChat
from .account import Account, BrokenPromise, CannotVerify, detail_of
from .probe import ProbeSocket
from .report import Report
from .rooms import OpenedRooms, why_no_room
from .shapes import ROOM_OPENED

CONTEXT = "roomcast-verify:"  # what the contexts of all rooms of a run begin with


@dataclass
class Deployment:
    """The deployment under test, and the two users who test it."""

    base: str  # where it is mounted, without a slash at its end
    ada: Account
    bob: Account
    report: Report
    limit: float  # seconds for a frame that must come
    patience: float  # seconds for events that the documentation lets take longer
    tls: ssl.SSLContext | None = None
    site: AsyncChat | None = None  # with a key of the server API
    site_key: str = ""
    config: dict[str, Any] = field(default_factory=dict)  # of GET chat/config/
    rooms: OpenedRooms = field(default_factory=OpenedRooms)

    @property
    def sockets(self) -> str:
        """Returns the base URL of room sockets."""
        return "ws" + self.base.removeprefix("http") + "/ws/chat/"

    def is_known(self, feature: str) -> bool:
        """Return whether the server's `chat/config/` has a feature."""
        return feature in self.config


class Stage:
    """The tools of one check: its rooms, its sockets, its findings."""

    def __init__(self, deployment: Deployment, promise: str, name: str) -> None:
        self.deployment = deployment
        self.promise = promise
        self.name = name
        self.ada = deployment.ada
        self.bob = deployment.bob
        self.report = deployment.report

    @property
    def site(self) -> AsyncChat:
        """The server API, for checks that need it."""
        assert self.deployment.site is not None
        return self.deployment.site

    def holds(self, condition: object, what: str, evidence: object = "") -> None:
        """Count one expectation; if the condition is false, add a finding."""
        self.report.checked[self.promise] += 1
        if not condition:
            self.report.find(self.promise, self.name, what, evidence)

    def equal(self, value: object, wanted: object, what: str) -> None:
        """Expect a value; a finding shows both."""
        self.holds(value == wanted, what, f"{value!r:.280} instead of {wanted!r:.280}")

    # ---------------------------------------------------------------- rooms

    async def open_room(self, *third: int | str, **fields: Any) -> int:
        """Open a new room of both users, and of others who need not exist.

        Ada opens those of others and those with fields; the rest is shared between the two, since
        each may open only so many a day (`limits.rooms_per_day`).
        """
        members = [self.ada.user_id, self.bob.user_id, *third]
        rooms = self.deployment.rooms
        creator = self.ada if third or fields else rooms.next_creator(self.ada, self.bob)
        context = f"{CONTEXT}{uuid.uuid4()}"
        body = {"members": members, "context": context} | fields
        rooms.count(creator)
        answer = await creator.request("POST", "chat/create/", json=body)
        if answer.status_code == 429:
            delay = answer.headers.get("retry-after", "")
            raise CannotVerify(why_no_room(creator, delay, detail_of(answer)))
        if answer.status_code != 201:
            raise BrokenPromise(f"a new room is answered {answer.status_code}", answer.text)
        room = answer.json()
        for problem in ROOM_OPENED(room, "answer"):
            self.report.find("http", "shapes of answers", f"POST chat/create/: {problem}", room)
        rooms.append((creator, room["room_id"]))
        return int(room["room_id"])

    async def empty_room(self) -> int:
        """Return the room of all checks that store no message in it."""
        return await self.deployment.rooms.shared("empty", self.open_room)

    async def busy_room(self) -> int:
        """Return the room of all checks that may find other messages in it."""
        return await self.deployment.rooms.shared("busy", self.open_room)

    async def post(self, account: Account, room: int, text: str, **fields: Any) -> dict[str, Any]:
        """Send a message by HTTP."""
        body = {"message": text, **fields}
        message: dict[str, Any] = await account.json(
            "POST", f"chat/rooms/{room}/messages/", status=201, json=body
        )
        return message

    async def read_all(self, account: Account, room: int) -> list[dict[str, Any]]:
        """Read the whole room by HTTP, oldest first."""
        found: list[dict[str, Any]] = []
        while True:
            after = found[-1]["message_id"] if found else 0
            path = f"chat/rooms/{room}/messages/?after={after}&limit=100"
            page = await account.json("GET", path)
            found += page["messages"]
            if not page["has_more"] or not page["messages"]:
                return found

    # ---------------------------------------------------------------- sockets

    @asynccontextmanager
    async def knock(
        self, account: Account, query: str, path: str = "", **options: Any
    ) -> AsyncIterator[ProbeSocket]:
        """Complete a handshake; the check itself awaits a first frame or a close."""
        offers = options.pop("offers", ["Bearer", account.token])
        await account.pace.wait(2.0)
        origin = options.pop("origin", None)
        try:
            async with connect(
                options.pop("url", self.deployment.sockets + path + query),
                subprotocols=[Subprotocol(offer) for offer in offers] or None,
                origin=Origin(origin) if origin else None,
                additional_headers=options.pop("headers", None),
                compression=options.pop("compression", "deflate"),
                ssl=self.deployment.tls,
                open_timeout=self.deployment.limit,
                close_timeout=1.0,
                ping_interval=None,
                max_size=None,
                max_queue=None,
            ) as connection:
                yield ProbeSocket(connection, account, self.deployment.limit)
        except (OSError, TimeoutError, InvalidHandshake) as error:
            raise BrokenPromise(f"no socket could be opened: {error}", query) from None

    @asynccontextmanager
    async def enter(self, account: Account, room: int, **query: Any) -> AsyncIterator[ProbeSocket]:
        """Open a socket in a room, and receive its first frame."""
        async with self.knock(account, "?" + urlencode({"room_id": room, **query})) as socket:
            socket.first = await socket.next()
            yield socket


CHECK_LIMIT = 45.0  # seconds for one check


class Needs(NamedTuple):
    """The types of files and the limits that a check needs, compared with `chat/config/`."""

    types: tuple[str, ...] = ()  # of files
    least: tuple[tuple[str, int], ...] = ()  # limits and their least values

    def missing_in(self, config: dict[str, Any]) -> str:
        """Return the setting that forbids the check, or an empty text; unknown ones allow it."""
        files = config.get("attachments", {})
        for kind in self.types:
            if kind not in files.get("types", self.types):
                return f"attachments.types has no {kind}"
        limits = config.get("limits", {}) | files
        for name, least in self.least:
            if limits.get(name, least) < least:
                return f"{name} is {limits[name]}"
        return ""


class Check(NamedTuple):
    """A function that checks one promise; with `alone`, no other check runs meanwhile."""

    promise: str
    run: Callable[[Stage], Awaitable[None]]
    alone: bool
    needs_site: bool
    limit: float  # seconds that it may take
    needs: Needs

    @property
    def name(self) -> str:
        """Returns the name of the check in a report."""
        return self.run.__name__.removeprefix("check_").replace("_", " ")


CHECKS: list[Check] = []
Checking = Callable[[Stage], Awaitable[None]]


def check(
    promise: str,
    *types: str,
    alone: bool = False,
    needs_site: bool = False,
    limit: float = CHECK_LIMIT,
    **least: int,
) -> Callable[[Checking], Checking]:
    """Register a function as a check of a promise.

    `types` are the types of its files, and `least` the values that limits must have for it.
    """

    def register(run: Checking) -> Checking:
        needs = Needs(types, tuple(least.items()))
        CHECKS.append(Check(promise, run, alone, needs_site, limit, needs))
        return run

    return register
