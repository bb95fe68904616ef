"""Checks the bucket of attachments for the operator; it leaves nothing behind."""

import asyncio
import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime

from urllib3.exceptions import HTTPError

from ..objects.bucket import UPLOADS, BucketUnavailable, ObjectMissing, new_key
from ..objects.s3 import S3
from ..objects.s3_client import in_short
from ..objects.s3_cors import ADVICE, lets_pages_put
from .finding import Finding

MAX_CLOCK_DIFFERENCE = 60.0  # seconds by which clocks may differ; from 15 minutes on, requests fail

_PROBE = b"written by roomcast to see whether it can be\n"
_HEADERS = {"Content-Type": "image/png", "Content-Disposition": 'inline; filename="a.png"'}


async def examine_bucket(bucket: S3) -> list[Finding]:
    try:
        await bucket.find()
    except BucketUnavailable as error:
        advice = "Start what keeps it and make the bucket, or correct attachments.url."
        return [Finding("reachable", False, f"{error} {advice}")]
    where = f"The {bucket.place} answers, in region {bucket.client.outside.region}."
    probe = new_key(UPLOADS)
    found = [Finding("reachable", True, where), await _writable(bucket, probe)]
    if found[-1].ok:
        found += await asyncio.to_thread(lambda: list(_by_request(bucket, probe)))
        await bucket.delete([probe])
    return found


def _by_request(bucket: S3, probe: str) -> Iterator[Finding]:
    """Check the bucket by plain HTTP requests, as clients send them."""
    inside, outside = bucket.client.inside.base, bucket.client.outside.base
    yield _clock(bucket)
    yield _private(bucket, probe, inside)
    try:
        if outside != inside:
            yield _private(bucket, probe, outside)
        yield _links(bucket, probe)
        yield _uploads(bucket, probe)
        yield _pages(bucket)
    except HTTPError as error:
        sentence = f"{outside} can't be reached from here ({in_short(error)}), as clients must."
        yield Finding("public", False, sentence)


async def _writable(bucket: S3, probe: str) -> Finding:
    moved = new_key()
    try:
        await bucket.put(probe, _PROBE)
        await bucket.move(probe, moved)
        await bucket.read(moved)
        await bucket.delete([moved])
        await bucket.put(probe, _PROBE)
    except (BucketUnavailable, ObjectMissing) as error:
        advice = "Its key must be allowed to list the bucket, and to get, put and delete objects."
        return Finding("writable", False, f"{error} {advice}")
    return Finding("writable", True, "Objects can be written, copied, read and deleted.")


def _private(bucket: S3, probe: str, base: str) -> Finding:
    """Check that nothing is read, listed or written without a signature."""
    asked = [("GET", base + probe, b""), ("GET", base, b""), ("PUT", base + probe, _PROBE)]
    answers = [
        bucket.client.http.request(method, url, body=body).status for method, url, body in asked
    ]
    if any(status < 300 for status in answers):
        sentence = f"Strangers get at files through {base}: take the bucket's public access away."
        return Finding("private", False, sentence)
    return Finding("private", True, f"Through {base} strangers read, list and write nothing.")


def _links(bucket: S3, probe: str) -> Finding:
    """Check that a signed link leads to the object, under the type that was detected."""
    answer = bucket.client.http.request("GET", bucket.get_url("GET", probe, _HEADERS))
    base = bucket.client.outside.base
    if answer.status != 200 or answer.data != _PROBE:
        sentence = (
            f"A signed link through {base} is answered with {answer.status}: public_endpoint must "
            "lead to this bucket, and a proxy on the way leave the Host header and the path alone."
        )
    elif any(answer.headers.get(name) != value for name, value in _HEADERS.items()):
        sentence = "The bucket ignores the type in a signed link: pictures may not be shown."
    else:
        return Finding("links", True, f"Signed links through {base} work.")
    return Finding("links", False, sentence)


def _uploads(bucket: S3, probe: str) -> Finding:
    """Check that an upload by a signed URL works, with the declared size only."""
    url = bucket.put_url(probe, len(_PROBE), 60)
    right = bucket.client.http.request("PUT", url, body=_PROBE).status
    if right >= 300:
        sentence = f"A signed upload to {bucket.client.outside.base} is answered with {right}."
        return Finding("uploads", False, sentence)
    if bucket.client.http.request("PUT", url, body=_PROBE * 2).status < 300:
        after = "roomcast deletes it when it is sent, or after attachments.unsent_ttl"
        return Finding("uploads", True, f"Uploads work; a larger one than declared too: {after}.")
    return Finding("uploads", True, "Signed uploads work, of the declared size alone.")


def _pages(bucket: S3) -> Finding:
    if lets_pages_put(bucket.client.http, bucket.client.outside):
        return Finding("pages", True, "Web pages of any origin can upload (CORS).")
    return Finding("pages", False, f"Browsers can't upload: {ADVICE}.")


def _clock(bucket: S3) -> Finding:
    date = bucket.client.http.request("GET", bucket.client.inside.base).headers.get("Date")
    if date is None:
        return Finding("clock", True, "The bucket's answers have no time to compare.")
    apart = parsedate_to_datetime(date).timestamp() - time.time()
    ok = abs(apart) <= MAX_CLOCK_DIFFERENCE
    advice = "" if ok else "; set this machine's by NTP, at 15 minutes every request is refused"
    return Finding("clock", ok, f"The bucket's clock is {apart:+.0f} s from this one's{advice}.")
