"""Custom data of messages and rooms: JSON objects that are stored as they were given."""

from collections.abc import Iterator
from typing import Any, Protocol, TypeVar

import msgspec
from msgspec import Raw

from ..protocol.errors import Forbidden, InvalidFrame, TooLong
from ..protocol.ids import is_clean

MAX_DEPTH = 32  # of nested objects and lists
MAX_SITE_DATA_SIZE = 4_096  # bytes; members have limits.max_data_size

JsonObject = dict[str, Any]


def pack_data(data: JsonObject, limit: int, name: str = "data") -> Raw:
    """Encode the object as JSON without spaces. Raises TooLong and InvalidFrame.

    Raises Forbidden if the limit is 0: then members may not set data.
    """
    if not limit:
        raise Forbidden(f"{name}: members may not set it here.")
    packed = _encode(data, name)
    if len(packed) > limit:
        raise TooLong(f"{name}: at most {limit:,} bytes of JSON.")
    if any(not is_clean(text) for text in _texts(msgspec.json.decode(packed), MAX_DEPTH, name)):
        raise InvalidFrame(f"{name}: NUL and lone surrogates are not accepted.")
    return Raw(packed)


def _encode(data: JsonObject, name: str) -> bytes:
    """Encode data, which may be anything if the host sets it. Raises InvalidFrame."""
    if not isinstance(data, dict):
        raise InvalidFrame(f"{name}: an object is needed.")
    try:
        return msgspec.json.encode(data)
    except UnicodeEncodeError:
        raise InvalidFrame(f"{name}: NUL and lone surrogates are not accepted.") from None
    except RecursionError:
        raise _too_deep(name) from None
    except (TypeError, ValueError, OverflowError) as error:
        raise InvalidFrame(f"{name}: {error}") from None


def _too_deep(name: str) -> InvalidFrame:
    return InvalidFrame(f"{name}: at most {MAX_DEPTH} levels of objects and lists.")


class HasData(Protocol):
    """An object with data as it is stored and sent."""

    data: Any


T = TypeVar("T", bound=HasData)


def unpack_data(shown: T) -> T:
    """Decode the data of a message or a room, so that the host's code gets a dict."""
    if isinstance(shown.data, Raw):
        shown.data = msgspec.json.decode(shown.data)
    return shown


def _texts(value: object, depth: int, name: str) -> Iterator[str]:
    """Yield all texts, including names of fields. Raises InvalidFrame if it is nested too deep."""
    if isinstance(value, str):
        yield value
    if not isinstance(value, dict | list):
        return
    if not depth:
        raise _too_deep(name)
    for inner in value:
        yield from _texts(inner, depth - 1, name)
    if isinstance(value, dict):
        for inner in value.values():
            yield from _texts(inner, depth - 1, name)
