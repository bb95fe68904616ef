"""CORS rules of the bucket: pages of any site may GET and PUT objects by a signed URL."""

import logging
from base64 import b64encode
from hashlib import md5

from urllib3 import BaseHTTPResponse, PoolManager

from .s3_presign import Signer

log = logging.getLogger("roomcast.bucket")

FOREIGN_ORIGIN = "https://elsewhere.example"
ADVICE = "allow PUT, GET and HEAD from any origin, with any header, in the bucket's CORS rules"

_RULES = (
    b"<CORSConfiguration><CORSRule><AllowedOrigin>*</AllowedOrigin><AllowedHeader>*</AllowedHeader>"
    b"<AllowedMethod>GET</AllowedMethod><AllowedMethod>HEAD</AllowedMethod>"
    b"<AllowedMethod>PUT</AllowedMethod><MaxAgeSeconds>86400</MaxAgeSeconds>"
    b"</CORSRule></CORSConfiguration>"
)
_SIGNATURE_TTL = 60.0  # seconds for which our own request is signed


def allow_pages(http: PoolManager, bucket: Signer) -> None:
    """Set rules if the bucket has none; rules that the operator has set are not changed."""
    if lets_pages_put(http, bucket) or (_has_no_rules(http, bucket) and _set_rules(http, bucket)):
        return
    log.warning("Browsers can't upload files: %s.", ADVICE)


def lets_pages_put(http: PoolManager, bucket: Signer) -> bool:
    """Send a browser's preflight, and return whether pages of other origins may PUT."""
    asked = {
        "Origin": FOREIGN_ORIGIN,
        "Access-Control-Request-Method": "PUT",
        "Access-Control-Request-Headers": "content-type",
    }
    answer = http.request("OPTIONS", f"{bucket.base}-", headers=asked)
    methods, names = _words(answer, "methods"), _words(answer, "headers")
    return (
        answer.status in (200, 204)
        and answer.headers.get("Access-Control-Allow-Origin") in ("*", FOREIGN_ORIGIN)
        and bool(methods & {"put", "*"})
        and bool(names & {"content-type", "*"})
    )


def _words(answer: BaseHTTPResponse, kind: str) -> set[str]:
    header = answer.headers.get(f"Access-Control-Allow-{kind}", "")
    return {word.strip().lower() for word in header.split(",")}


def _has_no_rules(http: PoolManager, bucket: Signer) -> bool:
    return (
        http.request("GET", bucket.url("GET", "", _SIGNATURE_TTL, query={"cors": ""})).status == 404
    )


def _set_rules(http: PoolManager, bucket: Signer) -> bool:
    url = bucket.url("PUT", "", _SIGNATURE_TTL, query={"cors": ""})
    digest = b64encode(md5(_RULES, usedforsecurity=False).digest()).decode()
    return http.request("PUT", url, body=_RULES, headers={"Content-MD5": digest}).status < 300
