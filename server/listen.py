"""The listening sockets of the server."""

import errno
import os
import socket

ACK_TIMEOUT_MS = 8_000  # without an acknowledgement; then the kernel drops the peer
BACKLOG = 2_048
MAX_UNSENT_SIZE = 1 << 17  # unsent bytes that the kernel holds for a connection


class CannotServe(Exception):
    """The server cannot listen or start; the text is one sentence that says what to do."""


def listen(host: str, port: int) -> list[socket.socket]:
    """Open a listening socket for each address of the host, on the same port; 0 is a free one."""
    sockets: list[socket.socket] = []
    missing: OSError | None = None
    for family, address in _addresses(host.strip("[]"), port):
        try:
            sockets.append(_listening(family, address, port))
        except OSError as error:
            if error.errno not in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
                for opened in sockets:
                    opened.close()
                raise CannotServe(_why_not(error, host, port)) from None
            missing = error  # localhost is ::1 too, on a machine without IPv6
        else:
            port = sockets[-1].getsockname()[1]
    if missing is not None and not sockets:
        raise CannotServe(_why_not(missing, host, port))
    return sockets


def _addresses(host: str, port: int) -> list[tuple[socket.AddressFamily, str]]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, ValueError):
        raise CannotServe(f"The host {host!r} is unknown; see --host (server.host).") from None
    return list(dict.fromkeys((family, str(address[0])) for family, *_, address in found))


def _listening(family: socket.AddressFamily, address: str, port: int) -> socket.socket:
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        # On Windows it would let another program take the port.
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, os.name == "posix")
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            # uvicorn waits for ever for a peer that reads nothing; the kernel ends it.
            listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, ACK_TIMEOUT_MS)
        if hasattr(socket, "TCP_NOTSENT_LOWAT"):
            # So data that a slow reader leaves unread is in our buffer, not in the kernel's.
            listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, MAX_UNSENT_SIZE)
        if family == socket.AF_INET6:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, address != "::")
        listening.bind((address, port))
        listening.listen(BACKLOG)  # now: a taken port is noticed before anything is opened
        listening.setblocking(False)
    except OSError:
        listening.close()
        raise
    return listening


def _why_not(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} on {host} is taken by another program; choose one with --port."
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"This user may not listen on port {port} of {host}; choose one with --port."
    if error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
        return f"{host} is no address of this machine; choose one with --host."
    return f"Nothing can listen on port {port} of {host}: {error.strerror}."


def url_of(listening: socket.socket) -> str:
    """Return an address that a browser on this machine can open."""
    host, port = listening.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
