"""The promises of the store of pictures, kept in a folder and in a bucket; and what a bucket says that cannot be used."""

from __future__ import annotations

import http.server
import io
import pickle
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from minio import Minio

from moorage.core.errors import PicturesUnreachable, SettingInvalid, StoreUnreadable
from moorage.store.pictures import PicturePlace, open_pictures, pictures_in
from moorage.store.pictures.s3_errors import explained
from moorage.testing.picture_conformance import PictureConformance, named
from tests.builders.s3_server import S3Server

NAME = named(b"a")


class TestFolder(PictureConformance):
    @pytest.fixture
    def place(self, tmp_path: Path) -> PicturePlace:
        return PicturePlace(tmp_path / "data" / "pictures")


class TestBucket(PictureConformance):
    @pytest.fixture
    def place(self, bucket: PicturePlace) -> PicturePlace:
        return bucket


# What else lies in the same place


def test_files_of_others_in_the_folder_are_passed_over(tmp_path: Path) -> None:
    store = open_pictures(PicturePlace(tmp_path))
    store.put_named(NAME, b"a")
    (tmp_path / NAME[:2] / f"{NAME[:32]}.html").write_text("x")
    (tmp_path / NAME[:2] / "readme.png").write_text("x")
    assert list(store.names()) == [NAME]
    assert store.read(f"{NAME[:32]}.html") is None


def test_objects_of_others_in_the_bucket_are_passed_over(bucket: PicturePlace, s3_admin: Minio) -> None:
    store, prefix = open_pictures(bucket), bucket.url.removeprefix("s3://pictures/")
    store.put_named(NAME, b"a")
    others = [f"{prefix}/readme.txt", f"{prefix}/below/{named(b'b')}", f"{prefix}-2/{named(b'c')}", named(b"d")]
    for other in others:
        s3_admin.put_object("pictures", other, io.BytesIO(b"x"), 1)
    assert list(store.names()) == [NAME]
    store.delete([NAME, named(b"b"), named(b"c"), named(b"d")])
    assert [s3_admin.stat_object("pictures", other).size for other in others] == [1] * 4


def test_a_bucket_without_a_prefix_is_a_place(bucket: PicturePlace, s3_admin: Minio) -> None:
    s3_admin.make_bucket("whole")
    store = open_pictures(replace(bucket, url="s3://whole"))
    store.put_named(NAME, b"a")
    assert [o.object_name for o in s3_admin.list_objects("whole")] == [NAME]


def test_a_picture_in_the_bucket_carries_its_type(bucket: PicturePlace, s3_admin: Minio) -> None:
    open_pictures(bucket).put_named(NAME, b"a")
    found = s3_admin.stat_object("pictures", f"{bucket.url.removeprefix('s3://pictures/')}/{NAME}")
    assert (found.content_type, found.size) == ("image/png", 1)


def test_an_object_that_was_cut_short_is_put_again(bucket: PicturePlace, s3_admin: Minio) -> None:
    s3_admin.put_object("pictures", f"{bucket.url.removeprefix('s3://pictures/')}/{NAME}", io.BytesIO(b"half"), 4)
    open_pictures(bucket).put_named(NAME, b"the whole")
    assert open_pictures(bucket).read(NAME) == b"the whole"


def test_what_a_killed_writer_left_half_written_is_tidied_away(tmp_path: Path) -> None:
    store = open_pictures(PicturePlace(tmp_path))
    store.put_named(NAME, b"a")
    (half,) = [path for path in tmp_path.iterdir() if path.name != NAME[:2]]
    (half / ".0123").write_bytes(b"half")
    store.tidy()
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [tmp_path / NAME[:2] / NAME]


# What cannot be used: an error that names the setting and its value, in both languages, and never a key


def said(place: PicturePlace, verbs: int = 4) -> str:
    """What the verbs say of this place, which is the same."""
    store = open_pictures(place)
    errors: list[PicturesUnreachable] = []
    for verb in (
        lambda: store.put_named(NAME, b"a"),
        lambda: store.read(NAME),
        lambda: list(store.names()),
        lambda: store.delete([NAME]),
    )[:verbs]:
        with pytest.raises(PicturesUnreachable) as raised:
            verb()
        errors.append(raised.value)
    texts = [text for e in errors for text in (e.say("en"), e.say("zh"), repr(e.values), repr(pickle.loads(pickle.dumps(e)).values))]
    assert not [text for text in texts if (place.secret and place.secret in text) or (place.key and place.key in text)]
    assert all(place.url in text for text in texts)
    assert all(any("\u4e00" <= c <= "\u9fff" for c in e.say("zh").replace(place.url, "").removeprefix("无法访问")) for e in errors)
    assert len({e.say("en") for e in errors}) == 1
    return errors[0].say("en")


def test_a_bucket_that_is_not_there(bucket: PicturePlace) -> None:
    text = said(replace(bucket, url="s3://nowhere/docs"))
    assert "no bucket 'nowhere'" in text and bucket.endpoint in text and "`pictures`" in text


def test_a_key_that_the_server_does_not_know(bucket: PicturePlace) -> None:
    text = said(replace(bucket, key="AKIANOBODYKNOWSTHIS1"))
    assert "does not know `s3_key`" in text and bucket.endpoint in text


def test_a_secret_that_is_wrong(bucket: PicturePlace) -> None:
    text = said(replace(bucket, secret="wrong-secret-value"))
    assert "`s3_secret` is not the secret of `s3_key`" in text and bucket.endpoint in text


def test_a_key_that_may_not(bucket: PicturePlace, s3: S3Server) -> None:
    text = said(replace(bucket, key=s3.stranger.key, secret=s3.stranger.secret))
    assert "may not use the bucket 'pictures'" in text and "s3:PutObject" in text


def test_no_key_at_all(bucket: PicturePlace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_ACCESS_KEY", "AWS_SECRET_ACCESS_KEY", "MINIO_ACCESS_KEY", "MINIO_SECRET_KEY", "MINIO_ROOT_USER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:9/none")
    assert "`s3_key` is empty" in said(replace(bucket, key="", secret=""))


def test_keys_are_found_where_aws_tools_look(bucket: PicturePlace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", bucket.key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", bucket.secret)
    store = open_pictures(replace(bucket, key="", secret=""))
    store.put_named(NAME, b"a")
    assert store.read(NAME) == b"a"


def test_an_address_where_nothing_answers(bucket: PicturePlace) -> None:
    with socket.socket() as taken:  # bound, and nobody listens
        taken.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{taken.getsockname()[1]}"
        text = said(replace(bucket, endpoint=endpoint), verbs=1)
    assert f"nothing answers at {endpoint} (`s3_endpoint`): connection refused" in text


def test_a_server_without_tls(bucket: PicturePlace) -> None:
    text = said(replace(bucket, endpoint=bucket.endpoint.replace("http://", "https://")), verbs=1)
    assert "no TLS at https://" in text and "`s3_endpoint`" in text


@pytest.mark.parametrize("page", [b"<html></html>", b"<!doctype html><br>", b"{}", b""])
def test_a_server_that_is_no_s3_server_keeps_nothing(bucket: PicturePlace, page: bytes) -> None:
    with _web_server(page) as endpoint:
        store = open_pictures(replace(bucket, endpoint=endpoint))
        with pytest.raises(PicturesUnreachable, match="`s3_endpoint`"):
            store.put_named(NAME, b"a")
        with pytest.raises(PicturesUnreachable, match="does not speak S3"):
            list(store.names())


@contextmanager
def _web_server(page: bytes) -> Iterator[str]:
    """Says yes, with a page, to whatever it is asked, as the page of a storage server does."""

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("content-length") or 0))
            self.send_response(200 if self.command in ("GET", "HEAD") else 405)
            self.send_header("content-type", "text/html")
            self.send_header("content-length", str(len(page)))
            self.end_headers()
            self.wfile.write(b"" if self.command == "HEAD" else page)

        do_HEAD = do_PUT = do_POST = do_DELETE = do_GET

        def log_message(self, format: str, *args: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()


@pytest.mark.parametrize(
    "url", ["pictures", "http://host/bucket", "s3://", "s3:///prefix", "s3://a", "s3://bad bucket/x", "s3://bücket/x", "s3://b/a\nb"]
)
def test_an_address_of_pictures_that_is_none(url: str, tmp_path: Path) -> None:
    with pytest.raises(SettingInvalid) as raised:
        open_pictures(PicturePlace(tmp_path, url))
    assert "pictures = " in raised.value.say("en") and "s3://BUCKET" in raised.value.say("en") and "s3://桶" in raised.value.say("zh")


@pytest.mark.parametrize("endpoint", ["ftp://host", "http://host/minio", "http://host:port", "http://", "http://host?x=1"])
def test_an_address_of_a_server_that_is_none(endpoint: str, tmp_path: Path) -> None:
    with pytest.raises(SettingInvalid) as raised:
        open_pictures(PicturePlace(tmp_path, "s3://bucket", endpoint, key="k", secret="s"))
    assert f"s3_endpoint = '{endpoint}'" in raised.value.say("en") and "http://主机:端口" in raised.value.say("zh")


def test_keys_in_the_address_of_a_server_are_not_repeated(tmp_path: Path) -> None:
    with pytest.raises(SettingInvalid) as raised:
        open_pictures(PicturePlace(tmp_path, "s3://bucket", "http://admin:hunter2@host:9000"))
    assert "hunter2" not in raised.value.say("en") + raised.value.say("zh") and "s3_secret" in raised.value.say("en")


def test_what_a_server_repeats_of_a_key_is_left_out(tmp_path: Path) -> None:
    place = PicturePlace(tmp_path, "s3://bucket", "http://host", key="AKIA123", secret="hunter2")
    text = explained(place, "bucket", "Odd", "the key AKIA123 with hunter2 is {odd}").say("en")
    assert "AKIA123" not in text and "hunter2" not in text and "{odd}" in text


def test_a_folder_that_is_none_is_said_to_be_unreadable(tmp_path: Path) -> None:
    (tmp_path / NAME[:2]).write_text("a file")
    store = open_pictures(PicturePlace(tmp_path))
    for verb in (lambda: store.put_named(NAME, b"a"), lambda: store.read(NAME), lambda: store.delete([NAME])):
        with pytest.raises(StoreUnreadable):
            verb()


def test_the_pictures_that_a_text_mentions() -> None:
    other = named(b"b", "jpeg")
    text = f"![x](/images/{NAME})\n<img src='/images/{other}'>\n![again](https://h/images/{NAME})\n{NAME}x z{NAME} {'0' * 200}.png"
    assert pictures_in(text) == [NAME, other]
