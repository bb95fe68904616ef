"""Calls to other servers: trusted authorities, explanations of failures, and what is logged."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from ssl import SSLContext

import httpx

_is_hidden = ContextVar("_is_hidden", default=False)


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


@contextmanager
def unlogged() -> Iterator[None]:
    """Keep the calls that are made inside out of the log of httpx.

    It logs addresses with their queries, which may hold a key. Other calls are logged as before.
    """
    token = _is_hidden.set(True)
    try:
        yield
    finally:
        _is_hidden.reset(token)


def _is_shown(record: logging.LogRecord) -> bool:
    return not _is_hidden.get()


logging.getLogger("httpx").addFilter(_is_shown)
