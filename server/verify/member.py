"""A correct client: it resumes, repeats unanswered messages, and logs everything."""

import asyncio
import base64
import json
import random
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from urllib.parse import urlencode

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.typing import Subprotocol

from .account import Account, BrokenPromise
from .history import ClientHistory, ConnectionLog, Received, Replay, Sent
from .relay import Relay
from .shapes import MARKS, frame_problems
from .stage import Deployment

RETRY_DELAY = 0.1  # seconds until it reconnects or repeats a refused message
MAX_UNANSWERED = 20  # messages
FILE_TYPE = "text/plain"
FILE_CONTENT = b"a file of the storm"
FILE_SHARE = 0.1  # of the messages have a file


class StormMember:
    """A user's client in a room, through a relay, with a log of everything."""

    def __init__(
        self, deployment: Deployment, account: Account, room: int, name: str, relay: Relay
    ) -> None:
        self.account = account
        self.relay = relay
        self.history = ClientHistory(name, account.user_id)
        self.replay = Replay(account.user_id)
        self.unanswered: dict[str, dict[str, Any]] = {}  # client_id → fields of the message
        self.query: dict[str, Any] = {"room_id": room}
        self._deployment = deployment
        self._socket: Any = None
        self._changed = asyncio.Event()
        self._number = 0
        self._chance = random.Random(name)

    @property
    def name(self) -> str:
        """Returns the name of the client in a report."""
        return self.history.name

    # ---------------------------------------------------------------- connections

    async def run(self) -> None:
        """Connect and reconnect, until cancelled."""
        while True:
            with suppress(OSError, TimeoutError, WebSocketException):
                await self._connect()
            self._socket = None
            self._changed.set()
            await asyncio.sleep(RETRY_DELAY)

    async def _connect(self) -> None:
        query = self.query | {"after": self.replay.cursor}
        query |= {"epoch": self.replay.epoch} if self.replay.epoch else {}
        await self.account.pace.wait(2.0)
        async with connect(
            f"{self._deployment.sockets}?{urlencode(query)}",
            host="127.0.0.1",
            port=self.relay.port,
            subprotocols=[Subprotocol("Bearer"), Subprotocol(self.account.token)],
            ssl=self._deployment.tls,
            open_timeout=self._deployment.limit,
            close_timeout=0.5,
            ping_interval=None,
            max_size=None,
            proxy=None,
        ) as socket:
            log = ConnectionLog(self.replay.cursor)
            try:
                await self._follow(socket, log)
            finally:
                log.is_over, log.code = True, socket.close_code

    async def _follow(self, socket: Any, log: ConnectionLog) -> None:
        async with asyncio.timeout(self._deployment.limit):
            first = await socket.recv()
        self.history.connections.append(log)
        self.replay.begin(log.after)
        self._receive(log, first)
        self._socket = socket
        for client_id in list(self.unanswered):
            await self._send(client_id)
        while True:
            self._receive(log, await socket.recv())

    def drop(self) -> None:
        """Abort the connection, without a close frame."""
        if self._socket is not None:
            self._socket.transport.abort()

    def _receive(self, log: ConnectionLog, data: str) -> None:
        frame = json.loads(data)
        received = Received(time.time(), frame)
        self.account.report.checked["shapes"] += 1
        problems = list(frame_problems(frame))
        for problem in problems:
            self.account.report.find("shapes", "shapes of frames", problem, frame)
        if problems:
            return
        log.received.append(received)
        self.replay.take(received)
        for message in frame.get("messages") or [frame.get("message")]:
            if isinstance(message, dict) and frame["type"] not in MARKS:
                self._answered(message)
        if frame["type"] == "error" and frame.get("client_id") in self.unanswered:
            asyncio.get_running_loop().call_later(1.0, self._send_again, log, frame["client_id"])
        self._changed.set()

    def _answered(self, message: dict[str, Any]) -> None:
        client_id = message.get("client_id", "")
        if message["sender_id"] == self.account.user_id and client_id in self.unanswered:
            del self.unanswered[client_id]

    def _send_again(self, log: ConnectionLog, client_id: str) -> None:
        if not log.is_over and client_id in self.unanswered:
            self._retry = asyncio.get_running_loop().create_task(self._send(client_id))

    # ---------------------------------------------------------------- actions

    async def write(self, rate: float) -> None:
        """Send texts, and sometimes edit or delete one of its own, until cancelled."""
        while True:
            await asyncio.sleep(self._chance.uniform(0.5, 1.5) / rate)
            chance, own = self._chance.random(), self._own_messages()
            if len(own) > 5 and chance < 0.1:
                await self._act("edit", message_id=self._chance.choice(own), text=f"{chance}")
            elif len(own) > 5 and chance < 0.15:
                await self._act("delete", message_id=own[self._chance.randrange(5)])
            elif len(self.unanswered) < MAX_UNANSWERED:
                await self.send_message(with_file=chance > 1 - FILE_SHARE)

    def _own_messages(self) -> list[int]:
        mine = self.account.user_id
        # A deletion may be under way: the message may be deleted before anybody gets the event.
        sent = (each.action for each in self.history.connections[-1].sent)
        deleted = {action["message_id"] for action in sent if action["action"] == "delete"}
        kept = self.replay.messages.items()
        return [id_ for id_, m in kept if m["sender_id"] == mine and id_ not in deleted]

    async def send_message(self, *, with_file: bool = False) -> None:
        """Send a new message, repeated until it is answered."""
        self._number += 1
        client_id = f"{self.name}-{self._number}"
        fields: dict[str, Any] = {"message": f"{self.name} writes {self._number}"}
        if with_file and self._takes_files:
            data = base64.b64encode(FILE_CONTENT).decode()
            size = len(FILE_CONTENT)
            fields["file"] = {"name": "a.txt", "size": size, "type": FILE_TYPE, "data": data}
        self.unanswered[client_id] = fields
        await self._send(client_id)

    @property
    def with_files(self) -> set[str]:
        """The client_ids of the messages that it has sent with a file."""
        sent = (action for each in self.history.connections for _, action in each.sent)
        return {action["client_id"] for action in sent if "file" in action}

    @property
    def _takes_files(self) -> bool:
        config = self._deployment.config
        return FILE_TYPE in config.get("attachments", {}).get("types", [FILE_TYPE])

    async def _send(self, client_id: str) -> None:
        if client_id in self.unanswered:
            await self._act("send", client_id=client_id, **self.unanswered[client_id])

    async def _act(self, action: str, **fields: Any) -> None:
        socket = self._socket
        if socket is None:
            return
        await self.account.pace.wait()
        if socket is self._socket:
            sent = Sent(time.time(), {"action": action, **fields})
            self.history.connections[-1].sent.append(sent)
            with suppress(ConnectionClosed):
                await socket.send(json.dumps(sent.action))

    # ---------------------------------------------------------------- waiting for it

    @property
    def is_connected(self) -> bool:
        """Whether it has a connection that has received its sync."""
        return self._socket is not None

    async def until(self, holds: Callable[[], bool], what: str, within: float) -> None:
        """Wait for a condition. Raises BrokenPromise if it does not hold in time."""
        try:
            async with asyncio.timeout(within):
                while not holds():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise BrokenPromise(
                f"{self.name}: {what}, not within {within:.0f} s", self.story()
            ) from None

    def story(self) -> str:
        """Return the client's position and last connections, for a report."""
        last = self.history.connections[-3:]
        ends = [(each.after, len(each.received), each.code) for each in last]
        return (
            f"at version {self.replay.cursor}, {len(self.unanswered)} unanswered, "
            f"the last connections (after, frames, close code) {ends}"
        )
