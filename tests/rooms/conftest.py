"""Servers that several rooms are tested against, started once for all of them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from minio import Minio

from moorage.store.pictures import PicturePlace
from tests.builders.pip_environment import NoPackageIndex
from tests.builders.s3_server import S3Server, s3_server

_numbers = itertools.count()


@pytest.fixture(scope="session")
def s3() -> Iterator[S3Server]:
    try:
        with s3_server() as running:
            yield running
    except NoPackageIndex as e:
        pytest.skip(f"no package index to install an S3 server from: {e}")


@pytest.fixture(scope="session")
def s3_admin(s3: S3Server) -> Minio:
    """A client of the test's own."""
    client = Minio(s3.url.removeprefix("http://"), s3.admin.key, s3.admin.secret, secure=False, region="us-east-1")
    client.make_bucket("pictures")
    return client


@pytest.fixture
def bucket(s3: S3Server, s3_admin: Minio, tmp_path: Path) -> PicturePlace:
    """An empty place in the bucket ``pictures``."""
    url = f"s3://pictures/团队 {next(_numbers)}/docs"
    return PicturePlace(tmp_path / "pictures", url, s3.url, "us-east-1", s3.owner.key, s3.owner.secret)
