"""The base of both brokers: it renews a lost connection and reports messages that may be lost."""

import asyncio
import logging
import random
import re
import time
from abc import abstractmethod
from collections.abc import Iterable, Iterator
from itertools import count, islice

from broadcaster import BroadcastBackend, Event

from .connection import (
    EVERYONE,
    GAP,
    USER_PREFIX,
    USERS_CHANNEL,
    Link,
    NotYetReachable,
    Unreachable,
)

log = logging.getLogger("roomcast.brokers")

CHECK_INTERVAL = 0.5  # seconds between two checks of the link
MAX_SILENT_CHECKS = 4  # checks in a row without any data, while an answer is due: the link is lost
CHECKS_PER_PULSE = 10  # a pulse that has not returned by the next one: the link is lost
OPEN_TIMEOUT = 5.0  # seconds for each step of a connection
CHECK_TIMEOUT = 2.0
FIRST_RETRY_DELAY, MAX_RETRY_DELAY = 0.05, 1.0  # seconds between attempts to connect
CHANNELS_PER_STEP = 1_000  # channels in one step of subscribing again
MAX_GAPS_DUE = 10_000  # channels that are due a GAP; with more, every channel gets one


class Interest:
    """A channel in use: by a subscriber, or by calls of `subscribe` that have not returned."""

    __slots__ = ("calls", "is_held")

    def __init__(self) -> None:
        self.calls = 0
        self.is_held = False


class Backend(BroadcastBackend):
    """The base of the backends. next_published never raises; publish raises Unreachable."""

    def __init__(self, url: str) -> None:
        place = url.partition("://")[2].rpartition("@")[2]  # a password may have any character
        self._where = re.split("[/?#]", place)[0]
        self._link: Link | None = None  # None while the broker is unavailable
        self._keeper: asyncio.Task[None] | None = None
        self._events: asyncio.Queue[Event] = asyncio.Queue()
        self._channels: dict[str, Interest] = {}
        self._gaps_due: set[str] = set()  # channels whose publishes may be lost: a GAP is due

    @abstractmethod
    def _new_link(self) -> Link: ...

    async def connect(self) -> None:
        """Connect. Raises Unreachable: at the start, this is most likely a wrong setting."""
        self._link = await self._open()
        self._keeper = asyncio.create_task(self._keep(self._link), name="broker")

    async def disconnect(self) -> None:
        keeper, self._keeper = self._keeper, None
        link, self._link = self._link, None
        if keeper is not None:
            keeper.cancel()
            await asyncio.gather(keeper, return_exceptions=True)
        if link is not None:
            await link.close()

    async def next_published(self) -> Event:
        return await self._events.get()

    async def check(self) -> None:
        """Publish a message and wait until it returns, at most two seconds. Raises Unreachable."""
        if self._link is None:
            raise self._unreachable()
        try:
            async with asyncio.timeout(CHECK_TIMEOUT):
                succeed(await self._link.pulse())
        except Exception as error:
            raise self._unreachable(error) from error

    # ------------------------------------------------------------ channels

    async def publish(self, channel: str, message: str) -> None:
        """Publish in the order of the calls. Raises Unreachable within about two seconds."""
        message.encode()  # an invalid text fails here, not in the link
        if self._link is None:
            self._require_gap([channel])
            raise self._unreachable()
        if error := await self._link.publish(channel, message):
            raise self._unreachable(error) from error

    def publish_ephemeral(self, channel: str, message: str) -> None:
        """Publish a message that may be lost without a GAP."""
        if self._link is not None:
            self._link.publish(channel, message, needs_gap=False)

    async def subscribe(self, channel: str) -> None:
        """Subscribe; return when the server has acknowledged it, or at once without a connection.

        Without a connection, a GAP follows when there is one again.
        """
        interest = self._channels.setdefault(channel, Interest())
        interest.calls += 1
        try:
            if self._link is not None:
                await self._link.subscribe([channel])
            interest.is_held = True
        finally:
            interest.calls -= 1
            if not (interest.is_held or interest.calls):  # cancelled: nobody will unsubscribe
                self._forget(channel, interest)

    async def unsubscribe(self, channel: str) -> None:
        self.forget(channel)

    def forget(self, channel: str) -> None:
        """Unsubscribe at once, also without a connection; a later subscribe stays in order."""
        if interest := self._channels.get(channel):
            self._forget(channel, interest)

    def _forget(self, channel: str, interest: Interest) -> None:
        if self._channels.get(channel) is interest:
            del self._channels[channel]
            if self._link is not None:
                self._link.unsubscribe([channel])

    def _on_message(self, channel: str, message: str) -> None:
        if channel in self._channels:
            self._events.put_nowait(_event(channel, message))
        elif channel == EVERYONE:
            self._emit_gap()

    def _emit_gap(self) -> None:
        for channel in self._channels:
            if not channel.startswith(USER_PREFIX):
                self._events.put_nowait(Event(channel, GAP))

    def _require_gap(self, channels: Iterable[str]) -> None:
        self._gaps_due.update(channels)
        if len(self._gaps_due) > MAX_GAPS_DUE:
            self._gaps_due = {EVERYONE}

    def _unreachable(self, error: Exception | None = None) -> Unreachable:
        why = "" if error is None else f" ({str(error) or type(error).__name__})"
        return Unreachable(f"The broker at {self._where} is unavailable{why}.")

    # ------------------------------------------------------------ keeping the link

    async def _keep(self, link: Link) -> None:
        """Watch the link and replace a lost one, until cancelled."""
        while True:
            error = await watch(link)
            since = time.monotonic()
            log.warning("%s", self._unreachable(error))
            self._link = None
            self._require_gap(p.channel for p in link.unanswered if p.needs_gap)
            await link.close()
            link = await self._renew()
            outage = time.monotonic() - since
            log.info("broker available again: address=%s outage=%.1f s", self._where, outage)

    async def _renew(self) -> Link:
        for pause in pauses():
            try:
                self._link = link = await self._open()
                break
            except Unreachable as error:
                log.debug("%s", error)
                await asyncio.sleep(pause)
        # Nothing is awaited between the last subscription and here: no channel is forgotten.
        self._emit_gap()
        due, self._gaps_due = self._gaps_due, set()
        for channel in due:
            link.publish(channel, GAP)
        return link

    async def _open(self) -> Link:
        """Return a link that delivers events, subscribed to all channels in use."""
        link = self._new_link()
        try:
            async with asyncio.timeout(OPEN_TIMEOUT):
                await link.open()
                succeed(await link.subscribe([link.pulse_channel, EVERYONE]))
            await prove(link)
            await self._subscribe_again(link)
        except Exception as error:
            await link.close()
            unreachable = self._unreachable(error)
            if link.may_pass(error):
                unreachable = NotYetReachable(*unreachable.args)
            raise unreachable from error
        except BaseException:
            await link.close()
            raise
        return link

    async def _subscribe_again(self, link: Link) -> None:
        known: set[str] = set()
        while fresh := self._channels.keys() - known:
            channels = iter(fresh)
            while some := list(islice(channels, CHANNELS_PER_STEP)):
                async with asyncio.timeout(OPEN_TIMEOUT):
                    succeed(await link.subscribe(some))
            known |= fresh
        link.unsubscribe(known - self._channels.keys())


async def watch(link: Link) -> Exception:
    """Wait until the link is lost and return the error; pulses detect a silent link."""
    silent, received, pulse = 0, link.received, link.pulse()
    for tick in count(1):
        await asyncio.wait({link.lost}, timeout=CHECK_INTERVAL)
        if link.lost.done():
            break
        silent = silent + 1 if link.is_waiting and link.received == received else 0
        received = link.received
        if silent >= MAX_SILENT_CHECKS:
            link.fail(TimeoutError("it does not answer"))
        elif tick % CHECKS_PER_PULSE == 0:
            if not pulse.done():
                link.fail(Unreachable(link.mute))
            pulse = link.pulse()
    return link.lost.result()


async def prove(link: Link) -> None:
    """Return once a published message returns. Raises Unreachable."""
    try:
        async with asyncio.timeout(OPEN_TIMEOUT):
            succeed(await link.pulse())
    except TimeoutError:
        raise Unreachable(link.mute) from None


def _event(channel: str, message: str) -> Event:
    if not channel.startswith(USER_PREFIX):
        return Event(channel, message)
    return Event(
        USERS_CHANNEL, GAP + channel.removeprefix(USER_PREFIX) if message == GAP else message
    )


def succeed(error: Exception | None) -> None:
    if error is not None:
        raise error


def pauses() -> Iterator[float]:
    """Yield growing pauses in seconds, random so that processes do not reconnect together."""
    pause = FIRST_RETRY_DELAY
    while True:
        yield pause * random.uniform(0.5, 1)
        pause = min(MAX_RETRY_DELAY, pause * 2)
