"""A visitor with a real browser, who notices what no visitor should see: errors in the console and calls to other servers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.builders import fake_app, texts
from tests.builders.serving import served

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

SWITCHES = (
    "--no-sandbox --disable-gpu --disable-quic --disable-background-networking --disable-component-update --disable-sync --no-first-run"
)
Visit = Callable[..., "Page"]


@pytest.fixture(scope="module")
def browser(chromium: Path) -> Iterator[Browser]:
    # One for each file, not for the whole run: while Playwright's sync API is open no other test could use asyncio.
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed: pip install playwright")
    with playwright.sync_playwright() as running:
        opened = running.chromium.launch(executable_path=str(chromium), args=SWITCHES.split())
        yield opened
        opened.close()


@pytest.fixture
def home() -> fake_app.FakeHome:
    """A knowledge base of one English and one Chinese document."""
    made = fake_app.FakeHome()
    shelf = made.create("handbook")
    shelf.add("handbook.md", texts.HANDBOOK)
    shelf.add("政策/员工手册.docx", texts.HANDBOOK_ZH)
    return made


@pytest.fixture
def address(home: fake_app.FakeHome) -> Iterator[str]:
    with served(fake_app.build(home)) as url:
        yield url


@pytest.fixture
def visit(browser: Browser, address: str) -> Iterator[Visit]:
    """Opens a path in a fresh browser profile; keywords are Playwright's. ``console`` says which errors are meant to happen."""
    complaints: list[str] = []
    contexts = []

    def go(path: str = "/", *, console: str = "", base: str = address, **options: Any) -> Page:
        context = browser.new_context(**{"locale": "en-US", "base_url": base, **options})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(30_000)
        page.on("console", lambda m: complaints.append(m.text) if m.type == "error" and not (console and console in m.text) else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda r: complaints.append(f"asked {r.url}") if not r.url.startswith((base, "data:", "blob:")) else None)
        page.goto(path)
        return page

    yield go
    for context in contexts:
        context.close()
    assert complaints == []
