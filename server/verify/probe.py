"""A socket of a check: it checks the shape of each frame, keeps it, and can wait for one."""

import asyncio
import json
import time
from typing import Any

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from .account import Account, BrokenPromise, CannotVerify
from .history import Progression
from .shapes import frame_problems

Frame = Any  # an object, or the first array
SOCKETS = 20  # that a run has open at once, of each user
TOO_MANY_SOCKETS = "too many sockets of this user or address"
REASONS = {  # of docs/protocol.md; those of other codes may differ
    4000: ("room_id, after, epoch or receipts is missing or wrong",),
    4001: ("authentication failed or the token expired",),
    4003: ("not a member of this room, or a foreign origin",),
    4004: ("room not found or deleted",),
    4005: ("disconnected by the site",),
    4008: ("reads too slowly; resume with after=",),
    4029: ("rate limit exceeded for too long", TOO_MANY_SOCKETS),
}


def includes(whole: Any, part: Any) -> bool:
    """Return whether `part` is in `whole`: objects may have more fields, lists must be equal."""
    if isinstance(part, dict) and isinstance(whole, dict):
        return all(k in whole and includes(whole[k], v) for k, v in part.items())
    if isinstance(part, list) and isinstance(whole, list):
        return len(part) == len(whole) and all(map(includes, whole, part))
    return type(whole) is type(part) and bool(whole == part)


class ProbeSocket:
    """One WebSocket; presence frames come at any time and are kept apart."""

    first: Frame = None

    def __init__(self, connection: ClientConnection, account: Account, limit: float) -> None:
        self.connection = connection
        self.account = account
        self.frames: list[Frame] = []
        self.presences: list[Frame] = []
        self._limit = limit  # seconds for what must come
        self._progress = Progression()
        self._last_action: dict[str, Any] = {}

    # ---------------------------------------------------------------- receiving

    async def receive(self, limit: float | None = None) -> Frame:
        """Return the next frame, also one of presence."""
        try:
            async with asyncio.timeout(limit or self._limit):
                data = await self.connection.recv()
        except TimeoutError:
            raise BrokenPromise("nothing came", self.story()) from None
        except ConnectionClosed as closed:
            code = closed.rcvd.code if closed.rcvd else 1006
            if closed.rcvd and (code, closed.rcvd.reason) == (4029, TOO_MANY_SOCKETS):
                raise CannotVerify(
                    f"User {self.account.user_id} may open no more sockets here, and a run needs "
                    f"up to {SOCKETS} of each user (server.max_connections_per_user, "
                    "server.max_connections_per_address)."
                ) from None
            raise BrokenPromise(f"the socket was closed with {code}", self.story()) from None
        frame = json.loads(data)
        is_presence = isinstance(frame, dict) and frame.get("type") == "presence"
        (self.presences if is_presence else self.frames).append(frame)
        self.account.report.checked["shapes"] += 1
        for problem in [*frame_problems(frame), *_kind_problems(data)]:
            self.account.report.find("shapes", "shapes of frames", problem, frame)
        for problem in self._progress.take(frame):
            self.account.report.find("true_statuses", "all frames", problem, frame)
        return frame

    async def next(self) -> Frame:
        """Return the next frame except presence; repeat actions that the rate limit refused."""
        while True:
            frame = await self.receive()
            if isinstance(frame, dict) and frame.get("type") == "presence":
                continue
            if isinstance(frame, dict) and frame.get("code") == "rate_limited":
                await asyncio.sleep(1)
                await self.send(json.dumps(self._last_action))
                continue
            return frame

    async def expect(self, kind: str, **fields: Any) -> dict[str, Any]:
        """Return the next frame of this kind with these fields, skipping others."""
        wanted = {"type": kind, **fields}
        deadline = time.monotonic() + self._limit
        try:
            while not includes(frame := await self.next(), wanted):
                if time.monotonic() > deadline:
                    raise BrokenPromise("other frames came", self.story())
        except BrokenPromise as broken:
            shown = json.dumps(wanted, ensure_ascii=False)
            raise BrokenPromise(f"waited for {shown:.200}: {broken}", broken.evidence) from None
        assert isinstance(frame, dict)
        return frame

    async def settle(self) -> None:
        """Receive everything that the server has sent to this socket so far."""
        await self.act("ping")
        await self.expect("pong")

    async def closes(self) -> int:
        """Wait until the server closes the socket; return the code."""
        try:
            while True:
                await self.receive()
        except BrokenPromise:
            if self.connection.close_code is None:
                raise
            self._check_reason(self.connection.close_code, self.connection.close_reason)
            return self.connection.close_code

    def _check_reason(self, code: int, reason: str | None) -> None:
        if reason not in REASONS.get(code, (reason,)):
            what = f"{code} has another reason than {REASONS[code][0]!r}"
            self.account.report.find("authentication", "reasons of close codes", what, reason)

    def seen(self, kind: str, **fields: Any) -> list[dict[str, Any]]:
        """Return the received frames of this kind with these fields."""
        return [f for f in self.frames if includes(f, {"type": kind, **fields})]

    def story(self) -> str:
        """The last frames, for a report."""
        last = "; ".join(json.dumps(frame, ensure_ascii=False)[:160] for frame in self.frames[-4:])
        return f"{len(self.frames)} frames so far, the last: {last}"

    # ---------------------------------------------------------------- sending

    async def send(self, data: str | bytes) -> None:
        """Send one WebSocket message, unchanged."""
        await self.account.pace.wait()
        try:
            await self.connection.send(data)
        except ConnectionClosed:
            raise BrokenPromise("the socket was closed", self.story()) from None

    async def act(self, action: str, **fields: Any) -> None:
        """One action."""
        self._last_action = {"action": action, **fields}
        await self.send(json.dumps(self._last_action))

    async def send_message(self, text: str, **fields: Any) -> dict[str, Any]:
        """Send a message, and return it from its event."""
        await self.act("send", message=text, **fields)
        mine = {"text": text, "sender_id": self.account.user_id}
        frame = await self.expect("chat_message", message=mine)
        message: dict[str, Any] = frame["message"]
        return message

    async def expect_message(self, text: str) -> dict[str, Any]:
        """Return the message of the next `chat_message` with this text."""
        frame = await self.expect("chat_message", message={"text": text})
        message: dict[str, Any] = frame["message"]
        return message

    async def refusal(self, action: str, **fields: Any) -> dict[str, Any]:
        """Do an action, and return the error that answers it."""
        await self.act(action, **fields)
        return await self.expect("error")


def _kind_problems(data: str | bytes) -> list[str]:
    return ["a binary frame"] if isinstance(data, bytes) else []
