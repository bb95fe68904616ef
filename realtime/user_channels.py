"""The users whom this process follows, and the followers who receive their events.

A room follows its members, a notifications socket its user. Events may be lost by the broker: then
followers reload what they know.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

import msgspec
from msgspec import Struct

from .brokers import GAP

EVERYBODY = ""  # no user has this id: its news are for every process


class News(Struct, array_like=True):
    """An event about one user."""

    user_id: str
    rooms: list[int] = []  # rooms of his in which something changed
    is_cut: bool = False  # the site has logged him out: his sockets end
    whom: str = ""  # to EVERYBODY: who was cut off, and when (microseconds since 1970)
    at: int = 0
    is_online: bool = False  # where last_seen is not 0: whether he is there
    last_seen: int = 0  # microseconds since 1970, UTC; grows whenever is_online changes


_decode = msgspec.json.Decoder(News).decode


class Follower(Protocol):
    def hear(self, news: News) -> None: ...

    def doubt(self, user_id: str) -> None:
        """Some news of this user may be lost: what lasts of them is in the database."""
        ...


class People:
    """The followers of each user in this process."""

    def __init__(self) -> None:
        self._followers: dict[str, tuple[Follower, ...]] = {}  # a tuple: nearly always of one
        self._seen: dict[str, int] = {}  # last_seen of the followed, doubled; plus 1 for online
        self.doubted: Callable[[Iterable[str]], None] | None = None  # news of them may be lost

    def __contains__(self, user_id: str) -> bool:
        return user_id in self._followers

    def __iter__(self) -> Iterator[str]:
        return iter(self._followers)

    def add(self, user_id: str, follower: Follower) -> bool:
        """Whether it is the first one of this user."""
        had = self._followers.get(user_id, ())
        self._followers[user_id] = (*had, follower)
        return not had

    def remove(self, user_id: str, follower: Follower) -> bool:
        """Whether it was the last one of this user."""
        left = tuple(each for each in self._followers[user_id] if each is not follower)
        if left:
            self._followers[user_id] = left
        else:
            del self._followers[user_id]
            self._seen.pop(user_id, None)
        return not left

    def hear(self, news: News) -> None:
        """Passes an event to the user's followers, unless it is older than what is known."""
        if news.last_seen and not self._is_news(news):
            return
        for follower in self._followers.get(news.user_id, ()):
            follower.hear(news)

    def _is_news(self, news: News) -> bool:
        """Whether somebody came or went; another's word may have overtaken this one."""
        if news.user_id not in self._followers:
            return False
        known = self._seen.get(news.user_id, -1)
        if news.last_seen <= known >> 1:
            return False
        self._seen[news.user_id] = news.last_seen << 1 | news.is_online
        return known < 0 or bool(known & 1) != news.is_online

    def take(self, message: str) -> None:
        """One event of the broker; GAP alone is about everybody."""
        if not message.startswith(GAP):
            self.hear(_decode(message))
            return
        doubtful = message.removeprefix(GAP)
        users = [doubtful] if doubtful else list(self._followers)
        if self.doubted is not None:
            self.doubted(users)
        for user_id in users:
            for follower in self._followers.get(user_id, ()):
                follower.doubt(user_id)
