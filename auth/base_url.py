"""The base URL of this server as a connection sees it: the start of absolute URLs."""

import re
from urllib.parse import unquote

from starlette.requests import HTTPConnection
from starlette.types import Scope

# The mount prefix, kept in the scope before our own mounts add to it.
ROOT_KEY = "roomcast.root_path"
HOST_PATTERN = re.compile(r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:\d{1,5})?")
LOOPBACK_HOSTS = ("127.0.0.1", "::1")


def base_of(connection: HTTPConnection, public_url: str) -> str:
    """Return `https://host/prefix`, without a trailing slash.

    The scheme is that of a trusted proxy's X-Forwarded-Proto, or else of the connection.
    """
    if public_url:
        return public_url.rstrip("/")
    scope = connection.scope
    scheme = {"ws": "http", "wss": "https"}.get(scope["scheme"], scope["scheme"])
    client = scope.get("client")
    forwarded = connection.headers.get("x-forwarded-proto", "")
    if client and client[0] in LOOPBACK_HOSTS and forwarded in ("http", "https"):
        scheme = forwarded
    server = scope.get("server") or ("localhost", None)
    host = connection.headers.get("host", "")
    if not HOST_PATTERN.fullmatch(host):  # links must have no other characters (RFC 9110, 7.2)
        host = ":".join(str(part) for part in server if part)
    return f"{scheme}://{host}{scope.get(ROOT_KEY, '')}"


def mounted(scope: Scope) -> tuple[str, str]:
    """Return the prefix under which the host has mounted the chat, and the path below it.

    By ASGI the prefix is in root_path and in path, but some hosts leave it out of one of them.
    """
    root, path = scope.get("root_path", ""), scope["path"]
    if hidden := _hidden(scope, path):  # Litestar removes it from the path only
        return hidden if _is_below(hidden, root) else root + hidden, path
    if not _is_below(path, root):  # FastAPI(root_path=…): only what it mounts itself is in the path
        mount = root.removeprefix(scope.get("app_root_path", ""))
        return root, path.removeprefix(mount) if _is_below(path, mount) else path
    return root, path[len(root) :]


def _hidden(scope: Scope, path: str) -> str:
    """Return the prefix that precedes the path in the URL as it was received."""
    raw = (scope.get("raw_path") or b"").partition(b"?")[0]  # httpx-ws leaves the query on
    whole, path = unquote(raw.decode("latin-1")).rstrip("/"), path.rstrip("/")
    return whole.removesuffix(path) if whole.endswith(path) else ""


def _is_below(path: str, root: str) -> bool:
    return path.startswith(root) and path[len(root) : len(root) + 1] in ("", "/")


def plain_path(scope: Scope) -> tuple[str, str]:
    """Return the mount prefix and the path below it, without its trailing slash."""
    root, path = mounted(scope)
    raw = scope.get("raw_path") or b""
    if not raw.rstrip(b"/").upper().endswith(b"%2F"):  # this slash is part of a user's id
        path = path.rstrip("/") or "/"
    elif raw.endswith(b"/"):
        path = path.removesuffix("/")
    return root, path
