"""Who may come in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from moorage.core.errors import PortInUse, SettingInvalid
from moorage.store.key_rules import KeyRules
from moorage.web.server import Door
from moorage.wiring import Home
from tests.builders.homes import filled_home
from tests.builders.patience import eventually
from tests.builders.serving import served_home


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    with filled_home(tmp_path) as home:
        yield home


@pytest.fixture
def local(home: Home) -> Iterator[httpx2.Client]:
    with served_home(home, is_loopback=True) as url, httpx2.Client(base_url=url) as client:
        yield client


@pytest.fixture
def guarded(home: Home) -> Iterator[httpx2.Client]:
    with served_home(home, needs_key=True) as url, httpx2.Client(base_url=url) as client:
        yield client


def known_to(client: httpx2.Client, key: str) -> dict[str, str]:
    """The headers with a new key, once the gateway has noticed it."""
    headers = {"authorization": f"Bearer {key}"}
    eventually(lambda: client.get("/v1/models", headers=headers).status_code == 200)
    return headers


def test_on_loopback_no_key_is_needed(local: httpx2.Client) -> None:
    assert local.get("/api/kb").status_code == 200
    assert local.get("/v1/models", headers={"authorization": "Bearer anything"}).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", ""])
def test_a_foreign_host_name_on_loopback_is_refused(local: httpx2.Client, host: str) -> None:
    assert local.get("/api/kb", headers={"host": host}).status_code == 403


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://localhost:1"])
def test_another_sites_page_cannot_act(local: httpx2.Client, origin: str) -> None:
    assert local.post("/api/kb", json={"name": "x"}, headers={"origin": origin}).status_code == 403
    assert local.post("/api/kb", json={"name": "x"}, headers={"origin": str(local.base_url).rstrip("/")}).status_code == 201


@pytest.mark.parametrize(
    "path", ["/api/kb", "/v1/models", "/", "/images/0123456789abcdef.png", "/openapi.json", "/docs", "/api/kb/kb/documents"]
)
def test_where_keys_are_asked_for_nothing_is_open(guarded: httpx2.Client, path: str) -> None:
    assert guarded.get(path).status_code in (401, 403)


def test_a_browser_is_sent_to_the_login_page_and_comes_back(guarded: httpx2.Client, home: Home) -> None:
    first = guarded.get("/kb/kb/documents?find=x", headers={"accept": "text/html"})
    assert first.status_code == 303 and first.headers["location"].startswith("/login?next=/kb/kb/documents")
    key = home.keys.create("browser")
    entered = guarded.post("/login", data={"key": f" {key} ", "next": "/kb/kb/documents"})
    assert entered.status_code == 303 and entered.headers["location"] == "/kb/kb/documents"
    assert "HttpOnly" in entered.headers["set-cookie"] and "SameSite=strict" in entered.headers["set-cookie"]
    assert guarded.get("/kb/kb/documents", headers={"accept": "text/html"}).status_code == 200


def test_a_wrong_key_does_not_log_in(guarded: httpx2.Client) -> None:
    refused = guarded.post("/login", data={"key": "wrong", "next": "/docs"})
    assert refused.status_code == 403 and "/docs" in refused.text


@pytest.mark.parametrize("target", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)"])
def test_a_login_never_leads_to_another_site(guarded: httpx2.Client, home: Home, target: str) -> None:
    key = home.keys.create("browser")
    assert guarded.post("/login", data={"key": key, "next": target}).headers["location"] == "/"


def test_a_revoked_key_stops_working_at_once(guarded: httpx2.Client, home: Home) -> None:
    key = home.keys.create("k")
    headers = {"authorization": f"bearer {key}"}
    assert guarded.get("/api/kb", headers=headers).status_code == 200
    home.keys.delete("k")
    assert guarded.get("/api/kb", headers=headers).status_code == 403


def test_openai_clients_get_their_own_401(guarded: httpx2.Client) -> None:
    response = guarded.get("/v1/models", headers={"authorization": "Bearer wrong"})
    assert response.status_code == 401 and response.json()["error"]["code"] == "invalid_api_key"


def test_keys_are_asked_for_as_soon_as_others_can_connect() -> None:
    with Door("127.0.0.1", 0) as door:
        assert not door.needs_key("auto") and door.needs_key("on") and door.is_loopback
    with Door("0.0.0.0", 0) as door:
        assert door.needs_key("auto") and not door.needs_key("off") and "127.0.0.1" in door.url


def test_a_port_in_use_is_said_before_anything_starts() -> None:
    with Door("127.0.0.1", 0) as door, pytest.raises(PortInUse, match=str(door.port)):
        Door("127.0.0.1", door.port)


def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(SettingInvalid, match=r"203\.0\.113\.7"):
        Door("203.0.113.7", 0)


def test_a_key_with_scopes_sees_and_uses_only_what_they_name(guarded: httpx2.Client, home: Home) -> None:
    home.kb.create("secret")
    headers = known_to(guarded, home.keys.create("k", KeyRules(models=("k?",))))
    asked = {"messages": [{"role": "user", "content": "hotel"}]}

    listed = guarded.get("/v1/models", headers=headers).json()["data"]
    assert [model["id"] for model in listed] == ["kb"]
    assert guarded.post("/v1/chat/completions", json={**asked, "model": "kb"}, headers=headers).status_code == 200
    assert guarded.post("/v1/chat/completions", json={**asked, "model": "secret"}, headers=headers).status_code == 403
    assert guarded.get("/v1/models/secret", headers=headers).status_code == 404
    assert guarded.get("/api/kb/secret/documents", headers=headers).status_code == 403
    assert guarded.get("/api/kb/kb/documents", headers=headers).status_code == 200
    assert guarded.post("/retrieval", json={"knowledge_id": "secret", "query": "x"}, headers=headers).status_code == 403


def test_a_key_for_one_endpoint_opens_no_other(guarded: httpx2.Client, home: Home) -> None:
    headers = known_to(guarded, home.keys.create("k", KeyRules(endpoints=("chat/*",))))

    assert guarded.delete("/api/kb/kb", headers=headers).status_code == 403
    refused = guarded.post("/v1/embeddings", json={}, headers=headers)
    assert refused.status_code == 403 and refused.json()["error"]["code"] == "missing_scope"
    assert guarded.get("/v1/models", headers=headers).status_code == 200


def test_a_key_whose_time_is_over_is_refused(guarded: httpx2.Client, home: Home) -> None:
    key = home.keys.create("k", KeyRules(expires_at=1.0))

    assert guarded.get("/api/kb", headers={"authorization": f"Bearer {key}"}).status_code == 403
