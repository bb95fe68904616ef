"""Rate limits: one token bucket for all sockets and HTTP requests of a user.

An action takes one token, a costly action takes more. The cost of an answer is known only after it
is made. It is charged then, and the user waits until the bucket is refilled.
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

MAX_IDLE_BUCKETS = 10_000  # users whose buckets are kept while they have no socket
EXCESS_PAUSE = 1.0  # seconds without a refusal after which an excess is over
MAX_DEBT = 10.0  # seconds that a user waits at most after a costly answer
MAX_JOIN_DELAY = 2.0  # seconds that a joining socket waits for its token

ANSWER_BYTES_PER_TOKEN = 1 << 15  # bytes of a page, a sync or an export
UPLOAD_BYTES_PER_TOKEN = 1 << 19  # bytes of files that are sent
MEMBERS_PER_TOKEN = 50  # members shown in a page of the room list
EXPORT_RETRY_DELAY = 5.0  # seconds after which a refused export may be asked for again
SEARCH_COST = 4.0  # tokens


class TokenBucket:
    """The token bucket of one user; all times are seconds of `time.monotonic`."""

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
        """Take the tokens for one action of a socket.

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
        """Take the tokens for one HTTP request. Raises RateLimited, but never Closing."""
        try:
            self.take(cost)
        except Closing:
            raise RateLimited(retry_after=max(1.0, self._delay(1.0))) from None

    def charge(self, cost: float) -> None:
        """Take the tokens for completed work; the bucket may become negative, up to MAX_DEBT."""
        rate = self._limit.rate
        if rate:
            left = self._refill(time.monotonic()) - cost
            self._left = max(left, -rate * MAX_DEBT)

    async def wait_to_join(self) -> None:
        """Wait for the token for one more socket. Raises Closing after MAX_JOIN_DELAY.

        It waits because a user with many tabs resumes all of them at once after a restart.
        """
        give_up_at = time.monotonic() + MAX_JOIN_DELAY
        while (delay := self._delay(1.0)) > 0:
            if time.monotonic() + delay > give_up_at:
                raise Closing(Close.RATE_LIMITED)
            await asyncio.sleep(delay)
        self.take()

    @asynccontextmanager
    async def costly(self) -> AsyncIterator[None]:
        """Allow one costly read of the user at a time, and only with a refilled bucket.

        Raises RateLimited.
        """
        async with self._costly:
            if (delay := self._delay(0.0)) > 0:
                raise RateLimited(retry_after=delay)
            yield

    @contextmanager
    def export(self) -> Iterator[None]:
        """Allow one export of the user at a time. Raises RateLimited during another one."""
        if self._is_exporting:
            raise RateLimited(
                "Your other export is still being sent.", retry_after=EXPORT_RETRY_DELAY
            )
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
        """Return the seconds until the bucket holds `cost` tokens; 0 if it does now."""
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

    A socket holds its user's bucket. Of users without sockets, the most recent ones are stored.
    """

    def __init__(self, limit: RateLimit) -> None:
        self._limit = limit
        self._buckets: WeakValueDictionary[str, TokenBucket] = WeakValueDictionary()
        self._recent: OrderedDict[str, TokenBucket] = OrderedDict()

    def bucket_of(self, user_id: str) -> TokenBucket:
        """Return the bucket of this user, which all their sockets and requests share."""
        bucket = self._buckets.get(user_id)
        if bucket is None:
            bucket = self._buckets[user_id] = TokenBucket(self._limit)
        self._recent[user_id] = bucket
        self._recent.move_to_end(user_id)
        if len(self._recent) > MAX_IDLE_BUCKETS:
            self._recent.popitem(last=False)
        return bucket
