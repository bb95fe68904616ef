"""Checks URLs that the site sets in messages and rooms, and that members open."""

import re

from ..protocol.errors import InvalidFrame, TooLong
from ..protocol.ids import is_clean

MAX_URL_LENGTH = 2_000
_WEB_ADDRESS = re.compile(r"https?://[^\s/?#\\]+[^\s\\]*", re.IGNORECASE)


def check_url(url: str, name: str) -> None:
    """Raise TooLong for a long URL, and InvalidFrame if it is not http:// or https://."""
    if len(url) > MAX_URL_LENGTH:
        raise TooLong(f"{name}: at most {MAX_URL_LENGTH:,} characters.")
    if not is_clean(url) or not _WEB_ADDRESS.fullmatch(url):
        raise InvalidFrame(f"{name}: an address that starts with http:// or https:// is needed.")
