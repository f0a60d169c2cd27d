"""``moorage key``: made, shown, changed, removed."""

from __future__ import annotations

import json
from pathlib import Path

from tests.faces.test_cli import moorage


def test_a_key_is_made_shown_changed_and_removed(tmp_path: Path) -> None:
    words = (
        "--models",
        "qwen*, bge-m3",
        "--rpm",
        "60",
        "--tpm",
        "100k",
        "--parallel",
        "4",
        "--budget-day",
        "2M",
        "--expires",
        "2040-01-31",
    )
    made = json.loads(moorage("key", "create", "dify", *words, "--json", data=tmp_path).stdout)
    assert made["key"].startswith("mk-") and made["rules"]["models"] == ["qwen*", "bge-m3"] and made["rules"]["day_tokens"] == 2_000_000

    shown = moorage("key", "show", "dify", data=tmp_path).stdout
    assert "60 requests/min, 100,000 tokens/min, 4 parallel, 2,000,000 tokens/day" in shown and "2040-02-01" in shown

    changed = json.loads(moorage("key", "set", "dify", "--rpm", "none", "--team", "法务", "--json", data=tmp_path).stdout)
    assert (changed["rules"]["requests_per_minute"], changed["rules"]["parallel"], changed["rules"]["team"]) == (None, 4, "法务")

    listed = moorage("key", "ls", "--json", data=tmp_path).stdout
    assert [key["name"] for key in json.loads(listed)] == ["dify"] and made["key"] not in listed
    assert moorage("key", "rm", "dify", data=tmp_path).returncode == 0
    assert json.loads(moorage("key", "ls", "--json", data=tmp_path).stdout) == []


def test_a_rule_that_makes_no_sense_makes_no_key(tmp_path: Path) -> None:
    refused = moorage("key", "create", "k", "--rpm", "many", data=tmp_path)

    assert refused.returncode == 1 and "requests_per_minute = 'many'" in refused.stderr
    assert json.loads(moorage("key", "ls", "--json", data=tmp_path).stdout) == []
