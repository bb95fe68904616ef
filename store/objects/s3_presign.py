"""Presigned URLs: AWS signature version 4 in the query string, computed without a request."""

import hmac
import time
from collections.abc import Mapping
from hashlib import sha256
from urllib.parse import quote, urlsplit

from msgspec import Struct

from .s3_credentials import BucketCredentials

MAX_VALIDITY = 7 * 86_400  # seconds; servers accept no longer validity

_ALGORITHM, _UNREAD = "AWS4-HMAC-SHA256", "UNSIGNED-PAYLOAD"


class Signer(Struct, frozen=True):
    """Signs URLs for one bucket; `base` is its address, with a slash at its end.

    Unlike the library's presigning, it also signs the length of an upload.
    """

    base: str
    credentials: BucketCredentials
    region: str

    def __repr__(self) -> str:
        return f"<signer of {self.base}>"

    def url(
        self,
        method: str,
        name: str,
        expires_in: float,
        *,
        query: Mapping[str, str] | None = None,
        size: int | None = None,
        at: float | None = None,
    ) -> str:
        """Return a URL for one method, valid from `at` (default: now) for `expires_in` seconds.

        `size` is the length of the body. The URL expires earlier if temporary credentials that sign
        it do. Raises BucketUnavailable while there are no credentials.
        """
        who = self.credentials.current()
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(at))
        scope = f"{stamp[:8]}/{self.region}/s3/aws4_request"
        address = urlsplit(self.base + name)
        length = [] if size is None else [f"content-length:{size}"]
        headers = [*length, f"host:{address.netloc}"]
        names = ";".join(header.partition(":")[0] for header in headers)
        asked = {
            **(query or {}),
            "X-Amz-Algorithm": _ALGORITHM,
            "X-Amz-Credential": f"{who.access_key}/{scope}",
            "X-Amz-Date": stamp,
            "X-Amz-Expires": str(max(1, min(int(expires_in), MAX_VALIDITY))),
            "X-Amz-SignedHeaders": names,
        }
        if who.session_token:
            asked["X-Amz-Security-Token"] = who.session_token
        asking = "&".join(f"{_quoted(n)}={_quoted(value)}" for n, value in sorted(asked.items()))
        request = "\n".join([method, address.path, asking, *headers, "", names, _UNREAD])
        signature = _signature(who.secret_key, stamp, scope, request)
        return f"{self.base}{name}?{asking}&X-Amz-Signature={signature}"


def _signature(secret: str, stamp: str, scope: str, request: str) -> str:
    key = b"AWS4" + secret.encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signed = "\n".join([_ALGORITHM, stamp, scope, sha256(request.encode()).hexdigest()])
    return hmac.digest(key, signed.encode(), "sha256").hex()


def _quoted(text: str) -> str:
    return quote(text, safe="")
