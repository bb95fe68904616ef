"""HTTP on a connection that stays open, as plain as the load needs it."""

import asyncio


class Http:
    """One request at a time."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.turn = asyncio.Lock()

    async def open(self) -> "Http":
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        return self

    async def get(self, path: str, token: str) -> bytes:
        """The body of an answer with 200."""
        head = f"GET {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {token}\r\n\r\n"
        async with self.turn:
            self.writer.write(head.encode())
            answer = (await self.reader.readuntil(b"\r\n\r\n")).lower()
            length = int(answer.partition(b"content-length:")[2].partition(b"\r\n")[0])
            body = await self.reader.readexactly(length)
        if not answer.startswith(b"http/1.1 200"):
            raise ConnectionError(f"{path}: {answer[:40]!r} {body[:200]!r}")
        return body

    def close(self) -> None:
        self.writer.close()
