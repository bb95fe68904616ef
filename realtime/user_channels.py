"""The users whom this process follows, and the followers who receive their events.

A room follows its members, a notifications socket follows its user. If the broker may have lost
events, the followers reload their data.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

import msgspec
from msgspec import Struct

from ..protocol import codec
from ..store.presence import Seen
from .brokers import GAP, USERS_CHANNEL, Unreachable
from .channels import Channels

log = logging.getLogger("roomcast.hub")

EVERYBODY = ""  # no user has this id: every process receives its events


class UserEvent(Struct, array_like=True):
    """An event about one user, as it travels between processes; fields are only ever appended."""

    user_id: str
    rooms: list[int] = []  # rooms of the user in which something changed
    is_revoked: bool = False  # the site has logged the user out: their sockets end
    whom: str = ""  # to EVERYBODY: the user whose sockets are closed
    at: int = 0  # and the time of it (microseconds since 1970, UTC)
    is_online: bool = False  # valid if last_seen is not 0: whether the user is online
    last_seen: int = 0  # microseconds since 1970, UTC; grows whenever is_online changes
    hidden_from: list[str] = []  # users who must not see it: this user has blocked them
    blocker: str = ""  # the user who has blocked this one, or has ended the block
    is_blocked: bool = False


_decode = msgspec.json.Decoder(UserEvent).decode


def presence_event(seen: Seen) -> UserEvent:
    """Return the event of a change of presence."""
    online, at, hidden = seen.is_online, seen.last_seen, seen.hidden_from
    return UserEvent(seen.user_id, is_online=online, last_seen=at, hidden_from=hidden)


class Follower(Protocol):
    def on_user_event(self, event: UserEvent) -> None: ...

    def on_gap(self, user_id: str) -> None:
        """Handle possibly lost events of this user, by reloading from the database."""
        ...


class UserChannels:
    """The followers of each user in this process."""

    def __init__(self, channels: Channels) -> None:
        self._channels = channels
        self._followers: dict[str, tuple[Follower, ...]] = {}  # a tuple: nearly always of one
        self._presence: dict[str, int] = {}  # last_seen of followed users, doubled; + 1: online
        self._gap_listeners: list[Callable[[Iterable[str]], None]] = []

    def __contains__(self, user_id: str) -> bool:
        return user_id in self._followers

    def __iter__(self) -> Iterator[str]:
        return iter(self._followers)

    # ------------------------------------------------------------ follow

    async def follow(self, user_id: str, follower: Follower) -> None:
        """Add a follower, which receives this user's events when this returns."""
        self.add(user_id, follower)
        await self.subscribe(user_id)

    def add(self, user_id: str, follower: Follower) -> bool:
        """Add a follower; return True if `subscribe` must follow, since it is the user's first."""
        followers = self._followers.get(user_id, ())
        self._followers[user_id] = (*followers, follower)
        return not followers

    async def subscribe(self, user_id: str) -> None:
        """Subscribe to a followed user; return when the broker has acknowledged it."""
        await self._channels.subscribe_user(user_id)

    def unfollow(self, user_id: str, follower: Follower) -> None:
        """Remove a follower; it receives no more events of this user."""
        left = tuple(each for each in self._followers[user_id] if each is not follower)
        if left:
            self._followers[user_id] = left
        else:
            del self._followers[user_id]
            self._presence.pop(user_id, None)
            self._channels.unsubscribe_user(user_id)

    def add_gap_listener(self, listener: Callable[[Iterable[str]], None]) -> None:
        """Add a listener, which is called with the users whose events may be lost."""
        self._gap_listeners.append(listener)

    # ------------------------------------------------------------ events

    async def publish(self, event: UserEvent) -> None:
        """Send an event to all followers, on every process.

        Raises Unreachable, after the followers of this process have received the event.
        """
        if not self._channels.is_shared:
            self.dispatch(event)
            return
        try:
            message = codec.encode(event).decode()
            await self._channels.publish_user(event.user_id, message)
        except Unreachable:
            self.dispatch(event)
            raise

    async def run(self, is_listening: asyncio.Event) -> None:
        """Dispatch the events of other processes, until cancelled."""
        async with self._channels.subscription(USERS_CHANNEL) as subscriber:
            is_listening.set()
            while True:
                event = await subscriber.get()
                try:
                    self.on_message(event.message)
                except Exception:
                    log.exception("user event not dispatched")

    def dispatch(self, event: UserEvent) -> None:
        """Pass an event to the user's followers, unless a later presence is known already."""
        if event.last_seen and not self._changes_presence(event):
            return
        for follower in self._followers.get(event.user_id, ()):
            follower.on_user_event(event)

    def _changes_presence(self, event: UserEvent) -> bool:
        """Record presence; return False if it is not newer than the presence that is known."""
        if event.user_id not in self._followers:
            return False
        known = self._presence.get(event.user_id, -1)
        if event.last_seen <= known >> 1:
            return False
        self._presence[event.user_id] = event.last_seen << 1 | event.is_online
        return known < 0 or bool(known & 1) != event.is_online

    def on_message(self, message: str) -> None:
        """Handle one message of the broker: an event, or a GAP of one user or of all."""
        if not message.startswith(GAP):
            self.dispatch(_decode(message))
            return
        user_id = message.removeprefix(GAP)
        self._report_gap([user_id] if user_id else list(self._followers))

    def report_gap(self) -> None:
        """Report that events of any user may be lost."""
        self._report_gap(list(self._followers))

    def _report_gap(self, users: list[str]) -> None:
        for listener in self._gap_listeners:
            listener(users)
        for user_id in users:
            for follower in self._followers.get(user_id, ()):
                follower.on_gap(user_id)
