"""Pictures in an S3 bucket (AWS, MinIO, Ceph, ...), through the ``minio`` client. Needs the extra ``s3``."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from moorage.core.errors import ExtraMissing, SettingInvalid, StoreUnreadable
from moorage.store.pictures.base import PicturePlace, picture_type

if TYPE_CHECKING:
    from minio import Minio
    from minio.credentials.providers import Provider

_ABSENT = frozenset({"NoSuchKey", "NoSuchObject"})
_AWS = "https://s3.amazonaws.com"


class S3Pictures:
    """A PictureStore in a bucket. The bucket must exist; objects are named ``PREFIX/NAME``."""

    def __init__(self, place: PicturePlace) -> None:
        address = urlsplit(place.url)
        if address.scheme != "s3" or not address.netloc:
            advice = "Write s3://BUCKET or s3://BUCKET/PREFIX, or leave it empty for the data folder."
            raise SettingInvalid(name="pictures", value=place.url, source="settings", reason="it is no S3 address", advice=advice)
        self._place = place
        self._bucket = address.netloc
        self._prefix = address.path.strip("/") + "/" if address.path.strip("/") else ""
        self._client = _client(place)

    def put_named(self, name: str, data: bytes) -> None:
        if picture_type(name) is None:
            raise ValueError(f"not a picture name: {name!r}")
        with self._named_errors():
            if self._has(name):
                return
            self._client.put_object(self._bucket, self._prefix + name, io.BytesIO(data), len(data), picture_type(name) or "image/png")

    def _has(self, name: str) -> bool:
        from minio.error import S3Error

        try:
            self._client.stat_object(self._bucket, self._prefix + name)
        except S3Error as e:
            if e.code in _ABSENT:
                return False
            raise
        return True

    def read(self, name: str) -> bytes | None:
        from minio.error import S3Error

        if picture_type(name) is None:
            return None
        with self._named_errors():
            try:
                reply = self._client.get_object(self._bucket, self._prefix + name)
            except S3Error as e:
                if e.code in _ABSENT:
                    return None
                raise
            try:
                return reply.read()
            finally:
                reply.close()
                reply.release_conn()

    def names(self) -> Iterator[str]:
        with self._named_errors():
            found = [str(o.object_name)[len(self._prefix) :] for o in self._client.list_objects(self._bucket, prefix=self._prefix)]
        yield from sorted(name for name in found if picture_type(name))

    def delete(self, name: str) -> None:
        if picture_type(name) is not None:
            with self._named_errors():
                self._client.remove_object(self._bucket, self._prefix + name)

    @contextmanager
    def _named_errors(self) -> Iterator[None]:
        from minio.error import MinioException
        from urllib3.exceptions import HTTPError

        try:
            yield
        except (MinioException, HTTPError, OSError) as e:
            where = f"{self._place.url} at {self._place.endpoint or 'AWS'}"
            raise StoreUnreadable(path=where, reason=" ".join(str(e).split())[:300]) from e


def _client(place: PicturePlace) -> Minio:
    try:
        from minio import Minio
        from urllib3 import PoolManager, Retry, Timeout
    except ImportError as e:
        raise ExtraMissing(feature="Keeping pictures in S3", extra="s3") from e
    address = urlsplit(place.endpoint if "//" in place.endpoint else f"https://{place.endpoint}" if place.endpoint else _AWS)
    pool = PoolManager(timeout=Timeout(connect=5, read=60), retries=Retry(3, backoff_factor=0.3, status_forcelist=[500, 502, 503, 504]))
    try:
        return Minio(
            address.netloc,
            access_key=place.key or None,
            secret_key=place.secret or None,
            secure=address.scheme == "https",
            region=place.region or None,
            http_client=pool,
            credentials=None if place.key else _ambient(),
        )
    except ValueError as e:
        advice = "Write http://HOST:PORT or https://HOST."
        raise SettingInvalid(name="s3_endpoint", value=place.endpoint, source="settings", reason=str(e), advice=advice) from e


def _ambient() -> Provider:
    """The keys that AWS tools would find: variables, then the shared file, then the machine's role."""
    from minio.credentials.providers import AWSConfigProvider, ChainedProvider, EnvAWSProvider, EnvMinioProvider, IamAwsProvider

    return ChainedProvider([EnvAWSProvider(), EnvMinioProvider(), AWSConfigProvider(), IamAwsProvider()])
