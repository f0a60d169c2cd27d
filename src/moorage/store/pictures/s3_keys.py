"""The keys that AWS's tools would find, for where the settings name none: variables, then the shared file, then the machine's role. Imported
where the extra ``s3`` is."""

from __future__ import annotations

from minio.credentials.credentials import Credentials
from minio.credentials.providers import AWSConfigProvider, ChainedProvider, EnvAWSProvider, EnvMinioProvider, IamAwsProvider, Provider
from urllib3 import PoolManager, Retry, Timeout
from urllib3.exceptions import HTTPError


class NoKeys(ValueError):
    """There are none to be found."""


def found_keys() -> Provider:
    """Looks at the first request, and again when what it found has expired."""
    return _Found()


class _Found(Provider):
    def __init__(self) -> None:
        # Outside AWS nothing answers for the machine's role; the client's own patience there is minutes.
        machine = IamAwsProvider(http_client=PoolManager(timeout=Timeout(2), retries=Retry(0)))
        self._chain = ChainedProvider([EnvAWSProvider(), EnvMinioProvider(), AWSConfigProvider(), machine])

    def retrieve(self) -> Credentials:
        """Raises NoKeys."""
        try:
            return self._chain.retrieve()
        except (HTTPError, OSError, ValueError) as e:
            raise NoKeys("no keys were found") from e
