"""Parses s3:// URLs: the place of the bucket, the credentials, the public endpoint."""

import re
from collections.abc import Mapping
from urllib.parse import parse_qsl, unquote, urlsplit

from msgspec import Struct

_HOST = re.compile(r"([A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])(:\d{1,5})?")
_BUCKET = re.compile(r"[a-z0-9]([a-z0-9]|[.-](?![.-])){1,61}[a-z0-9]")
_REGION = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
_OPTIONS = {"secure", "region", "public_endpoint", "ca", "session_token"}


class S3Endpoint(Struct, frozen=True):
    """An S3 server; `host` includes the port."""

    host: str
    is_secure: bool


class S3Location(Struct, frozen=True):
    """The place of a bucket; `public` is the endpoint for clients, `ca` a file of trusted CAs.

    Without a `key` the credentials come from the environment or the machine.
    """

    endpoint: S3Endpoint
    public: S3Endpoint
    bucket: str
    key: str
    secret: str
    region: str | None
    ca: str | None
    session_token: str | None = None

    def __str__(self) -> str:
        return f"bucket {self.bucket} at {self.endpoint.host}"

    __repr__ = __str__  # the secret stays out of every log


def place_of(url: str) -> S3Location:
    """Parse the URL. Raises ValueError without any part of the URL, which may be a secret."""
    try:
        parts = urlsplit(url)
    except ValueError:
        raise _wrong_form() from None
    who, _, host = parts.netloc.rpartition("@")
    key, _, secret = who.partition(":")
    if bool(key) != bool(secret) or not _HOST.fullmatch(host) or parts.fragment:
        raise _wrong_form()
    bucket = parts.path.strip("/")
    if not _BUCKET.fullmatch(bucket):
        raise _wrong("the bucket's name is 3 to 63 lower-case letters, digits, dots and hyphens")
    options = _options(parts.query)
    endpoint = S3Endpoint(host, _is_secure(options))
    return S3Location(
        endpoint,
        _public(options, endpoint),
        bucket,
        unquote(key),
        unquote(secret),
        _region(options),
        options.get("ca"),
        options.get("session_token"),
    )


def _options(query: str) -> Mapping[str, str]:
    try:
        options = dict(parse_qsl(query, strict_parsing=True)) if query else {}
    except ValueError:
        options = {query: ""}
    if set(options) - _OPTIONS:
        known = "secure, region, public_endpoint, session_token and ca"
        raise _wrong(f"after the ? there may be {known}, each with a value and & between them")
    return options


def _is_secure(options: Mapping[str, str]) -> bool:
    value = options.get("secure", "true")
    if value not in ("true", "false"):
        raise _wrong("secure is true (HTTPS) or false (HTTP)")
    return value == "true"


def _public(options: Mapping[str, str], inner: S3Endpoint) -> S3Endpoint:
    address = options.get("public_endpoint")
    if address is None:
        return inner
    scheme, _, host = address.rstrip("/").partition("://")
    if scheme not in ("http", "https") or not _HOST.fullmatch(host):
        raise _wrong("public_endpoint is an address such as https://files.example.com, no path")
    return S3Endpoint(host, scheme == "https")


def _region(options: Mapping[str, str]) -> str | None:
    region = options.get("region")
    if region is not None and not _REGION.fullmatch(region):
        raise _wrong("region is a name such as eu-central-1")
    return region


def _wrong_form() -> ValueError:
    form = "s3://KEY:SECRET@host/bucket, or s3://host/bucket with credentials from elsewhere"
    return _wrong(f"a bucket is written {form}; what is special in KEY and SECRET as in %2F for /")


def _wrong(sentence: str) -> ValueError:
    return ValueError(f"attachments.url: {sentence}.")
