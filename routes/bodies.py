"""Limits for the bodies of requests: their size, their speed, and how many come in at once."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, contextmanager

from starlette.requests import Request

from ..protocol.errors import Conflict, FileTooLarge, InvalidFrame, RateLimited, Unavailable

SMALL_BODY_SIZE = 1 << 20  # bytes of a body without files
FIRST_BYTES_TIMEOUT = 10.0  # seconds that a body of any size may take
MIN_BYTE_RATE = 8 << 10  # bytes a second, on average
MAX_CONCURRENT_BODIES = 8  # bodies with files that one user may have under way


class BodyTooSlow(InvalidFrame):
    status, text = 408, "The body came in too slowly."


class BodiesInFlight:
    """Limits the request bodies in flight in this process: total bytes, one PUT per upload."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.size = 0
        self.keys: set[str] = set()
        self._by_user: Counter[str] = Counter()

    @contextmanager
    def of_user(self, user_id: str) -> Iterator[None]:
        """Count a body with files of this user. Raises RateLimited if too many are under way."""
        if self._by_user[user_id] >= MAX_CONCURRENT_BODIES:
            raise RateLimited("Your other messages with files are still coming in.")
        self._by_user[user_id] += 1
        try:
            yield
        finally:
            self._by_user[user_id] -= 1
            if not self._by_user[user_id]:
                del self._by_user[user_id]

    @contextmanager
    def of_upload(self, key: str) -> Iterator[None]:
        """Mark the upload as under way. Raises Conflict if it is already."""
        if key in self.keys:
            raise Conflict("The bytes of this upload are coming in already.")
        self.keys.add(key)
        try:
            yield
        finally:
            self.keys.remove(key)

    async def stream(self, request: Request) -> AsyncGenerator[bytes, None]:
        """Yield the body in chunks. Raises BodyTooSlow, and Unavailable while too much comes in."""
        loop, size = asyncio.get_running_loop(), 0
        began, chunks = loop.time(), aiter(request.stream())
        try:
            while True:
                try:
                    async with asyncio.timeout_at(
                        began + FIRST_BYTES_TIMEOUT + size / MIN_BYTE_RATE
                    ):
                        chunk = await anext(chunks)
                except StopAsyncIteration:
                    return
                except TimeoutError:
                    raise BodyTooSlow from None
                if self.size + len(chunk) > self._most:
                    raise Unavailable("Too many files are coming in at once. Try again later.")
                size += len(chunk)
                self.size += len(chunk)
                yield chunk
        finally:
            self.size -= size

    async def read(self, request: Request, most: int = SMALL_BODY_SIZE) -> bytearray:
        """Return the whole body. Raises FileTooLarge, and the errors of `stream`.

        If a body is too large, up to the same size again is read and discarded: some servers never
        end a request with an unread body.
        """
        body, size = bytearray(), 0
        async with aclosing(self.stream(request)) as chunks:
            async for chunk in chunks:
                size += len(chunk)
                if size <= most:
                    body += chunk
                elif size > 2 * most:
                    break
                else:
                    body.clear()
        if size > most:
            raise FileTooLarge(f"The body is too large: at most {most:,} bytes.")
        return body
