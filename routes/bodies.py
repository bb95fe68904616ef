"""The bodies of requests: how large, how slow, and how many at once they may be."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, contextmanager

from starlette.requests import Request

from ..protocol.errors import Conflict, FileTooLarge, InvalidFrame, RateLimited, Unavailable

SMALL_BODY = 1 << 20  # bytes of a body without files
FIRST_WAIT = 10.0  # seconds that a body may take whatever its size
LEAST_RATE = 8 << 10  # bytes a second, on the whole
BODIES_AT_ONCE = 8  # bodies with files that one user may have under way


class BodyTooSlow(InvalidFrame):
    status, says = 408, "The body came in too slowly."


class BodiesInFlight:
    """Limits the request bodies in flight in this process: total bytes, one PUT per upload."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.size = 0
        self.keys: set[str] = set()
        self._by_user: Counter[str] = Counter()

    @contextmanager
    def of_user(self, user_id: str) -> Iterator[None]:
        """A body with files of this user. Raises RateLimited beside too many others of theirs."""
        if self._by_user[user_id] >= BODIES_AT_ONCE:
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
        """The bytes of this upload. Raises Conflict while others of it are coming in."""
        if key in self.keys:
            raise Conflict("The bytes of this upload are coming in already.")
        self.keys.add(key)
        try:
            yield
        finally:
            self.keys.remove(key)

    async def stream(self, request: Request) -> AsyncGenerator[bytes, None]:
        """The chunks of the body. Raises BodyTooSlow, and Unavailable while too much comes in."""
        loop, size = asyncio.get_running_loop(), 0
        began, chunks = loop.time(), aiter(request.stream())
        try:
            while True:
                try:
                    async with asyncio.timeout_at(began + FIRST_WAIT + size / LEAST_RATE):
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

    async def read(self, request: Request, most: int = SMALL_BODY) -> bytearray:
        """The whole body. Raises FileTooLarge, and what `stream` raises.

        Of a body that is too large as much again is read and discarded: some servers never end a
        request whose body nobody reads.
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
