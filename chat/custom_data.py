"""Custom data of messages and rooms: JSON objects that are kept as they were given."""

from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import Raw

from ..protocol.errors import Forbidden, InvalidFrame, TooLong
from ..protocol.events import Message
from ..protocol.ids import is_clean

MAX_DEPTH = 32  # of objects and lists in each other
MAX_SITE_DATA_SIZE = 4_096  # bytes; members have limits.max_data_size

JsonObject = dict[str, Any]


def pack_data(data: JsonObject, limit: int, name: str = "data") -> Raw:
    """The object as JSON without spaces. Raises TooLong, InvalidFrame.

    Raises Forbidden where the limit is 0: then members may not set data.
    """
    if not limit:
        raise Forbidden(f"{name}: members may not set it here.")
    if any(not is_clean(text) for text in _texts(data, MAX_DEPTH, name)):
        raise InvalidFrame(f"{name}: NUL and lone surrogates are not accepted.")
    packed = msgspec.json.encode(data)
    if len(packed) > limit:
        raise TooLong(f"{name}: at most {limit:,} bytes of JSON.")
    return Raw(packed)


def unpack_data(message: Message) -> Message:
    """The message for the host's own code, which reads its data as a dict."""
    if isinstance(message.data, Raw):
        message.data = msgspec.json.decode(message.data)
    return message


def _texts(value: object, depth: int, name: str) -> Iterator[str]:
    """All texts in it, names of fields too. Raises InvalidFrame where it goes too deep."""
    if isinstance(value, str):
        yield value
    if not isinstance(value, dict | list):
        return
    if not depth:
        raise InvalidFrame(f"{name}: at most {MAX_DEPTH} objects and lists in each other.")
    for inner in value:
        yield from _texts(inner, depth - 1, name)
    if isinstance(value, dict):
        for inner in value.values():
            yield from _texts(inner, depth - 1, name)
