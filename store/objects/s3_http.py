"""HTTP to a bucket: whom to trust, how long to wait, and when to try once more."""

import os
import time
from io import BytesIO
from ssl import create_default_context
from typing import Any

import certifi
from urllib3 import BaseHTTPResponse, PoolManager, Timeout
from urllib3.exceptions import HTTPError, ReadTimeoutError

CONNECTED_WITHIN, ANSWERED_WITHIN = 2.0, 5.0  # seconds
PAUSE = 0.1

_PIECE = 1 << 16
_BUSY = (500, 502, 503, 504)


class S3Transport(PoolManager):
    """Connections for threads, in the place of the library's own."""

    def __init__(self, threads: int, ca: str | None) -> None:
        super().__init__(
            maxsize=threads,
            blocksize=_PIECE,
            ssl_context=create_default_context(
                cafile=ca or os.environ.get("SSL_CERT_FILE") or certifi.where()
            ),
            timeout=Timeout(connect=CONNECTED_WITHIN, read=ANSWERED_WITHIN),
        )

    def urlopen(  # type: ignore[override]  # as the library's own differs from its base
        self, method: str, url: str, redirect: bool = True, **named: Any
    ) -> BaseHTTPResponse:
        """Once more after a broken connection; but a silence is not waited for twice."""
        try:
            answer = self._once(method, url, named)
            if answer.status not in _BUSY:
                return answer
            answer.drain_conn()
        except ReadTimeoutError:
            raise
        except HTTPError:
            pass  # if it was more than one connection, the second try tells
        time.sleep(PAUSE)
        return self._once(method, url, named)

    def _once(self, method: str, url: str, named: dict[str, Any]) -> BaseHTTPResponse:
        """In pieces: one large body would have to be sent within the time for connecting."""
        body = named.get("body")
        if isinstance(body, bytes) and len(body) > _PIECE:
            named = named | {"body": BytesIO(body)}
        return super().urlopen(method, url, redirect=False, **named | {"retries": False})
