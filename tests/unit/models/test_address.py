from __future__ import annotations

import pytest

from moorage.core.errors import SettingInvalid
from moorage.models.address import base_url, parse_address


@pytest.mark.parametrize(
    ("typed", "base"),
    [
        ("http://host:8000", "http://host:8000/v1"),
        ("http://host:8000/", "http://host:8000/v1"),
        ("host:8000", "http://host:8000/v1"),
        (" http://host:8000/v1 ", "http://host:8000/v1"),
        ("http://host:8000/v1/", "http://host:8000/v1"),
        ("http://host:8000//v1//", "http://host:8000/v1"),
        ("http://host:8000/v1/chat/completions", "http://host:8000/v1"),
        ("http://host:8000/v1/embeddings/", "http://host:8000/v1"),
        ("http://host:8000/v1/models?limit=1#top", "http://host:8000/v1"),
        ("HTTPS://Host/api/paas/v4/chat/completions", "https://host/api/paas/v4"),
        ("https://host/v1beta/openai/", "https://host/v1beta/openai"),
        ("http://[::1]:8000", "http://[::1]:8000/v1"),
        ("http://模型.example/v1", "http://模型.example/v1"),
        ("http://user:secret@host/v1", "http://host/v1"),
    ],
)
def test_what_people_type_becomes_the_base_address(typed: str, base: str) -> None:
    assert base_url(typed) == base
    assert base_url(base) == base


@pytest.mark.parametrize("typed", ["", "http://", "ftp://host", "http://host:port", "http://host:99999", "http://a b/v1", "http://[::1/v1"])
def test_what_is_no_address_is_refused_with_advice(typed: str) -> None:
    with pytest.raises(SettingInvalid, match="Write it like http://host:8000/v1"):
        base_url(typed)


def test_a_login_in_the_address_is_kept_apart_and_never_shown() -> None:
    assert parse_address("http://user:p%40ss@host/v1").login == ("user", "p@ss")
    with pytest.raises(SettingInvalid) as refusal:
        base_url("ftp://user:secret@host")
    assert "secret" not in str(refusal.value)


@pytest.mark.parametrize(
    ("url", "near"), [("localhost:1", True), ("127.0.0.2", True), ("192.168.1.5:8000", True), ("[::1]", True), ("api.example.com", False)]
)
def test_a_proxy_for_the_internet_is_not_used_for_near_addresses(url: str, near: bool) -> None:
    assert parse_address(url).is_near is near
