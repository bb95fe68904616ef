"""Requests that are refused before the app is called: errors of a head, and the answers."""

from http import HTTPStatus
from typing import NamedTuple

import msgspec


class RefusedRequest(NamedTuple):
    """A request that is refused here; its connection ends."""

    status: HTTPStatus
    code: str
    reason: str


BAD_REQUEST = HTTPStatus.BAD_REQUEST
HEAD_TOO_LARGE = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE


def too_large(reason: str) -> RefusedRequest:
    return RefusedRequest(HEAD_TOO_LARGE, "too_long", reason)


def fault_of_head(
    names: list[bytes], version: str, *, is_handshake: bool, has_body: bool
) -> RefusedRequest | None:
    """Return the error of a head (RFC 9112, 3.2; RFC 6455, 4.1), or None."""
    hosts = names.count(b"host")
    if hosts > 1 or (not hosts and version != "1.0"):
        return RefusedRequest(BAD_REQUEST, "invalid_frame", "one Host header is needed")
    if not is_handshake:
        return None
    if version == "1.0" or not hosts:
        status = HTTPStatus.UPGRADE_REQUIRED
        return RefusedRequest(status, "invalid_frame", "a WebSocket needs HTTP/1.1")
    if has_body:
        return RefusedRequest(BAD_REQUEST, "invalid_frame", "a handshake has no body")
    return None


def answer_of(refused: RefusedRequest) -> bytes:
    """Return the whole response, in the shape of all errors."""
    status = refused.status
    body = msgspec.json.encode({"detail": f"{refused.reason}.".capitalize(), "code": refused.code})
    lines = [
        f"HTTP/1.1 {status.value} {status.phrase}",
        "content-type: application/json",
        f"content-length: {len(body)}",
        "connection: close",
    ]
    if status is HTTPStatus.UPGRADE_REQUIRED:
        lines.append("upgrade: websocket")
    if status is HTTPStatus.SERVICE_UNAVAILABLE:
        lines.append("retry-after: 1")
    return "\r\n".join([*lines, "", ""]).encode() + body
