"""Rate limits: one token bucket for all sockets and HTTP requests of a user.

An action takes one token, a costly one more. What an answer costs is known only when it is made:
it is charged afterwards, and the user waits until the debt is paid.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Never
from weakref import WeakValueDictionary

from ..protocol.errors import Close, Closing, RateLimited
from ..settings import RateLimit

RECENT_USERS = 10_000  # users whose buckets are kept while they have no socket
EXCESS_PAUSE = 1.0  # seconds without a refusal after which an excess is over
MAX_DEBT = 10.0  # seconds that a user waits at most after a costly answer
MAX_JOIN_DELAY = 2.0  # seconds that a joining socket waits for its token

ANSWER_BYTES_PER_TOKEN = 1 << 15  # bytes of a page, a sync or an export
UPLOAD_BYTES_PER_TOKEN = 1 << 19  # bytes of files that are sent
MEMBERS_PER_TOKEN = 50  # members shown in a page of the room list
EXPORT_RETRY = 5.0  # seconds after which a refused export may be asked for again
SEARCH_COST = 4.0  # tokens


class TokenBucket:
    """The tokens of one user; all times are seconds of `time.monotonic`."""

    __slots__ = (
        "__weakref__", "_costly", "_excess_since", "_is_exporting", "_last_refusal", "_left",
        "_limit", "_updated",
    )  # fmt: skip

    def __init__(self, limit: RateLimit) -> None:
        self._limit = limit  # read at each action: a reload changes it in place
        self._left = float(limit.burst)
        self._updated = time.monotonic()
        self._excess_since = self._last_refusal = 0.0
        self._costly = asyncio.Lock()
        self._is_exporting = False

    def take(self, cost: float = 1.0) -> None:
        """Takes the tokens of one action of a socket.

        An action that costs more than half of the burst needs a bucket that is half full. Raises
        RateLimited, and Closing after `grace` seconds of excess.
        """
        limit = self._limit
        if not limit.rate:
            return
        now = time.monotonic()
        left = self._refill(now)
        needed = min(cost, max(1.0, limit.burst / 2))
        if left < needed:
            self._refuse(now, needed - left)
        self._left = left - cost

    def take_request(self, cost: float = 1.0) -> None:
        """Takes the tokens of one HTTP request. Raises RateLimited, however long it goes on."""
        try:
            self.take(cost)
        except Closing:
            raise RateLimited(retry_after=max(1.0, self._delay(1.0))) from None

    def charge(self, cost: float) -> None:
        """Takes the tokens of what was done already: the user may owe them for a while."""
        rate = self._limit.rate
        if rate:
            left = self._refill(time.monotonic()) - cost
            self._left = max(left, -rate * MAX_DEBT)

    async def wait_to_join(self) -> None:
        """Waits for the token of one more socket. Raises Closing where that takes too long.

        A user with many tabs resumes them all at once after a restart of the server.
        """
        give_up_at = time.monotonic() + MAX_JOIN_DELAY
        while (delay := self._delay(1.0)) > 0:
            if time.monotonic() + delay > give_up_at:
                raise Closing(Close.RATE_LIMITED)
            await asyncio.sleep(delay)
        self.take()

    @asynccontextmanager
    async def costly(self) -> AsyncIterator[None]:
        """One costly read of the user at a time, and none before the last one is paid for.

        Raises RateLimited.
        """
        async with self._costly:
            if (delay := self._delay(0.0)) > 0:
                raise RateLimited(retry_after=delay)
            yield

    @contextmanager
    def export(self) -> Iterator[None]:
        """One export of the user at a time. Raises RateLimited beside another."""
        if self._is_exporting:
            raise RateLimited("Your other export is still being sent.", retry_after=EXPORT_RETRY)
        self._is_exporting = True
        try:
            yield
        finally:
            self._is_exporting = False

    def _refill(self, now: float) -> float:
        limit = self._limit
        self._left = min(limit.burst, self._left + (now - self._updated) * limit.rate)
        self._updated = now
        return self._left

    def _delay(self, cost: float) -> float:
        """Seconds until the bucket holds so many tokens; 0 where it does."""
        rate = self._limit.rate
        if not rate:
            return 0.0
        return max(0.0, (cost - self._refill(time.monotonic())) / rate)

    def _refuse(self, now: float, missing: float) -> Never:
        if now - self._last_refusal > EXCESS_PAUSE:
            self._excess_since = now
        self._last_refusal = now
        if now - self._excess_since >= self._limit.grace:
            raise Closing(Close.RATE_LIMITED)
        raise RateLimited(retry_after=missing / self._limit.rate)


class RateLimiter:
    """The buckets of this process, by user.

    A socket holds its user's bucket. Without sockets, those of the users seen last are kept.
    """

    def __init__(self, limit: RateLimit) -> None:
        self._limit = limit
        self._buckets: WeakValueDictionary[str, TokenBucket] = WeakValueDictionary()
        self._recent: OrderedDict[str, TokenBucket] = OrderedDict()

    def bucket_of(self, user_id: str) -> TokenBucket:
        """The one bucket of this user."""
        bucket = self._buckets.get(user_id)
        if bucket is None:
            bucket = self._buckets[user_id] = TokenBucket(self._limit)
        self._recent[user_id] = bucket
        self._recent.move_to_end(user_id)
        if len(self._recent) > RECENT_USERS:
            self._recent.popitem(last=False)
        return bucket
