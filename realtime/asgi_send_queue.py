"""The send queue of a socket under any ASGI server: it sends by `websocket.send`."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any

from ..protocol.errors import Close
from .send_queue import Batch

log = logging.getLogger("roomcast.send_queue")

Send = Callable[[dict[str, Any]], Awaitable[None]]
SEND_FAILED = "send failed, the peer is lost: %r"  # each server raises errors of its own for it
IMMEDIATE_CODES = {Close.SLOW.code, Close.DISCONNECTED.code}  # don't wait for a send


class AsgiSendQueue:
    """Holds texts until `websocket.send` takes them; a task runs while any wait."""

    __slots__ = (
        "_base", "_closing", "_limit", "_on_peer_lost", "_send", "_size", "_task", "_timeout",
        "_timer", "_waiting", "on_drained", "progress",
    )  # fmt: skip

    def __init__(
        self,
        send: Send,
        limit: int,
        timeout: float,
        base: str = "",
        on_peer_lost: Callable[[], object] | None = None,
    ) -> None:
        """`on_peer_lost` is called if even the close frame can't be sent within the timeout."""
        self._send = send
        self._on_peer_lost = on_peer_lost
        self._base = base
        self._limit = limit
        self._timeout = timeout
        self._waiting: deque[str] = deque()
        self._size = 0  # characters that wait
        self.progress = 0  # grows with each text that was sent, and whenever a task starts
        self._task: asyncio.Task[None] | None = None
        self._closing: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self.on_drained: Callable[[], None] | None = None

    @property
    def is_empty(self) -> bool:
        return not self._waiting

    @property
    def _is_idle(self) -> bool:
        return self._task is None or self._task.done()

    def put(self, batch: Batch) -> bool:
        if self._closing is not None:
            return False
        if self._size >= self._limit:
            self.close(Close.SLOW)
            return False
        batch = batch.with_base(self._base)
        self._waiting.extend(batch.texts)
        self._size += batch.length
        if self._is_idle:
            self._start(self._drain())
        return False  # it goes out with the next turn of the event loop, at the earliest

    def put_droppable(self, batch: Batch) -> None:
        if self._is_idle and self._closing is None:
            self._start(self._send_droppable(batch))

    def close(self, close: Close) -> None:
        if self._closing is None:
            self._closing = asyncio.create_task(self._close(close))

    async def wait(self) -> None:
        """Wait until nothing is being sent; after `close`, until the socket is closed."""
        tasks = [task for task in (self._task, self._closing) if task is not None]
        if tasks:
            await asyncio.wait(tasks)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        self.progress += 1
        self._task = asyncio.create_task(work)

    async def _drain(self) -> None:
        """Send texts until the queue is empty, including those that are added meanwhile."""
        waiting, send = self._waiting, self._send
        if self._timer is None:
            self._watch()
        while waiting:
            try:
                while waiting:
                    await send({"type": "websocket.send", "text": waiting[0]})
                    self._size -= len(waiting.popleft())
                    self.progress += 1
            except Exception as error:
                log.debug(SEND_FAILED, error)
                waiting.clear()
                return self.close(Close.SLOW)
            if self.on_drained is not None and self._closing is None:
                self.on_drained()
        return None

    async def _send_droppable(self, batch: Batch) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(self._timeout):
                for text in batch.texts:
                    await self._send_or_log({"type": "websocket.send", "text": text})
        await self._drain()

    async def _close(self, close: Close) -> None:
        if self._task is not None and not self._task.done():
            if close.code in IMMEDIATE_CODES:
                self._task.cancel()
            await asyncio.wait([self._task])
        if self._timer is not None:
            self._timer.cancel()
        message = {"type": "websocket.close", "code": close.code, "reason": close.reason}
        try:
            async with asyncio.timeout(self._timeout):
                await self._send_or_log(message)
        except TimeoutError:
            if self._on_peer_lost is not None:
                self._on_peer_lost()

    async def _send_or_log(self, message: dict[str, Any]) -> None:
        """Send a message; log the error if the peer is lost."""
        try:
            await self._send(message)
        except Exception as error:
            log.debug(SEND_FAILED, error)

    # ------------------------------------------------------------ slow consumers

    def _watch(self) -> None:
        """Schedule the next check: a timeout for each frame would cost as much as the frame."""
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._timeout, self.check_progress, self.progress)

    def check_progress(self, before: int) -> None:
        """Close the socket with 4008 if texts wait and none was sent since progress `before`."""
        self._timer = None
        if not self._waiting:
            return
        if self.progress > before:
            self._watch()
        else:
            self._waiting.clear()
            if self._task is not None:
                self._task.cancel()
            self.close(Close.SLOW)
