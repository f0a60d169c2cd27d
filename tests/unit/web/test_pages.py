from __future__ import annotations

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from moorage.core.nouns import Document
from moorage.web.assets import assets
from moorage.web.pages import example_questions, safe_next, span_of
from moorage.web.templating import CONTENT_SECURITY_POLICY, date, pieces, size
from tests.builders import fake_app, texts


@pytest.fixture
def home() -> fake_app.FakeHome:
    made = fake_app.FakeHome()
    made.create("handbook").add("a<b>.md", texts.HOSTILE)
    return made


@pytest.fixture
def client(home: fake_app.FakeHome) -> Iterator[TestClient]:
    with TestClient(fake_app.build(home), follow_redirects=False) as made:
        yield made


def test_every_page_has_a_strict_policy_and_is_not_kept_by_others(client: TestClient) -> None:
    for path in ("/", "/kb/handbook/documents", "/login", "/docs", "/kb/none/documents", "/nowhere"):
        headers = client.get(path).headers
        assert headers["content-security-policy"] == CONTENT_SECURITY_POLICY, path
        assert headers["cache-control"] == "private, no-cache", path
    assert "unsafe" not in CONTENT_SECURITY_POLICY and "default-src 'none'" in CONTENT_SECURITY_POLICY


def test_names_and_titles_are_escaped_everywhere(client: TestClient, home: fake_app.FakeHome) -> None:
    document = home.documents("handbook")[0].id
    for path in (
        "/",
        "/kb/handbook/documents?find=%3Cscript%3Ealert(1)",
        "/kb/handbook/documents",
        f"/kb/handbook/documents/{document}?q=%22%3E%3Cscript%3E",
    ):
        text = client.get(path).text
        assert "<script>" not in text and "<b>" not in text, path


def test_static_files_are_kept_for_a_year_under_their_version(client: TestClient) -> None:
    answer = client.get(assets().url("base.css"))

    assert "immutable" in answer.headers["cache-control"] and answer.headers["content-type"].startswith("text/css")
    assert client.get("/static/old/base.css").headers["cache-control"] == "no-cache"
    assert client.get("/favicon.ico").headers["content-type"] == "image/svg+xml"


@pytest.mark.parametrize("name", ["none.js", "..%2Fpages.py", "%2e%2e/pages.py", "../pages.py"])
def test_nothing_but_the_page_s_own_files_is_served(client: TestClient, name: str) -> None:
    assert client.get(f"/static/{assets().version}/{name}").status_code == 404


def test_choosing_a_language_sets_a_cookie_and_cleans_the_address(client: TestClient) -> None:
    answer = client.get("/kb/handbook/documents?find=x&lang=zh")

    assert (answer.status_code, answer.headers["location"]) == (303, "/kb/handbook/documents?find=x")
    assert "lang=zh" in answer.headers["set-cookie"]
    assert "文档" in client.get("/kb/handbook/documents").text


def test_an_unknown_language_is_ignored(client: TestClient) -> None:
    assert client.get("/?lang=%22%3E").status_code == 200


def test_a_missing_knowledge_base_is_a_page_in_the_visitor_s_language(client: TestClient) -> None:
    answer = client.get("/?kb=none", headers={"accept-language": "zh-CN"})

    assert answer.status_code == 404 and "没有名为" in answer.text and "没有这个页面" in answer.text


def test_the_login_form_only_leads_to_this_server(client: TestClient) -> None:
    assert 'name="next" value="/kb/x/documents?find=1"' in client.get("/login?next=/kb/x/documents?find=1").text
    assert 'name="next" value="/"' in client.get("/login?next=//elsewhere.example").text


@pytest.mark.parametrize("address", ["//e.example", "/\\e.example", "https://e.example", "javascript:alert(1)", "", "/a\nb", "e"])
def test_an_address_elsewhere_is_not_followed(address: str) -> None:
    assert safe_next(address) == "/"


@pytest.mark.parametrize(
    ("text", "span"), [("3-9", (3, 9)), ("9-3", None), ("3-3", None), ("-1-4", None), ("a-b", None), ("1-", None), ("²-³", None)]
)
def test_a_range_is_two_growing_numbers(text: str, span: tuple[int, int] | None) -> None:
    assert span_of(text) == span


def test_examples_are_asked_in_the_language_of_their_titles() -> None:
    def document(title: str, state: str = "ready") -> Document:
        return Document(title, "k", title, title, "text/plain", "", 1, state)  # type: ignore[arg-type]

    documents = [
        document("Travel policy"),
        document("员工手册"),
        document("Travel policy"),
        document("x" * 90),
        document("Later", "waiting"),
    ]

    assert example_questions(documents, "zh") == ["《员工手册》讲了什么？", "What does “Travel policy” say?"]


def test_sizes_are_short() -> None:
    assert [size(n) for n in (0, 999, 1500, 45_678, 2_000_000, 3_400_000_000_000)] == [
        "0 B",
        "999 B",
        "1.5 kB",
        "46 kB",
        "2.0 MB",
        "3400 GB",
    ]


def test_a_time_that_is_not_known_is_left_out() -> None:
    assert date(0) == ""


def test_words_between_backticks_are_told_apart() -> None:
    assert pieces("With ``stream`` or `x`.") == ["With ", "stream", " or ", "x", "."]
