"""The credentials of a bucket: from the URL, the environment, a file, or the machine.

A URL without KEY:SECRET asks as the SDKs of AWS do, in this order: the variables
`AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN`; the profile of
`~/.aws/credentials`; a web identity token (EKS), the container (ECS), the instance (EC2).
"""

import threading

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
from .s3_url import Place

METADATA_TIMEOUT = 2.0  # seconds for an answer of the machine's metadata service


class BucketCredentials(Provider):
    """The credentials of one bucket; temporary ones are fetched again when they expire.

    The library asks for them in its threads, the signer of URLs in the event loop.
    """

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self._lock = threading.Lock()
        self._current: Credentials | None = None

    def retrieve(self) -> Credentials:
        """Raises BucketUnavailable where none are to be had."""
        with self._lock:
            if self._current is None or self._current.is_expired():
                self._current = self._fetch()
            return self._current

    def _fetch(self) -> Credentials:
        try:
            return self._provider.retrieve()
        except (ValueError, KeyError, OSError, HTTPError) as error:
            raise BucketUnavailable(
                "attachments.url has no KEY:SECRET, and neither the environment (AWS_ACCESS_KEY_ID "
                f"…), ~/.aws/credentials nor this machine has any ({type(error).__name__})."
            ) from None


def credentials_of(place: Place) -> BucketCredentials:
    """Returns the credentials of the URL, or else those of the chain of the SDKs."""
    if place.key:
        return BucketCredentials(StaticProvider(place.key, place.secret, place.session_token))
    http = PoolManager(timeout=Timeout(METADATA_TIMEOUT), retries=Retry(1, redirect=0))
    chain: list[Provider] = [EnvAWSProvider(), AWSConfigProvider()]
    return BucketCredentials(ChainedProvider([*chain, IamAwsProvider(http_client=http)]))
