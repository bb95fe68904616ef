"""The decoder of actions, the encoder of events, and the texts of errors."""

import codecs
import json
import re
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
from msgspec import UNSET, Struct

from .actions import AnyAction
from .errors import InvalidFrame, InvalidJSON, Refusal
from .events import Error

MAX_HINT_SIZE = 1 << 16  # bytes of an invalid frame that are decoded again for hints
MAX_OBJECTS = 10_000  # in a larger frame, as each costs more than its bytes
HINT_WINDOW_SIZE = 1 << 10  # bytes at both ends of a larger frame, where its short fields are

Body = TypeVar("Body")

encode: Callable[[object], bytes] = msgspec.json.Encoder().encode
_decode: Callable[[bytes | str], AnyAction] = msgspec.json.Decoder(AnyAction).decode


class Hint(Struct):
    """The fields of a refused frame that tell the client which of its requests failed."""

    action: Any = None
    client_id: Any = None
    message_id: Any = None


_decode_hint = msgspec.json.Decoder(Hint).decode


def decode(data: bytes | str) -> AnyAction:
    """Decode a frame of a client.

    Raises InvalidJSON, or InvalidFrame with the name of the field.
    """
    if len(data) > MAX_HINT_SIZE:
        _check_plain(data)
    try:
        return _decode(data)
    except msgspec.ValidationError as error:
        raise InvalidFrame(_in_words(error)) from None
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        raise _why_not(data) from None


def decode_as(data: bytes | bytearray, shape: type[Body]) -> Body:
    """Decode an HTTP body by the rules of a frame."""
    if len(data) > MAX_HINT_SIZE:
        _check_plain(data)
    try:
        return msgspec.json.decode(data, type=shape)
    except msgspec.ValidationError as error:
        raise InvalidFrame(_in_words(error)) from None
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        raise _why_not(data) from None


def _check_plain(data: bytes | bytearray | str) -> None:
    """Raise InvalidFrame for a large frame with many objects; one with files has few."""
    marks = ("{", "[") if isinstance(data, str) else (b"{", b"[")
    for mark in marks:
        at = -1
        for _ in range(MAX_OBJECTS + 1):  # ten times as fast as `count` where there are few
            if (at := data.find(mark, at + 1)) < 0:  # type: ignore[arg-type]
                break
        else:
            raise InvalidFrame(f"More than {MAX_OBJECTS:,} objects or lists are too many.")


def _why_not(data: bytes | bytearray | str) -> Refusal:
    """Return the error of an invalid frame: a lone surrogate, or no JSON."""
    if _is_marked(data):
        return InvalidJSON(
            "This is not valid JSON: it begins with a byte order mark or is UTF-16. Send UTF-8 "
            "without a byte order mark."
        )
    if len(data) > MAX_HINT_SIZE:
        return InvalidJSON()
    try:
        json.loads(data, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return InvalidJSON()
    return InvalidFrame("A text holds a lone surrogate (half of a character) or goes too deep.")


def _is_marked(data: bytes | bytearray | str) -> bool:
    """Return whether the bytes begin with a byte order mark, as Windows saves texts."""
    if isinstance(data, str):
        return data.startswith("\ufeff")
    marks = codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE
    return bytes(data[:3]).startswith(marks) or b"\0" in data[:2]


def _refuse(constant: str) -> None:
    raise ValueError(constant)  # NaN and Infinity are no JSON (RFC 8259, 6)


def _in_words(error: msgspec.ValidationError) -> str:
    words = str(error)
    if words.endswith("`$.action`"):
        return "action: unknown."
    what, _, path = words.partition(" - at `$")
    path = path.removesuffix("`").removeprefix(".")
    if what[:1].islower():  # our own sentence about a field of the value at that path
        return f"{path}.{what}." if path else f"{what}."
    return f"{what} - at `{path}`." if path else f"{what}."


def hint(data: bytes | str) -> Hint:
    """Return the identifying fields of a refused frame; empty if it can't be read."""
    if len(data) > MAX_HINT_SIZE:
        return _hint_of_large(data)
    try:
        found = _decode_hint(data)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return Hint()
    return hint_of(found.action, found.client_id, found.message_id)


_NAMED = re.compile(r'"(action|client_id|message_id)"\s*:\s*(?:"([^"\\]*)"|(\d{1,16}))\s*[,}]')


def _hint_of_large(data: bytes | str) -> Hint:
    """Return the identifying fields of a large frame without decoding it again."""
    ends = data[:HINT_WINDOW_SIZE] + data[-HINT_WINDOW_SIZE:]  # type: ignore[operator] # both are of one kind
    text = ends if isinstance(ends, str) else ends.decode(errors="replace")
    found = {name: int(number) if number else word for name, word, number in _NAMED.findall(text)}
    return hint_of(found.get("action"), found.get("client_id"), found.get("message_id"))


def hint_of(action: object, client_id: object, message_id: object) -> Hint:
    """Return the fields without values that are too long to echo."""
    return Hint(_short(action), _short(client_id), _short(message_id))


def _short(value: object) -> int | str | None:
    """Return the value if it is short enough to echo, else None."""
    is_short = isinstance(value, int) or (isinstance(value, str) and len(value) <= 64)
    return value if is_short and not isinstance(value, bool) else None  # type: ignore[return-value]


def error_of(refusal: Refusal, about: Hint) -> Error:
    """Return the error frame for the socket whose frame was refused."""
    message_id = about.message_id if refusal.message_id is None else refusal.message_id
    return Error(
        str(refusal),
        refusal.code,
        about.action or UNSET,
        UNSET if about.client_id is None else about.client_id,
        UNSET if message_id is None else message_id,
    )
