"""The cursor of a page of search results: an id that only this server can read.

The id may be that of a message in somebody else's room, so the cursor must not reveal it. It is
encrypted with a key of the database and a synthetic initialization vector (as in RFC 5297).
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode

from ..protocol.errors import InvalidFrame

_FIELD_SIZE = 8  # bytes of an id, and of its authentication tag


def write_cursor(key: bytes, user_id: str, before: int) -> str:
    """Return the cursor of this user for results older than the message `before`."""
    id_ = before.to_bytes(_FIELD_SIZE, "big")
    proof = _digest(key, b"proof", user_id.encode() + b"\0" + id_)
    hidden = _xor(id_, _digest(key, b"mask", proof))
    return urlsafe_b64encode(proof + hidden).decode().rstrip("=")


def read_cursor(key: bytes, user_id: str, cursor: str) -> int:
    """Return the id in a cursor of this user. Raises InvalidFrame for anything else."""
    try:
        raw = urlsafe_b64decode(cursor.encode("ascii") + b"==")
    except ValueError:
        raw = b""
    proof, hidden = raw[:_FIELD_SIZE], raw[_FIELD_SIZE:]
    before = int.from_bytes(_xor(hidden, _digest(key, b"mask", proof)), "big")
    if len(hidden) != _FIELD_SIZE or not hmac.compare_digest(
        write_cursor(key, user_id, before).encode(), cursor.encode("utf-8", "replace")
    ):
        raise InvalidFrame("cursor: take the one in `next`.")
    return before


def _digest(key: bytes, purpose: bytes, data: bytes) -> bytes:
    return hmac.digest(key, b"search cursor " + purpose + b"\0" + data, "sha256")[:_FIELD_SIZE]


def _xor(data: bytes, mask: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(data, mask, strict=False))
