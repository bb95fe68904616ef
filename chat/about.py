"""The subject of a room, as the site describes it: a listing or an order, for example."""

import msgspec

from ..protocol.errors import InvalidFrame, TooLong
from ..protocol.events import About
from ..protocol.ids import is_clean
from .custom_data import JsonObject
from .urls import check_url

MAX_TEXT_LENGTH = 200  # characters


def pack_about(given: About | JsonObject) -> str:
    """Encode the subject as JSON. Raises TooLong and InvalidFrame."""
    try:
        about = msgspec.convert(msgspec.to_builtins(given), About)
    except (msgspec.ValidationError, TypeError) as error:
        raise InvalidFrame(f"about: {error}") from None
    if not about.title:
        raise InvalidFrame("about.title: a text is needed.")
    for name in ("title", "price", "status"):
        _check(name, getattr(about, name), MAX_TEXT_LENGTH)
    for name in ("url", "picture"):
        if (url := getattr(about, name)) is not None:
            check_url(url, f"about.{name}")
    return msgspec.json.encode(about).decode()


def _check(name: str, text: object, most: int) -> None:
    if text is None:
        return
    if not isinstance(text, str) or not is_clean(text):
        raise InvalidFrame(f"about.{name}: a text is needed.")
    if len(text) > most:
        raise TooLong(f"about.{name}: at most {most} characters.")


def read_about(stored: str | None) -> About | None:
    """Decode the stored subject of a room; None if there is none."""
    return None if stored is None else msgspec.json.decode(stored, type=About)
