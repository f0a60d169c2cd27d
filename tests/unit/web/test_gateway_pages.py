"""What a gateway shows to people: complete, from its own files, and loaded without a web framework."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest

from moorage.gateway.app import Page
from moorage.gateway.endpoints import TABLE
from moorage.web.gateway_pages import gateway_page

LOADED = """
import sys
from moorage.web.gateway_pages import gateway_page
assert gateway_page({"path": "/docs", "query_string": b"", "headers": []})
print(*sorted({name.split(".")[0] for name in sys.modules} & {"fastapi", "pydantic", "starlette", "lancedb", "pyarrow", "numpy"}))
"""


def look(path: str, query: str = "", **headers: str) -> Page | None:
    named = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return gateway_page({"path": path, "query_string": query.encode(), "scheme": "http", "headers": named})


def text(path: str, query: str = "", **headers: str) -> str:
    page = look(path, query, **headers)
    assert page is not None
    return page.body.decode()


def test_the_page_shows_every_endpoint_with_a_command_for_this_address() -> None:
    html = text("/docs", host="gpu-1:8484")

    assert [endpoint.paths[0] for endpoint in TABLE if f"http://gpu-1:8484{endpoint.paths[0]}" not in html] == []
    assert "One address and one kind of key" in html


def test_the_page_speaks_the_visitor_s_language() -> None:
    assert 'lang="zh-Hans"' in text("/docs", accept_language="zh-CN,zh;q=0.9")
    assert 'lang="en"' in text("/docs", "lang=en", accept_language="zh-CN")


def test_everything_the_page_needs_is_served_here() -> None:
    needed = set(re.findall(r'(?:href|src)="(/[^"#?]*)', text("/docs")))

    assert "/openapi.json" in needed and any(path.endswith(".css") for path in needed)
    assert [path for path in needed if look(path) is None] == []
    assert not re.search(r'(?:href|src)="https?://', text("/docs"))


def test_the_description_is_json() -> None:
    assert json.loads(text("/openapi.json"))["openapi"].startswith("3.1")


@pytest.mark.parametrize("path", ["/", "/static/x/../../pages.py", "/static/x/none.css", "/v1/nothing", "/static/"])
def test_nothing_else_is_shown(path: str) -> None:
    assert look(path) is None


def test_a_host_that_is_markup_stays_text() -> None:
    assert "<script>alert" not in text("/docs", host="<script>alert(1)</script>")


def test_no_web_framework_is_loaded_for_it() -> None:
    said = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True)

    assert said.stdout.strip() == ""
