"""Small real files of each kind, and how a client sends them."""

import asyncio
import base64
import io
import struct
import zipfile
import zlib
from typing import Any

import httpx


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _png() -> bytes:
    head = _chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0))
    body = _chunk(b"IDAT", zlib.compress(b"\x00\xff\x00\x00"))
    return b"\x89PNG\r\n\x1a\n" + head + body + _chunk(b"IEND", b"")


def _zip() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.txt", "zipped")
    return buffer.getvalue()


PNG = _png()
JPEG = base64.b64decode(
    "/9j/4AAQSkZJRgABAQEASABIAAD/2wBDAP//////////////////////////////////////////////////////////"
    "////////////////////////////wgALCAABAAEBAREA/8QAFBABAAAAAAAAAAAAAAAAAAAAAP/aAAgBAQABPxA="
)
GIF = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
WEBP = base64.b64decode("UklGRiIAAABXRUJQVlA4IBYAAAAwAQCdASoBAAEADsD+JaQAA3AAAAAA")
PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
TEXT = "Привіт, plain text 👍\n".encode()
ZIP = _zip()
HTML = b"<!DOCTYPE html><html><body><script>alert(1)</script></body></html>"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
ELF = b"\x7fELF\x02\x01\x01\x00" + bytes(range(256)) * 4
KINDS = {
    "a.png": ("image/png", PNG),
    "a.jpg": ("image/jpeg", JPEG),
    "a.gif": ("image/gif", GIF),
    "a.webp": ("image/webp", WEBP),
    "a.pdf": ("application/pdf", PDF),
    "a.txt": ("text/plain", TEXT),
    "a.zip": ("application/zip", ZIP),
}


async def gone(http: httpx.AsyncClient, url: str) -> httpx.Response:
    """The answer once the file is away: right after the frame that tells so, or when it expires."""
    async with asyncio.timeout(8):
        while (answer := await http.get(url)).status_code == 200:
            pass
    return answer


def file(name: str, kind: str, data: bytes, head: str | None = None, **fields: Any) -> Any:
    """A file as a frame carries it; with the `data:` head that a browser writes."""
    head = f"data:{kind};base64," if head is None else head
    encoded = head + base64.b64encode(data).decode()
    return {"name": name, "size": len(data), "type": kind, "data": encoded} | fields
