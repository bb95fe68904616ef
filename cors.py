"""Pages of other origins: which of them may speak for a user."""

from collections.abc import Iterable
from contextlib import suppress
from urllib.parse import SplitResult, urlsplit

_PORTS = {"http": 80, "https": 443}


def is_foreign(origin: str, host: str, allowed: Iterable[str]) -> bool:
    """Neither the host that was asked, over http or https, nor one of those allowed."""
    if origin != "null" and origin in allowed:
        return False
    theirs = _origin(origin)
    if theirs is None:
        return True
    # A proxy may have ended TLS: the port that Host leaves out is that of the page's scheme.
    return theirs != _origin(f"{theirs[0]}://{host}") and theirs not in map(_origin, allowed)


def _origin(text: str) -> tuple[str, str, int] | None:
    parts = parts_of(text)
    if parts is None or parts.username is not None or parts.path not in ("", "/"):
        return None
    port = _PORTS[parts.scheme] if parts.port is None else parts.port
    return parts.scheme, parts.hostname or "", port


def origin_of(url: str) -> str:
    """The origin of an absolute http(s) URL, "" of anything else."""
    parts = parts_of(url)
    return f"{parts.scheme}://{parts.netloc}" if parts else ""


def parts_of(url: str) -> SplitResult | None:
    """The parts of an absolute http(s) URL, with a port that can be read."""
    with suppress(ValueError):
        parts = urlsplit(url)
        if parts.scheme in _PORTS and parts.hostname and (parts.port or 0) >= 0:
            return parts
    return None
