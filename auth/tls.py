"""TLS for calls to other servers: trusted authorities, and explanations of failures."""

import os
from functools import cache
from ssl import SSLContext

import httpx


def tls_context() -> SSLContext:
    """Return the TLS context of the authorities that SSL_CERT_FILE and SSL_CERT_DIR name."""
    return _make_context(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))


def explain_failure(error: Exception) -> str:
    """Return why a connection failed; of other errors only the name, as texts may quote secrets."""
    name = type(error).__name__
    return f"{name}: {error}" if isinstance(error, httpx.ConnectError) else name


@cache
def _make_context(file: str | None, folder: str | None) -> SSLContext:
    """Create the context once, because loading all authorities is slow."""
    return httpx.create_ssl_context()
