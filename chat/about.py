"""What a room is about, as the site says: a listing, an order."""

import msgspec
from msgspec import Struct

from ..protocol.errors import InvalidFrame, TooLong
from ..protocol.ids import is_clean

MAX_TEXT_LENGTH = 200  # characters
MAX_URL_LENGTH = 2_000


class About(Struct, omit_defaults=True, frozen=True):
    """The subject of a room; all but the title may be missing. URLs are http or https."""

    title: str
    url: str | None = None
    picture: str | None = None
    price: str | None = None
    status: str | None = None


def pack_about(about: About) -> str:
    """The subject as JSON. Raises TooLong and InvalidFrame."""
    for name in ("title", "price", "status"):
        _check(name, getattr(about, name), MAX_TEXT_LENGTH)
    for name in ("url", "picture"):
        url = getattr(about, name)
        _check(name, url, MAX_URL_LENGTH)
        if url is not None and not _is_url(url):
            raise InvalidFrame(f"about.{name}: an http or https address is needed.")
    return msgspec.json.encode(about).decode()


def _is_url(url: str) -> bool:
    scheme, _, rest = url.partition("://")
    return (
        scheme.lower() in ("http", "https") and bool(rest) and url.isprintable() and " " not in url
    )


def _check(name: str, text: object, most: int) -> None:
    if text is None:
        return
    if not isinstance(text, str) or not is_clean(text):
        raise InvalidFrame(f"about.{name}: a text is needed.")
    if len(text) > most:
        raise TooLong(f"about.{name}: at most {most} characters.")


def read_about(stored: str | None) -> About | None:
    """What is stored, as it was given."""
    return None if stored is None else msgspec.json.decode(stored, type=About)
