"""A link: one connection to a broker. A lost link is replaced, never reused."""

import asyncio
import itertools
import logging
import secrets
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Coroutine, Iterable
from ssl import SSLError
from typing import Any, NamedTuple

log = logging.getLogger("roomcast.brokers")

GAP = "\0gap"  # a message in place of others that may be lost: read the database
USER_PREFIX = "person:"  # USERS_CHANNEL delivers the messages of channels that begin like this
USERS_CHANNEL = "people"
EVERYONE = "\0everyone"  # a GAP on this channel is one for every channel of every process

Failure = asyncio.Future[Exception | None]  # its result is None after a success
OnMessage = Callable[[str, str], None]


class Unreachable(Exception):
    """The broker is unavailable; a message under way may or may not have been published."""


class NotYetReachable(Unreachable):
    """Nobody answers at the broker's address, or it is starting: a later try may succeed."""


class Publish(NamedTuple):
    channel: str
    message: str
    done: Failure
    needs_gap: bool = True  # whether its subscribers get a GAP if it may be lost


class Link(ABC):
    """Publishes in the order of the calls, and receives the messages of its channels.

    A message that is too long for the broker is published as a GAP.
    """

    mute = "published messages do not return"

    def __init__(self, on_message: OnMessage) -> None:
        self.lost: asyncio.Future[Exception] = self._future()
        self.received = 0  # grows with everything that the server sends
        self.unanswered: deque[Publish] = deque()
        self.pulse_channel = f"\0pulse:{secrets.token_hex(8)}"
        self._on_message = on_message
        self._numbers = itertools.count()
        self._pulses: dict[str, Failure] = {}
        self._tasks: list[asyncio.Task[None]] = []

    @abstractmethod
    async def open(self) -> None:
        """Connect, authenticate and begin to listen."""

    def may_pass(self, error: Exception) -> bool:
        """Whether the server may answer later, after `open` has failed so."""
        return isinstance(error, OSError | TimeoutError) and not isinstance(error, SSLError)

    @abstractmethod
    def subscribe(self, channels: Iterable[str]) -> Failure:
        """Subscribe; the future is done when the server has acknowledged all channels."""

    @abstractmethod
    def unsubscribe(self, channels: Iterable[str]) -> None: ...

    @abstractmethod
    def _send(self, publish: Publish) -> None: ...

    @property
    def is_waiting(self) -> bool:
        """Whether an answer of the server is due."""
        return bool(self.unanswered)

    def publish(self, channel: str, message: str, *, needs_gap: bool = True) -> Failure:
        """Publish a message; the future is done when the server has accepted it."""
        publish = Publish(channel, message, self._future(), needs_gap)
        self.unanswered.append(publish)
        if self.lost.done():
            publish.done.set_result(self.lost.result())
        else:
            self._send(publish)
        return publish.done

    def pulse(self) -> Failure:
        """Publish a test message; the future is done when it has returned."""
        number = str(next(self._numbers))
        back = self._pulses[number] = self._future()
        self.publish(self.pulse_channel, number, needs_gap=False)
        if self.lost.done():
            complete(back, self.lost.result())
        return back

    def fail(self, error: Exception) -> None:
        """Fail all pending calls, since the server will not answer them."""
        if self.lost.done():
            return
        self.lost.set_result(error)
        for failure in self._waiting():
            complete(failure, error)

    async def close(self) -> None:
        self.fail(ConnectionError("it was disconnected"))
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # ------------------------------------------------------------ for subclasses

    def _waiting(self) -> list[Failure]:
        return [*(publish.done for publish in self.unanswered), *self._pulses.values()]

    def _take(self, channel: str, message: str) -> None:
        """Handle one message of a channel."""
        if channel != self.pulse_channel:
            self._on_message(channel, message)
        elif pulse := self._pulses.pop(message, None):
            complete(pulse, None)

    def _answered(self) -> None:
        """Complete the oldest unanswered publish: the server has accepted it."""
        complete(self.unanswered.popleft().done, None)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        """Run a task until the link is closed; if the task fails, the link is lost."""
        task = asyncio.create_task(work)
        task.add_done_callback(self._ended)
        self._tasks.append(task)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and isinstance(error := task.exception(), Exception):
            self.fail(error)

    def _future(self) -> asyncio.Future[Any]:
        return asyncio.get_running_loop().create_future()


def complete(failure: Failure, error: Exception | None) -> None:
    if not failure.done():  # whoever waited may have been cancelled
        failure.set_result(error)
