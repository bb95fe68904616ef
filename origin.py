"""Where a connection says that it reached us: what absolute URLs start with."""

import re

from starlette.requests import HTTPConnection

ROOT = "roomcast.root_path"  # the mount prefix, kept in the scope before our own mounts add to it
HOST = re.compile(r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:\d{1,5})?")
LOCAL = ("127.0.0.1", "::1")


def base_of(connection: HTTPConnection, public_url: str) -> str:
    """`https://host/prefix`, without a trailing slash.

    The scheme is what a proxy on this machine says in X-Forwarded-Proto, else the connection's own.
    """
    if public_url:
        return public_url.rstrip("/")
    scope = connection.scope
    scheme = {"ws": "http", "wss": "https"}.get(scope["scheme"], scope["scheme"])
    client = scope.get("client")
    forwarded = connection.headers.get("x-forwarded-proto", "")
    if client and client[0] in LOCAL and forwarded in ("http", "https"):
        scheme = forwarded
    server = scope.get("server") or ("localhost", None)
    host = connection.headers.get("host", "")
    if not HOST.fullmatch(host):  # nothing else may stand in a link (RFC 9110, 7.2)
        host = ":".join(str(part) for part in server if part)
    return f"{scheme}://{host}{scope.get(ROOT, '')}"
