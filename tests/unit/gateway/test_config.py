"""The gateway's part of the stack file: what stands there is served, a slip is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from moorage.core.errors import SettingInvalid
from moorage.core.settings import resolve
from moorage.core.stackfile import read
from moorage.gateway.config import GatewayConfig, Replica, gateway_config


def config(tmp_path: Path, text: str, **flags: object) -> GatewayConfig:
    path = tmp_path / "moorage.yaml"
    path.write_text(text, encoding="utf-8")
    stack = read(path)
    return gateway_config(stack, resolve(flags, {}, stack.values).settings)


def test_an_address_alone_is_a_model(tmp_path: Path) -> None:
    (entry,) = config(tmp_path, "models: {qwen: 'host:8000'}").models

    assert (entry.name, entry.replicas) == ("qwen", (Replica("http://host:8000/v1"),))


def test_the_model_that_writes_answers_is_served_under_its_own_name_too(tmp_path: Path) -> None:
    (entry,) = config(tmp_path, "models: {llm: {url: 'http://a/v1', model: qwen3, key: secret}}").models

    assert (entry.name, entry.aliases, entry.replicas) == ("llm", ("qwen3",), (Replica("http://a/v1", key="secret", model="qwen3"),))
    assert "secret" not in repr(entry)


def test_a_model_named_by_a_flag_is_served(tmp_path: Path) -> None:
    entries = config(tmp_path, "models: {big: 'http://b/v1'}", llm="http://a", embedder="http://e").models

    assert [(e.name, e.task, e.replicas[0].url) for e in entries] == [
        ("big", "chat", "http://b/v1"),
        ("llm", "chat", "http://a/v1"),
        ("embedder", "embed", "http://e/v1"),
    ]


def test_replicas_share_what_the_entry_says_and_may_differ(tmp_path: Path) -> None:
    text = """
models:
  big:
    kind: vllm
    key: k
    model: Big/Model
    replicas: ["http://a/v1", {url: "http://b/v1", weight: 3, kind: sglang, parallel: 8}]
    aliases: [gpt-4, gpt-4o]
    defaults: {temperature: 0.2}
    bounds: {max_tokens: [1, 4096], temperature: [null, 1.5]}
    queue: 5
    queue_timeout_s: 1.5
    tool_parsing: gateway
"""
    (entry,) = config(tmp_path, text).models

    assert entry.replicas == (
        Replica("http://a/v1", "vllm", "k", 1, "Big/Model"),
        Replica("http://b/v1", "sglang", "k", 3, "Big/Model", 8),
    )
    assert (entry.aliases, entry.queue, entry.queue_timeout_s, entry.tool_parsing) == (("gpt-4", "gpt-4o"), 5, 1.5, "gateway")
    assert (entry.defaults, entry.bounds) == ({"temperature": 0.2}, {"max_tokens": (1, 4096), "temperature": (None, 1.5)})


def test_variables_inside_lists_are_filled_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PART", "secret")
    (entry,) = config(tmp_path, "models: {m: {replicas: [{url: 'http://a/v1', key: '${PART}'}]}}").models

    assert entry.replicas[0].key == "secret"


@pytest.mark.parametrize(
    ("text", "says", "says_zh"),
    [
        ("m: {}", "no server", "没有服务地址"),
        ("m: {replica: []}", r"Did you mean replicas\?", "是否指 replicas"),
        ("m: {url: 'ftp://x'}", "not spoken by model servers", "地址无法理解"),
        ("m: {url: 'http://user:pw@x'}", "Give the server's `key`", "请改用"),
        ("m: {url: x, replicas: [y]}", "Move `url` into `replicas`", "移入"),
        ("m: {replicas: [{url: x, wight: 2}]}", r"replicas\[0\].wight", "可用字段"),
        ("m: {replicas: [{weight: 2}]}", r"replicas\[0\].url", "必须是文本"),
        ("m: {url: x, weight: 0}", "from 1 to 1000", "1 到 1000"),
        ("m: {url: x, weight: true}", "whole number", "整数"),
        ("m: {url: x, queue: many}", "whole number", "整数"),
        ("m: {url: x, aliases: gpt-4}", "must be a list", "必须是列表"),
        ("m: {url: x, bounds: {top_p: [1, 0]}}", "above the high one", "下限高于上限"),
        ("m: {url: x, bounds: {top_p: 1}}", "must be a list", "必须是列表"),
        ("m: {url: x, defaults: 3}", "must be a mapping", "必须是映射"),
        ("m: {url: x, tool_parsing: both}", "native or gateway", "只能是"),
        ("m: {url: x, aliases: [a]}\n  n: {url: y, aliases: [a]}", "models.m has this name", "已使用此名称"),
        ("m: {url: x, aliases: [n]}\n  n: y", "models.m has this name", "已使用此名称"),
        ("m: {url: x, key: 5}", r"models.m.key = '\*\*\*'", "必须是文本"),
    ],
)
def test_a_slip_is_named_in_both_languages(tmp_path: Path, text: str, says: str, says_zh: str) -> None:
    with pytest.raises(SettingInvalid, match=says) as caught:
        config(tmp_path, f"models:\n  {text}\n")

    assert says_zh in caught.value.say("zh")


def test_times_and_sizes_come_from_the_settings(tmp_path: Path) -> None:
    made = config(tmp_path, "gateway: {max_request_bytes: 2048, first_token_timeout: 7, health_interval: 0}")

    assert (made.max_request_bytes, made.first_token_timeout_s, made.health_interval_s) == (2048, 7.0, 0.0)
