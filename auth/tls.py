"""Calls to issuers of tokens: whom TLS trusts, and why a call failed."""

import os
from functools import cache
from ssl import SSLContext

import httpx


def tls_context() -> SSLContext:
    """Return the TLS context of the authorities that SSL_CERT_FILE and SSL_CERT_DIR name."""
    return _make_context(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))


def explain_failure(error: Exception) -> str:
    """Return why no connection could be made; of other errors the name, since they may quote."""
    name = type(error).__name__
    return f"{name}: {error}" if isinstance(error, httpx.ConnectError) else name


@cache
def _make_context(file: str | None, folder: str | None) -> SSLContext:
    """Made once: loading all the authorities is slow. httpx itself reads the two variables."""
    return httpx.create_ssl_context()
