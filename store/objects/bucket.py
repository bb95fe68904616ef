"""Storage of attachments: objects under random keys, in a folder or in S3."""

import re
import secrets
from collections.abc import AsyncIterator, Iterable, Mapping
from pathlib import Path
from typing import Protocol

UPLOADS = "uploads/"  # the prefix of keys that clients PUT to, before the bytes are checked

KEY = re.compile(f"(?:{UPLOADS})?[0-9a-f]{{32}}")


class BucketUnavailable(Exception):
    """The bucket can't be read or written now; the text says why, for the operator."""


class ObjectMissing(Exception):
    """No object has this key."""


class ObjectTooLarge(Exception):
    """More bytes arrived than were allowed; nothing was stored."""


def too_large(max_size: int) -> ObjectTooLarge:
    return ObjectTooLarge(f"More than {max_size:,} bytes came.")


class Bucket(Protocol):
    """Storage of objects by key. Each method raises BucketUnavailable if it fails.

    A bucket that clients can reach returns signed URLs from `get_url` and `put_url`. Another one
    returns None: its objects are served through the app.
    """

    async def open(self) -> None: ...
    async def aclose(self) -> None: ...
    async def check(self) -> None: ...
    async def put(self, key: str, data: bytes) -> None: ...
    async def put_stream(self, key: str, chunks: AsyncIterator[bytes], max_size: int) -> int: ...
    async def read(self, key: str, max_size: int | None = None) -> bytes: ...
    async def stat(self, key: str) -> int | None: ...
    async def path(self, key: str) -> Path | None: ...
    async def move(self, source: str, target: str) -> None: ...
    async def delete(self, keys: Iterable[str]) -> None: ...
    async def sweep(self, older_than: float) -> None: ...
    def get_url(self, method: str, key: str, headers: Mapping[str, str]) -> str | None: ...
    def put_url(self, key: str, size: int, expires_in: float) -> str | None: ...


def new_key(prefix: str = "") -> str:
    """Return a key that nobody can guess: 128 random bits, in lower case for all file systems."""
    return prefix + secrets.token_hex(16)


def bucket_of(url: str) -> Bucket:
    """Return the bucket that a URL names. Raises ValueError, without a secret in its text."""
    scheme, colon, rest = url.partition(":")
    if colon and scheme.lower() == "s3":
        try:
            from .s3 import S3  # its library is slow to import, and a folder does not need it
        except ModuleNotFoundError as error:
            raise ValueError(
                f"attachments.url: s3:// needs {error.name}: pip install 'roomcast[s3]'."
            ) from None
        return S3(url)
    if not colon or scheme.lower() != "file":
        wrong = "the scheme is not file: or s3:" if colon else "the scheme is missing"
        raise ValueError(f"attachments.url: {wrong}; a folder is written file:./attachments.")
    from .folder import Folder, parse_folder

    return Folder(parse_folder(rest))
