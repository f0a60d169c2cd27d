"""Pictures in an S3 bucket (AWS, MinIO, Ceph, ...), through the ``minio`` client. Needs the extra ``s3``."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from xml.etree.ElementTree import ParseError

from moorage.core.errors import ExtraMissing, SettingInvalid
from moorage.store.pictures.base import PicturePlace, picture_type
from moorage.store.pictures.s3_errors import explained

if TYPE_CHECKING:
    from minio import Minio

_ADDRESS = re.compile(r"s3://(?P<bucket>[A-Za-z0-9][A-Za-z0-9._-]{1,61}[A-Za-z0-9])(?:/(?P<prefix>[^\x00-\x1f\x7f]*))?")
_ABSENT = frozenset({"NoSuchKey", "NoSuchObject"})
_AWS = "https://s3.amazonaws.com"


class S3Pictures:
    """A PictureStore in a bucket. The bucket must exist; objects are named ``PREFIX/NAME``."""

    def __init__(self, place: PicturePlace) -> None:
        address = _ADDRESS.fullmatch(place.url)
        if address is None:
            raise SettingInvalid(
                name="pictures", value=place.url, source="settings", reason="it is no S3 address", reason_zh="这不是 S3 地址",
                advice="Write s3://BUCKET or s3://BUCKET/PREFIX, or leave it empty for the data folder.",
                advice_zh="请写作 s3://桶 或 s3://桶/前缀；留空则使用数据目录。",
            )  # fmt: skip
        self._place = place
        self._bucket = address["bucket"]
        prefix = (address["prefix"] or "").strip("/")
        self._prefix = prefix and f"{prefix}/"
        self._client = _client(place)

    def put_named(self, name: str, data: bytes) -> None:
        media_type = picture_type(name)
        if media_type is None:
            raise ValueError(f"not a picture name: {name!r}")
        with self._named_errors():
            if not self._has(name, len(data)):
                self._client.put_object(self._bucket, self._prefix + name, io.BytesIO(data), len(data), media_type)

    def _has(self, name: str, length: int) -> bool:
        """Whether the picture is there, as a server says that means it: some web servers answer any such question with yes, but not with the length."""
        from minio.error import S3Error

        try:
            return self._client.stat_object(self._bucket, self._prefix + name).size == length
        except S3Error as e:
            # A key that may put and not list is told "denied" of what is absent. Where it may not put either, the put will say so.
            if e.code in _ABSENT or e.code == "AccessDenied":
                return False
            raise

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

    def delete(self, names: Iterable[str]) -> None:
        """A thousand to a request."""
        from minio.deleteobjects import DeleteObject

        unwanted = [DeleteObject(self._prefix + name) for name in names if picture_type(name)]
        with self._named_errors():
            failed = next(iter(self._client.remove_objects(self._bucket, unwanted)), None)
        if failed is not None:
            raise explained(self._place, self._bucket, failed.code, failed.message)

    def tidy(self) -> None:
        """Nothing: an object appears whole. Parts of a large one that were never put together are the bucket's own to expire."""

    @contextmanager
    def _named_errors(self) -> Iterator[None]:
        from minio.error import MinioException, S3Error
        from urllib3.exceptions import HTTPError

        try:
            yield
        except S3Error as e:
            raise explained(self._place, self._bucket, e.code, e.message) from e
        except (MinioException, HTTPError, OSError, ValueError, ParseError) as e:  # the last two: an answer that is not S3's
            raise explained(self._place, self._bucket, type(e).__name__, str(e)) from e


def _client(place: PicturePlace) -> Minio:
    try:
        from minio import Minio
        from urllib3 import PoolManager, Retry, Timeout
    except ImportError as e:
        raise ExtraMissing(feature="Keeping pictures in S3", extra="s3") from e
    from moorage.store.pictures.s3_keys import found_keys

    pool = PoolManager(timeout=Timeout(connect=5, read=60), retries=Retry(3, backoff_factor=0.3, status_forcelist=[500, 502, 503, 504]))
    address = urlsplit(place.endpoint if "//" in place.endpoint else f"https://{place.endpoint}" if place.endpoint else _AWS)
    try:
        if address.scheme not in ("http", "https") or not address.hostname:
            raise ValueError("it is no web address")
        if "@" in address.netloc:
            raise ValueError("keys do not belong into it")
        if address.path.strip("/") or address.query:
            raise ValueError("nothing may follow the port")
        return Minio(
            address.netloc,
            access_key=place.key or None,
            secret_key=place.secret or None,
            secure=address.scheme == "https",
            region=place.region or None,
            http_client=pool,
            credentials=None if place.key else found_keys(),
        )
    except ValueError as e:
        raise SettingInvalid(
            name="s3_endpoint", value=place.endpoint.rpartition("@")[2], source="settings", reason=str(e), reason_zh=_ENDPOINT_ZH.get(str(e), str(e)),
            advice="Write http://HOST:PORT or https://HOST; keys go into `s3_key` and `s3_secret`, the bucket into `pictures`.",
            advice_zh="请写作 http://主机:端口 或 https://主机；密钥填入 `s3_key` 与 `s3_secret`，桶填入 `pictures`。",
        ) from e  # fmt: skip


_ENDPOINT_ZH = {
    "it is no web address": "这不是网址",
    "keys do not belong into it": "其中不应包含密钥",
    "nothing may follow the port": "端口之后不应有内容",
}
