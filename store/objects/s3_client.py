"""The blocking calls to an S3 bucket, for use in threads."""

import re
from collections.abc import Iterable
from io import BytesIO
from urllib.parse import parse_qs, urlsplit
from xml.etree.ElementTree import ParseError

from minio import Minio, S3Error
from minio.commonconfig import REPLACE, CopySource
from minio.credentials.providers import Provider
from minio.deleteobjects import DeleteObject

from .bucket import KEY, UPLOADS, BucketUnavailable, ObjectMissing, too_large
from .s3_cors import allow_pages
from .s3_credentials import BucketCredentials, credentials_of
from .s3_http import S3Transport
from .s3_presign import Signer
from .s3_url import S3Endpoint, S3Location

_ANY_REGION = "us-east-1"
_SMALLEST_PART = 5 << 20
_NO_KEY = UPLOADS + "-"
_NO_TYPE = "application/octet-stream"
_REASONS = {
    "AccessDenied": "this key may not do that",
    "InvalidAccessKeyId": "this key is unknown there",
    "NoSuchBucket": "there is no such bucket",
    "RequestTimeTooSkewed": "the clock of this machine or of that is wrong",
    "SignatureDoesNotMatch": "the secret is wrong",
}


class S3Client:
    """One bucket; `inside` signs requests of this machine, `outside` those of browsers.

    Its methods raise the library's errors, and ObjectMissing for a malformed key.
    """

    def __init__(self, place: S3Location, threads: int) -> None:
        self.place = place
        self.http = _transport(place, threads)
        self._credentials = credentials_of(place)
        self._minio = _client(place, self._credentials, self.http)
        self._sign_for(place.region or _ANY_REGION)

    def _sign_for(self, region: str) -> None:
        self.inside = _signer(self.place, self._credentials, self.place.endpoint, region)
        self.outside = _signer(self.place, self._credentials, self.place.public, region)

    def prepare(self) -> None:
        try:
            self.find()
        except S3Error as error:
            if error.code != "NoSuchBucket":
                raise
            self.make()
            self.find()
        allow_pages(self.http, self.inside)

    def find(self) -> None:
        """Find the bucket and its region; the library asks for the region once if it is not set."""
        self.check_bucket()
        url = urlsplit(self._minio.get_presigned_url("GET", self.place.bucket, _NO_KEY))
        [credential] = parse_qs(url.query)["X-Amz-Credential"]
        self._sign_for(credential.split("/")[-3])

    def check_bucket(self) -> None:
        list(self._minio.list_objects(self.place.bucket, _NO_KEY, recursive=True))

    def make(self) -> None:
        try:
            self._minio.make_bucket(self.place.bucket)
        except S3Error as error:
            if error.code != "BucketAlreadyOwnedByYou":  # by another process, just now
                raise unavailable(
                    self.place, f"there is none, and none can be made ({error.code})"
                ) from error

    def put(self, key: str, data: bytes) -> None:
        # In one part: the library would use parts of 5 MiB, and threads for them.
        part = max(len(data), _SMALLEST_PART)
        name = _checked(key)
        self._minio.put_object(self.place.bucket, name, BytesIO(data), len(data), part_size=part)

    def read(self, key: str, max_size: int | None) -> bytes:
        response = self._minio.get_object(self.place.bucket, _checked(key))
        try:
            data = response.read(None if max_size is None else max_size + 1)
        finally:
            if response.length_remaining:
                response.close()  # else the rest would precede the next answer of the connection
            response.release_conn()
        if max_size is not None and len(data) > max_size:
            raise too_large(max_size)
        return data

    def stat(self, key: str) -> int | None:
        return self._minio.stat_object(self.place.bucket, _checked(key)).size

    def move(self, source: str, target: str) -> None:
        """Copy an object unless the target exists, since its uploader may have PUT another one.

        The uploader's content type is dropped: only a signed URL sets the type of an object.
        """
        old, new = _checked(source), _checked(target)
        if not self.has(new):
            self._minio.copy_object(
                self.place.bucket,
                new,
                CopySource(self.place.bucket, old),
                metadata={"Content-Type": _NO_TYPE},
                metadata_directive=REPLACE,
            )
        self._minio.remove_object(self.place.bucket, old)

    def has(self, key: str) -> bool:
        try:
            return self.stat(key) is not None
        except S3Error as error:
            if error.code != "NoSuchKey":
                raise
            return False

    def delete(self, keys: Iterable[str]) -> None:
        wanted = [DeleteObject(key) for key in keys]
        for error in list(self._minio.remove_objects(self.place.bucket, wanted)):
            if error.code != "NoSuchKey":
                raise unavailable(self.place, reason_of(error.code, error.message))

    def sweep(self, before: float) -> None:
        found = self._minio.list_objects(self.place.bucket, UPLOADS, recursive=True)
        old = (
            o.object_name for o in found if o.last_modified and o.last_modified.timestamp() < before
        )
        self.delete(name for name in old if name and KEY.fullmatch(name))


def unavailable(place: S3Location, why: str) -> BucketUnavailable:
    return BucketUnavailable(f"The {place} can't be used: {why}.")


def _transport(place: S3Location, threads: int) -> S3Transport:
    try:
        return S3Transport(threads, place.ca)
    except OSError:
        raise ValueError("attachments.url: ca names no file of certificates.") from None


def _client(place: S3Location, credentials: Provider, http: S3Transport) -> Minio:
    try:
        return Minio(
            place.endpoint.host,
            credentials=credentials,
            secure=place.endpoint.is_secure,
            region=place.region,
            http_client=http,
        )
    except ValueError as error:
        raise ValueError(f"attachments.url: {error}.") from None


def _signer(
    place: S3Location, credentials: BucketCredentials, endpoint: S3Endpoint, region: str
) -> Signer:
    """Return a signer; the library knows the address of the bucket (path, or host on AWS)."""
    nobody = Minio(endpoint.host, secure=endpoint.is_secure, region=region)
    base = nobody.get_presigned_url("GET", place.bucket, "-").removesuffix("-")
    return Signer(base, credentials, region)


def _checked(key: str) -> str:
    if not KEY.fullmatch(key):
        raise ObjectMissing("No object has a key like this.")
    return key


def reason_of(code: str | None, message: str | None) -> str:
    return f"{_REASONS.get(code or '', message or 'it refuses')} ({code})"


def in_short(error: Exception) -> str:
    if isinstance(error, ParseError | UnicodeDecodeError):
        return "what answers there is no S3"
    sentence = next((part for part in error.args if isinstance(part, str)), str(error))
    words = " ".join(sentence.split())
    return re.sub(r"^HTTPS?Connection(Pool)?\(.*?\): ", "", words)[:200].rstrip(".")
