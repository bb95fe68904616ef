"""Values in frames: ids of rooms, messages and users, times, and clean texts."""

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache

from .errors import InvalidFrame

MAX_ID = 2**53  # JavaScript holds smaller integers exactly


def id_of(value: int | str, name: str) -> int:
    """Return a room or message id from a request: an integer or its plain ASCII decimal."""
    if isinstance(value, str):
        value = int(value) if _is_decimal(value) else -1
    if 0 <= value < MAX_ID:
        return value
    raise InvalidFrame(f"{name}: an integer from 0 to 2^53 - 1 is needed.")


def _is_decimal(text: str) -> bool:
    plain = text.isascii() and text.isdigit() and len(text) <= 16
    return plain and (text == "0" or text[0] != "0")


def user_of(value: object, name: str = "user_id") -> str:
    """Return a user id as stored: a string of 1 to 255 code points; 2 and "2" are the same."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if isinstance(value, str) and 0 < len(value) <= 255 and is_clean(value):
        return value
    raise InvalidFrame(f"{name}: an integer or a string of 1 to 255 characters is needed.")


@lru_cache(16_384)
def wire_user(user_id: str) -> int | str:
    """Return a user id for clients: a number if JavaScript holds it exactly, else a string."""
    digits = user_id.removeprefix("-")
    if not _is_decimal(digits) or user_id == "-0":
        return user_id
    number = int(user_id)
    return number if abs(number) < MAX_ID else user_id


def wire_users(user_ids: Iterable[str]) -> list[int | str]:
    """Return user ids for clients: numbers first, in ascending order."""
    wire = [wire_user(user) for user in user_ids]
    return sorted(wire, key=lambda user: (isinstance(user, str), user))


def is_clean(text: str) -> bool:
    """Return whether a text has no NUL and no lone surrogate, which some databases can't store."""
    if "\0" in text:
        return False
    return text.isascii() or not any("\ud800" <= c <= "\udfff" for c in text)


@lru_cache(4096)
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.")


@lru_cache(4096)
def when(microseconds: int) -> str:
    """Return a time as RFC 3339 in UTC with microseconds."""
    seconds, rest = divmod(microseconds, 1_000_000)
    return f"{_second(seconds)}{rest:06d}+00:00"
