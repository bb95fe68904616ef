"""Responses with the bytes of an object: all of them, a range, or none if the client has them.

Conditions and ranges follow RFC 9110 (13 and 14). The object of a key never changes, so its ETag is
made from the key and is the same in every process and bucket.
"""

import asyncio
import hashlib
import os
import re
from pathlib import Path
from typing import Protocol

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

PIECE_SIZE = 1 << 18  # bytes that are read and sent at once
_RANGE = re.compile(r"bytes=(?:(\d{1,18})-(\d{0,18})|-(\d{1,18}))", re.ASCII)
_TAG = re.compile(r'(?:W/)?("[^"]*")')


class Content(Protocol):
    """The bytes of an object."""

    size: int

    async def read(self, start: int, count: int) -> bytes: ...
    def close(self) -> None: ...


class OpenFile:
    """An open file, which may be deleted while it is sent."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        self.size = os.fstat(self._file.fileno()).st_size

    async def read(self, start: int, count: int) -> bytes:
        return await asyncio.to_thread(os.pread, self._file.fileno(), count, start)

    def close(self) -> None:
        self._file.close()


class InMemory:
    """Bytes from a bucket."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.size = len(data)

    async def read(self, start: int, count: int) -> bytes:
        return self._data[start : start + count]

    def close(self) -> None:
        """Do nothing: no file is open."""


def etag_of(key: str) -> str:
    """Return the ETag of the object under a key."""
    return f'"{hashlib.sha256(key.encode()).hexdigest()[:32]}"'


def has_current(headers: Headers, etag: str) -> bool:
    """Return whether the client has this object already (If-None-Match)."""
    given = headers.get("if-none-match", "")
    return given.strip() == "*" or etag in _TAG.findall(given)


class ObjectResponse(Response):
    """Send an object or the requested range of it, and close it."""

    def __init__(self, content: Content, etag: str, headers: dict[str, str]) -> None:
        super().__init__(headers=headers | {"ETag": etag, "Accept-Ranges": "bytes"})
        self._content = content
        self._etag = etag

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            start, end = self._prepare(Headers(scope=scope))
            await send(
                {
                    "type": "http.response.start",
                    "status": self.status_code,
                    "headers": self.raw_headers,
                }
            )
            is_head = scope["method"] == "HEAD"
            await self._send_bytes(send, start, start if is_head else end)
        finally:
            self._content.close()

    def _prepare(self, asked: Headers) -> tuple[int, int]:
        """Set the status and the headers; return the start and the end of the bytes to send."""
        size = self._content.size
        start, end = 0, size
        found = _RANGE.fullmatch(asked.get("range", "").strip())
        if found is not None and asked.get("if-range", self._etag) == self._etag:
            start, end = _range_of(found, size)
            is_possible = start < end
            self.status_code = 206 if is_possible else 416
            part = f"{start}-{end - 1}" if is_possible else "*"
            self.headers["Content-Range"] = f"bytes {part}/{size}"
        self.headers["Content-Length"] = str(max(end - start, 0))
        return start, end

    async def _send_bytes(self, send: Send, start: int, end: int) -> None:
        while start < end:
            body = await self._content.read(start, min(PIECE_SIZE, end - start))
            start = start + len(body) if body else end
            more = {"type": "http.response.body", "body": body, "more_body": start < end}
            await send(more)
            if start >= end:
                return
        await send({"type": "http.response.body", "body": b""})


def _range_of(found: re.Match[str], size: int) -> tuple[int, int]:
    first, last, suffix = found.groups()
    if suffix is not None:
        return max(size - int(suffix), 0), size if int(suffix) else 0
    return int(first), min(int(last) + 1, size) if last else size
