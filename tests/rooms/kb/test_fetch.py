"""Reading an address: only the public internet, unless told otherwise, and never more than the limit."""

from __future__ import annotations

import ipaddress
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from moorage.core.errors import AddressRefused, AddressUnreadable
from moorage.kb.fetch import fetch, is_public, self_contained
from moorage.kb.parse import Source, parse


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path.startswith("/to/"):
            self.send_response(302)
            self.send_header("location", self.path[4:])
            self.end_headers()
            return
        if self.path == "/loop":
            self.send_response(302)
            self.send_header("location", "/loop")
            self.end_headers()
            return
        self.send_response(200 if self.path != "/missing" else 404)
        self.send_header("content-type", "text/html; charset=utf-8")
        if self.path == "/named":
            self.send_header("content-disposition", "attachment; filename*=UTF-8''..%2F..%2Fetc%2F%E6%8A%A5%E5%91%8A.html")
        self.end_headers()
        self.wfile.write(f"<h1>{self.headers['host']}</h1>".encode() + b"x" * (5000 if self.path == "/long" else 0))

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def site() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://localhost:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def test_a_page_is_read_with_its_name_where_that_is_allowed(site: str) -> None:
    page = fetch(f"{site}/docs/guide?x=1", most_bytes=10_000, allow_private=True)
    assert (page.name, page.media_type) == ("guide.html", "text/html") and b"localhost" in page.data


def test_a_name_from_the_server_leads_nowhere_else(site: str) -> None:
    assert fetch(f"{site}/named", most_bytes=10_000, allow_private=True).name == "etc-报告.html"


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:1/", "http://127.0.0.1/", "http://2130706433/", "http://0x7f.1/", "http://0177.0.0.1/", "http://[::1]/", "http://[::ffff:10.0.0.1]/",
        "http://169.254.169.254/latest/meta-data/", "http://10.0.0.1/", "http://100.64.0.1/", "http://[fe80::1]/", "http://[64:ff9b::a00:1]/", "http://0.0.0.0/",
        "ftp://example.org/a", "file:///etc/passwd", "http://user:secret@example.org/", "http:///x", "nonsense",
    ],
)  # fmt: skip
def test_other_addresses_are_refused_before_anything_is_asked(url: str) -> None:
    with pytest.raises(AddressRefused) as refused:
        fetch(url, most_bytes=1000)
    assert "secret" not in refused.value.say("en") and refused.value.say("zh")


def test_a_redirect_to_another_place_is_checked_again(site: str, monkeypatch: pytest.MonkeyPatch) -> None:
    real = is_public
    monkeypatch.setattr("moorage.kb.fetch.is_public", lambda a: str(a) in ("127.0.0.1", "::1") or real(a))  # the site counts as public
    with pytest.raises(AddressRefused, match=r"10\.0\.0\.1"):
        fetch(f"{site}/to/http://10.0.0.1/", most_bytes=1000)


def test_an_endless_redirect_ends(site: str) -> None:
    with pytest.raises(AddressUnreadable, match="redirects"):
        fetch(f"{site}/loop", most_bytes=1000, allow_private=True)


@pytest.mark.parametrize(("path", "says"), [("/missing", "404"), ("/long", "more than 1000 bytes")])
def test_what_cannot_be_read_says_why(site: str, path: str, says: str) -> None:
    with pytest.raises(AddressUnreadable, match=says):
        fetch(site + path, most_bytes=1000, allow_private=True)


def test_the_connection_goes_to_the_address_that_was_checked(site: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    asked: list[str] = []
    real = socket.getaddrinfo

    def once(host, *rest, **more):  # type: ignore[no-untyped-def]
        asked.append(str(host))
        return real(host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", once)
    fetch(f"{site}/", most_bytes=1000, allow_private=True)
    assert asked.count("localhost") == 1


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("8.8.8.8", True),
        ("2606:4700::1111", True),
        ("::ffff:8.8.8.8", True),
        ("::ffff:127.0.0.1", False),
        ("2002:a00:1::", False),
        ("224.0.0.1", False),
        ("2001:0:1::1", False),
        ("64:ff9b::808:808", True),
        ("64:ff9b::a9fe:a9fe", False),
        ("fec0::1", False),
        ("::7f00:1", False),
        ("::", False),
        ("192.0.2.1", False),
        ("255.255.255.255", False),
    ],
)
def test_public_means_public_also_inside_another_address(address: str, expected: bool) -> None:
    assert is_public(ipaddress.ip_address(address)) is expected


def test_a_page_keeps_its_address_and_its_encoding(site: str) -> None:
    page = fetch(f"{site}/docs/guide", most_bytes=10_000, allow_private=True)

    assert f'<base href="{site}/docs/guide">'.encode() in page.data


@pytest.mark.parametrize(
    "page", ["<a href='../b'>标题</a>", "<!doctype html><html lang=zh><head><title>t</title></head><body><a href='../b'>标题</a>"]
)
def test_links_and_letters_of_a_page_are_whole_when_it_is_read_later(page: str) -> None:
    data = self_contained("https://x.example/docs/a?b=1&c=2", page.encode("gbk"), "text/html; charset=gbk")

    assert parse(Source("a.html", data)).markdown == "[标题](https://x.example/b)"


def test_what_a_page_says_of_itself_is_left_alone() -> None:
    page = b'<html><head><base href="https://other.example/"><meta charset="gbk"></head>x'

    assert self_contained("https://x.example/", page, "text/html; charset=utf-8") == page


def test_a_page_named_htm_keeps_its_name(site: str) -> None:
    assert fetch(f"{site}/a.htm", most_bytes=10_000, allow_private=True).name == "a.htm"
