"""The users whom this process follows: what happens to a user, told to who must know it here.

A room follows its members, a notifications socket its user. News are only fast, like all that the
broker carries: where some may be lost, followers are told to doubt what they know.
"""

from collections.abc import Iterator
from typing import Protocol

import msgspec
from msgspec import Struct

from .brokers import GAP

EVERYBODY = ""  # no user has this id: its news are for every process


class News(Struct, array_like=True):
    """What happened to one user."""

    user_id: str
    rooms: list[int] = []  # rooms of his in which something changed
    is_cut: bool = False  # the site has logged him out: his sockets end
    whom: str = ""  # to EVERYBODY: who was cut off, and when (microseconds since 1970)
    at: int = 0


_decode = msgspec.json.Decoder(News).decode


class Follower(Protocol):
    def hear(self, news: News) -> None: ...

    def doubt(self, user_id: str) -> None:
        """Some news of this user may be lost: what lasts of them is in the database."""
        ...


class People:
    """Who is followed by whom in this process."""

    def __init__(self) -> None:
        self._followers: dict[str, tuple[Follower, ...]] = {}  # a tuple: nearly always of one

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
        return not left

    def hear(self, news: News) -> None:
        for follower in self._followers.get(news.user_id, ()):
            follower.hear(news)

    def take(self, message: str) -> None:
        """One event of the broker; GAP alone is about everybody."""
        if not message.startswith(GAP):
            self.hear(_decode(message))
            return
        doubtful = message.removeprefix(GAP)
        for user_id in [doubtful] if doubtful else list(self._followers):
            for follower in self._followers.get(user_id, ()):
                follower.doubt(user_id)
