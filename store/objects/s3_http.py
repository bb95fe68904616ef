"""HTTP to a bucket: trusted certificates, timeouts and retries."""

import os
import time
from io import BytesIO
from ssl import create_default_context
from typing import Any

import certifi
from urllib3 import BaseHTTPResponse, PoolManager, Timeout
from urllib3.exceptions import HTTPError, ReadTimeoutError

CONNECT_TIMEOUT, ANSWER_TIMEOUT = 2.0, 5.0  # seconds
RETRY_DELAY = 0.1

_PIECE_SIZE = 1 << 16
_BUSY_STATUSES = (500, 502, 503, 504)


class S3Transport(PoolManager):
    """A pool of connections for threads, which replaces the library's own."""

    def __init__(self, threads: int, ca: str | None) -> None:
        super().__init__(
            maxsize=threads,
            blocksize=_PIECE_SIZE,
            ssl_context=create_default_context(
                cafile=ca or os.environ.get("SSL_CERT_FILE") or certifi.where()
            ),
            timeout=Timeout(connect=CONNECT_TIMEOUT, read=ANSWER_TIMEOUT),
        )

    def urlopen(  # type: ignore[override]  # as the library's own differs from its base
        self, method: str, url: str, redirect: bool = True, **named: Any
    ) -> BaseHTTPResponse:
        """Send a request; repeat it after a broken connection, but not after a timeout."""
        try:
            answer = self._once(method, url, named)
            if answer.status not in _BUSY_STATUSES:
                return answer
            answer.drain_conn()
        except ReadTimeoutError:
            raise
        except HTTPError:
            pass  # a second failure is raised
        time.sleep(RETRY_DELAY)
        return self._once(method, url, named)

    def _once(self, method: str, url: str, named: dict[str, Any]) -> BaseHTTPResponse:
        """Send the body in pieces, since the connect timeout would apply to one large body."""
        body = named.get("body")
        if isinstance(body, bytes) and len(body) > _PIECE_SIZE:
            named = named | {"body": BytesIO(body)}
        return super().urlopen(method, url, redirect=False, **named | {"retries": False})
