"""The rooms of a run: who opened them, and those that several checks share."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator

from .account import MAX_RETRY_AFTER, Account

ROOMS_OF_EACH = 40  # that a run opens


class OpenedRooms:
    """The rooms that remain to be deleted, with their creators."""

    def __init__(self) -> None:
        self._left: list[tuple[Account, int]] = []
        self._opened: Counter[str] = Counter()  # by the token of the creator
        self._shared: dict[str, int] = {}
        self._sharing = asyncio.Lock()

    def append(self, entry: tuple[Account, int]) -> None:
        self._left.append(entry)

    def __iter__(self) -> Iterator[tuple[Account, int]]:
        return iter(self._left)

    def count(self, creator: Account) -> None:
        """Count a room that the user is about to open."""
        self._opened[creator.token] += 1

    def next_creator(self, *accounts: Account) -> Account:
        """Return the user who has opened the fewest rooms."""
        return min(accounts, key=lambda account: self._opened[account.token])

    async def shared(self, name: str, open_room: Callable[[], Awaitable[int]]) -> int:
        """Return the room of this name, which the first caller opens."""
        async with self._sharing:
            if name not in self._shared:
                self._shared[name] = await open_room()
        return self._shared[name]


def why_no_room(creator: Account, retry_after: str, detail: str) -> str:
    """Return why a user could open no room, after an answer of 429."""
    if retry_after.isdecimal() and int(retry_after) < MAX_RETRY_AFTER:
        return f"The rate limit of {creator.base} is below --rate: {detail}"
    return (
        f"User {creator.user_id} may open no more rooms: {detail} A run opens about "
        f"{ROOMS_OF_EACH} rooms of each user (limits.rooms_per_day): give the tokens of others."
    )
