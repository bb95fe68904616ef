"""The credentials of a bucket: from the URL, the environment, a file, or the machine.

A URL without KEY:SECRET asks as the SDKs of AWS do, in this order: the variables
`AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN`; the profile of
`~/.aws/credentials`; a web identity token (EKS), the container (ECS), the instance (EC2).
"""

import logging
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from minio.credentials.credentials import Credentials
from minio.credentials.providers import (
    AWSConfigProvider,
    ChainedProvider,
    EnvAWSProvider,
    IamAwsProvider,
    Provider,
    StaticProvider,
)
from urllib3 import PoolManager, Retry, Timeout
from urllib3.exceptions import HTTPError

from .bucket import BucketUnavailable
from .s3_url import S3Location

METADATA_TIMEOUT = 2.0  # seconds for an answer of the machine's metadata service
REFRESH_AHEAD = timedelta(minutes=10)  # before temporary credentials end
REFRESH_INTERVAL = 30.0  # seconds between two attempts

log = logging.getLogger("roomcast.bucket")


class BucketCredentials(Provider):
    """The credentials of one bucket; temporary ones are fetched again before they expire.

    The library asks for them in its threads and may wait (`retrieve`); the signer of URLs asks in
    the event loop and may not (`current`). `make_provider` returns a provider that keeps nothing of
    an earlier fetch.
    """

    def __init__(self, make_provider: Callable[[], Provider]) -> None:
        self._make_provider = make_provider
        self._lock = threading.Lock()
        self._next_refresh = 0.0  # of time.monotonic
        self._current: Credentials | None = None

    def retrieve(self) -> Credentials:
        """Return the credentials, after a fetch if need be.

        Raises BucketUnavailable if there are none.
        """
        if self._current is None or self._current.is_expired():
            with self._lock:
                if self._current is None or self._current.is_expired():
                    self._current = self._fetch()
                return self._current
        return self.current()

    def current(self) -> Credentials:
        """Return the credentials at once; a thread fetches new ones before they expire.

        Raises BucketUnavailable while there are no valid ones.
        """
        known = self._current
        if known is None or _ends_within(known, REFRESH_AHEAD):
            self._refresh()
        if known is None or known.is_expired():
            raise BucketUnavailable("The bucket's credentials have expired; new ones are fetched.")
        return known

    def _refresh(self) -> None:
        with self._lock:
            if time.monotonic() < self._next_refresh:
                return
            self._next_refresh = time.monotonic() + REFRESH_INTERVAL
        threading.Thread(target=self._fetch_again, name="bucket credentials", daemon=True).start()

    def _fetch_again(self) -> None:
        try:
            self._current = self._fetch()
        except BucketUnavailable as error:
            log.warning("bucket credentials not refreshed: %s", error)

    def _fetch(self) -> Credentials:
        try:
            return self._make_provider().retrieve()
        except (ValueError, KeyError, OSError, HTTPError) as error:
            raise BucketUnavailable(
                "attachments.url has no KEY:SECRET, and neither the environment (AWS_ACCESS_KEY_ID "
                f"…), ~/.aws/credentials nor this machine has any ({type(error).__name__})."
            ) from None


def _ends_within(known: Credentials, time_left: timedelta) -> bool:
    now = datetime.now(UTC).replace(tzinfo=None)  # the library's times have no zone
    ends_at: datetime | None = getattr(known, "expiration", None)  # public from minio 7.2.20 on
    ends_at = ends_at or getattr(known, "_expiration", None)
    return ends_at is not None and ends_at < now + time_left


def credentials_of(place: S3Location) -> BucketCredentials:
    """Return the credentials of the URL, or else those of the SDKs' chain."""
    if place.key:
        return fixed_credentials(place.key, place.secret, place.session_token)
    http = PoolManager(timeout=Timeout(METADATA_TIMEOUT), retries=Retry(1, redirect=0))

    def chain() -> Provider:
        asked = [EnvAWSProvider(), AWSConfigProvider(), IamAwsProvider(http_client=http)]
        return ChainedProvider(asked)

    return BucketCredentials(chain)


def fixed_credentials(key: str, secret: str, token: str | None = None) -> BucketCredentials:
    """Return credentials that never expire."""
    made = BucketCredentials(lambda: StaticProvider(key, secret, token))
    made.retrieve()
    return made
