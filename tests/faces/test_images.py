"""/images: pictures and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from moorage.kb.parse.pictures import as_picture
from moorage.testing.documents import png
from moorage.web.app import build_app
from moorage.wiring import open_home
from tests.builders.serving import served

PICTURE = as_picture(png())
assert PICTURE is not None
NAME = PICTURE.name


@pytest.fixture
def web(tmp_path: Path) -> Iterator[httpx2.Client]:
    with open_home(tmp_path / "data") as home:
        home.store.pictures.put_named(NAME, PICTURE.data)
        (tmp_path / "data" / "pictures" / NAME[:2] / f"{NAME[:32]}.html").write_text("<script>alert(1)</script>")
        home.keys.create("k")
        with served(build_app(home, needs_key=True)) as url, httpx2.Client(base_url=url) as client:
            yield client


def test_a_picture_is_served_without_a_key_as_a_picture_for_ever(web: httpx2.Client) -> None:
    reply = web.get(f"/images/{NAME}")
    assert reply.status_code == 200 and reply.content == PICTURE.data and reply.headers["content-type"] == "image/png"
    assert reply.headers["x-content-type-options"] == "nosniff" and "immutable" in reply.headers["cache-control"]
    assert web.head(f"/images/{NAME}").headers["content-length"] == str(len(PICTURE.data))
    assert web.get(f"/images/{NAME}", headers={"if-none-match": reply.headers["etag"]}).status_code == 304


@pytest.mark.parametrize(
    "path",
    [
        "/images", "/images/", "/images/x", f"/images/{NAME[:32]}.html", f"/images/{NAME[:32]}.svg", f"/images/{'0' * 32}.png", f"/images/{NAME}/",
        f"/images/{NAME[:2]}/{NAME}", "/images/..%2F..%2Fmoorage.db", "/images/%2e%2e/%2e%2e/etc/passwd", f"/images/{NAME.upper()}", "/images/a%00.png",
    ],
)  # fmt: skip
def test_everything_else_is_refused(web: httpx2.Client, path: str) -> None:
    reply = web.get(path)
    assert reply.status_code == 403 and b"html" not in reply.content


def test_a_bucket_that_is_away_is_no_business_of_who_asks(tmp_path: Path) -> None:
    there = {
        "pictures": "s3://secret-team/docs",
        "s3_endpoint": "http://127.0.0.1:9",
        "s3_key": "k",
        "s3_secret": "s",
        "s3_region": "us-east-1",
    }
    with open_home(tmp_path, **there) as home, served(build_app(home, needs_key=False)) as url:
        reply = httpx2.get(f"{url}/images/{NAME}", timeout=60)
    assert (reply.status_code, reply.content, reply.headers["cache-control"]) == (502, b"", "no-store")


def test_names_of_new_pictures_cannot_be_guessed() -> None:
    assert len(NAME.partition(".")[0]) == 32


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("path", [f"/images/{NAME}", "/images", "/images/"])
def test_other_methods_are_refused(web: httpx2.Client, method: str, path: str) -> None:
    reply = web.request(method, path)
    assert (reply.status_code, reply.headers["x-content-type-options"]) == (403, "nosniff")
