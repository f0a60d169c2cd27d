"""`moorage data nginx`: what it prints, in a real nginx, serves pictures and nothing else, as our own route does."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from moorage.core.errors import BadInput, SettingInvalid
from moorage.kb.parse.pictures import as_picture
from moorage.store.folder import DataFolder
from moorage.store.pictures import PICTURE_TYPES, PicturePlace
from moorage.store.pictures.nginx import image_server
from moorage.testing.documents import png
from tests.builders.homes import filled_home
from tests.faces.test_cli import moorage

PICTURE = as_picture(png())
assert PICTURE is not None
NAME = PICTURE.name
STEM = NAME[:32]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def nginx_program() -> str:
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])
    return shutil.which("nginx", path=path) or pytest.skip("no nginx on the path (Debian: apt install nginx-light)")


def written(folder: Path, block: str) -> Path:
    """A whole configuration around a server block, with every file below ``folder``."""
    folder.mkdir()
    places = "\n".join(
        f'    {kind}_temp_path "{folder}/{kind}";'
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        if kind in nginx_modules()
    )
    user = "user root root;" if os.geteuid() == 0 else ""  # the test's folders are the test's alone
    main = f'{user} daemon off; pid "{folder}/pid"; error_log "{folder}/error.log";\nevents {{}}\nhttp {{\n    access_log off;\n{places}\n{block}}}\n'
    (folder / "nginx.conf").write_text(main, encoding="utf-8")
    return folder / "nginx.conf"


def nginx_modules() -> set[str]:
    said = subprocess.run([nginx_program(), "-V"], capture_output=True, text=True, check=True).stderr
    return {kind for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi") if f"--without-http_{kind}_module" not in said}


@contextmanager
def running(folder: Path, block: str, port: int) -> Iterator[str]:
    config = written(folder, block)
    with subprocess.Popen(
        [nginx_program(), "-e", str(folder / "early.log"), "-c", str(config)], stderr=subprocess.PIPE, text=True
    ) as child:
        try:
            for _ in range(500):
                if child.poll() is not None:
                    pytest.fail(f"nginx ended: {child.stderr.read() if child.stderr else ''}")
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.02)
            yield f"http://127.0.0.1:{port}"
        finally:
            child.terminate()
            child.wait(20)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with pictures, and with what must not be served beside them."""
    folder = tmp_path_factory.mktemp('odd "$1" 数据') / "data"
    store = DataFolder(folder)
    store.pictures.put_named(NAME, PICTURE.data)
    for suffix in PICTURE_TYPES:
        store.pictures.put_named(f"{'1' * 32}.{suffix}", suffix.encode())
    store.close()
    shelf = folder / "pictures" / NAME[:2]
    for name in (f"{STEM}.html", f"{STEM}.svg", f".{STEM}.png", "readme.png"):
        (shelf / name).write_text("<script>alert(1)</script>")
    (folder / "pictures" / "22").mkdir()
    (folder / "pictures" / "22" / f"{'2' * 32}.png").symlink_to(folder / "moorage.db")
    (folder / "pictures" / "33" / f"{'3' * 32}.png").mkdir(parents=True)
    return folder


@pytest.fixture(scope="module")
def address(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    nginx_program()
    port = free_port()
    printed = moorage("data", "nginx", "--listen", f"127.0.0.1:{port}", data=data)
    assert printed.returncode == 0
    with running(tmp_path_factory.mktemp("nginx") / "it", printed.stdout, port) as url:
        yield url


def status_of(url: str, request_line: str, headers: str = "") -> int:
    """The status of a request as it stands, which no client has put in order."""
    host, _, port = url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), 10) as line:
        line.sendall(f"{request_line}\r\nHost: x\r\nConnection: close\r\n{headers}\r\n".encode())
        reply = b""
        while part := line.recv(65536):
            reply += part
    assert b"alert(1)" not in reply and b"SQLite" not in reply
    return int(reply.split(b" ", 2)[1])


def test_a_picture_is_served_as_a_picture_for_ever(address: str) -> None:
    reply = httpx2.get(f"{address}/images/{NAME}")
    assert (reply.status_code, reply.content, reply.headers["content-type"]) == (200, PICTURE.data, "image/png")
    assert reply.headers["x-content-type-options"] == "nosniff" and "immutable" in reply.headers["cache-control"]
    assert "sandbox" in reply.headers["content-security-policy"]
    head = httpx2.head(f"{address}/images/{NAME}")
    assert (head.status_code, head.headers["content-length"], head.content) == (200, str(len(PICTURE.data)), b"")
    assert httpx2.get(f"{address}/images/{NAME}", headers={"if-none-match": reply.headers["etag"]}).status_code == 304


@pytest.mark.parametrize("suffix", sorted(PICTURE_TYPES))
def test_every_kind_has_its_type(address: str, suffix: str) -> None:
    reply = httpx2.get(f"{address}/images/{'1' * 32}.{suffix}")
    assert (reply.status_code, reply.content, reply.headers["content-type"]) == (200, suffix.encode(), PICTURE_TYPES[suffix])


@pytest.mark.parametrize(
    "path",
    [
        "/", "/images", "/images/", f"/images/{NAME[:2]}", f"/images/{NAME[:2]}/", f"/images/{NAME[:2]}/{NAME}", f"/{NAME[:2]}/{NAME}", f"/{NAME}",
        "/images/x", f"/images/{STEM}.html", f"/images/{STEM}.svg", f"/images/.{STEM}.png", "/images/readme.png", f"/images/{'0' * 32}.png",
        f"/images/{NAME}/", f"/images/{NAME.upper()}", f"/images/{NAME}%0a", f"/images/{NAME}%00", "/images/a%00.png", f"/images/{NAME}.png",
        f"/images/{'0' * 15}.png", f"/images/{'0' * 65}.png", "/images/.noted/", "/moorage.db", "/images/../moorage.db", "/images/../../etc/passwd",
        "/../../../../etc/passwd", "/images/..%2F..%2Fmoorage.db", "/images/%2e%2e/%2e%2e/etc/passwd", "/images/%2e%2e%2fmoorage.db", "/IMAGES/" + NAME,
        f"/images/{'2' * 32}.png", f"/images/{'3' * 32}.png", f"/images/{'3' * 32}.png/", "/images/%", "/" + "x" * 9000, "images", "/images/中文.png",
    ],
)  # fmt: skip
def test_everything_else_is_refused(address: str, path: str) -> None:
    assert status_of(address, f"GET {path} HTTP/1.1") == 403
    assert status_of(address, f"HEAD {path} HTTP/1.1") == 403


@pytest.mark.parametrize("method", "POST PUT DELETE PATCH OPTIONS TRACE CONNECT PROPFIND MKCOL COPY NONSENSE get".split())
def test_other_methods_are_refused(address: str, method: str) -> None:
    assert status_of(address, f"{method} /images/{NAME} HTTP/1.1", "Content-Length: 0\r\n") == 403


def test_a_large_body_and_a_long_header_are_refused(address: str) -> None:
    assert status_of(address, f"POST /images/{NAME} HTTP/1.1", "Content-Length: 999999999\r\n") == 403
    assert status_of(address, f"GET /images/{NAME} HTTP/1.1", f"X: {'x' * 40_000}\r\n") == 403


def test_a_refusal_is_not_to_be_guessed_at_either(address: str) -> None:
    for reply in (
        httpx2.get(f"{address}/nothing"),
        httpx2.post(f"{address}/images/{NAME}"),
        httpx2.get(f"{address}/images/{'0' * 32}.png"),
    ):
        assert reply.headers["x-content-type-options"] == "nosniff" and "immutable" not in reply.headers.get("cache-control", "")
        assert reply.headers["server"] == "nginx"  # no version


def test_pictures_of_a_document_are_served_at_another_path_too(tmp_path: Path) -> None:
    nginx_program()
    port = free_port()
    data = tmp_path / "data"
    with filled_home(data, {}) as home:
        home.store.pictures.put_named(NAME, PICTURE.data)
    printed = json.loads(moorage("data", "nginx", "--images-url", f"http://localhost:{port}/team-1/pics.v2", "--json", data=data).stdout)
    assert printed["images_url"] == f"http://localhost:{port}/team-1/pics.v2"
    with running(tmp_path / "nginx", printed["config"], port) as url:
        assert httpx2.get(f"{url}/team-1/pics.v2/{NAME}").content == PICTURE.data
        assert httpx2.get(f"{url}/team-1/picsXv2/{NAME}").status_code == 403
        assert httpx2.get(f"{url}/images/{NAME}").status_code == 403


@pytest.mark.parametrize(
    ("listen", "name"),
    [
        ("8080", "_"),
        ("127.0.0.1:8080", "a.example.org"),
        ("[::1]:8080", "*.example.org"),
        ("*:8080", "10.0.0.5"),
        ("localhost:8080", "图片.example.org"),
    ],
)
def test_nginx_takes_what_the_command_takes(tmp_path: Path, listen: str, name: str) -> None:
    made = image_server(PicturePlace(tmp_path / "a;b{c}#d\\e'f"), listen=listen, server_name=name)
    config = written(tmp_path / "nginx", made.config)
    done = subprocess.run([nginx_program(), "-e", "stderr", "-t", "-c", str(config)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("listen", ["", "x", "80;", "80 ssl", "0", "65536", "1.2.3.4", "unix:/run/x", "80\n"])
def test_what_is_no_address_to_listen_on_is_refused(listen: str) -> None:
    if listen:
        with pytest.raises(BadInput, match="--listen") as raised:
            image_server(PicturePlace(Path("/d")), listen=listen)
        assert "端口" in raised.value.say("zh")


@pytest.mark.parametrize("name", ["a b", "a;b", "{", "-", "a\nb", "~^x", "é" * 80, '"', "$host"])
def test_what_is_no_name_of_a_server_is_refused(name: str) -> None:
    with pytest.raises(BadInput, match="--server-name") as raised:
        image_server(PicturePlace(Path("/d")), server_name=name)
    assert "服务器名称" in raised.value.say("zh")


@pytest.mark.parametrize(
    "url", ["x", "ftp://h/x", "http://", "http://h:port/x", "http://h/a b", "http://h/(x)", "http://h/%22", "http://[::1/x"]
)
def test_what_is_no_public_address_is_refused(url: str) -> None:
    with pytest.raises(SettingInvalid, match="images_url"):
        image_server(PicturePlace(Path("/d")), url)


@pytest.mark.parametrize(
    ("images_url", "listen", "name", "lines", "public"),
    [
        ("", None, None, ("listen 80;", "server_name _;", "^/images/"), "http://HOST/images"),
        ("", "8080", "img.example.org", ("listen 8080;", "server_name img.example.org;"), "http://img.example.org:8080/images"),
        ("http://10.0.0.5:8080/pics/", None, None, ("listen 8080;", "server_name 10.0.0.5;", "^/pics/"), "http://10.0.0.5:8080/pics"),
        ("http://10.0.0.5:8484/images", None, None, ("listen 80;", "server_name 10.0.0.5;"), "http://10.0.0.5/images"),
        ("https://img.example.org", None, None, ("listen 80;", "server_name img.example.org;", '"^/(?='), "https://img.example.org"),
        ("http://[fd00::1]:8080/images", None, None, ("listen 8080;", "server_name _;"), "http://[fd00::1]:8080/images"),
    ],
)
def test_the_public_address_decides_what_is_not_said(
    images_url: str, listen: str | None, name: str | None, lines: tuple[str, ...], public: str
) -> None:
    made = image_server(PicturePlace(Path("/d/pictures")), images_url, own_port=8484, listen=listen, server_name=name)
    assert [line for line in lines if line not in made.config] == []
    assert made.images_url == public


def test_pictures_in_a_bucket_need_another_way_and_the_command_says_which(tmp_path: Path) -> None:
    place = {"MOORAGE_PICTURES": "s3://team/docs", "MOORAGE_S3_ENDPOINT": "http://minio:9000", "MOORAGE_S3_SECRET": "hunter2"}
    refused = moorage("data", "nginx", data=tmp_path, **place)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "s3:GetObject on team/docs/*" in refused.stderr and "http://minio:9000/team/docs" in refused.stderr
    assert "匿名 s3:GetObject" in moorage("data", "nginx", data=tmp_path, LANG="zh_CN.UTF-8", **place).stderr


def test_what_nginx_may_not_enter_is_said_with_the_commands(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    data = tmp_path / "my data"
    DataFolder(data).close()
    (data / "pictures").mkdir()
    (data / "pictures").chmod(0o755)
    quoted = f"'{data}'"
    commands = image_server(PicturePlace(data / "pictures"), user="web").access
    assert commands[-2:] == (f"sudo chgrp web {quoted}", f"sudo chmod 710 {quoted}") and f"sudo chmod o+x {tmp_path}" in commands
    (data / "pictures").chmod(0o700)
    assert image_server(PicturePlace(data / "pictures")).access[-1] == f"sudo chmod -R o+rX '{data}/pictures'"


def test_a_way_for_nginx_stays_open_and_everything_else_is_closed(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir(mode=0o755)
    DataFolder(data).close()
    assert data.stat().st_mode & 0o777 == 0o700
    data.chmod(0o710)
    DataFolder(data).close()
    assert data.stat().st_mode & 0o777 == 0o710
    modes = {path.name: path.stat().st_mode & 0o077 for path in data.iterdir() if path.suffix != ".lock"}
    assert modes == {"moorage.db": 0, "originals": 0, "index": 0}
