"""``moorage usage``: what was used, for people and for programs."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

from moorage.store.folder import DataFolder
from moorage.store.usage import DaySum
from tests.faces.test_cli import moorage


def test_usage_is_shown_by_key_model_and_day(tmp_path: Path) -> None:
    today, long_ago = date.today().isoformat(), (date.today() - timedelta(days=100)).isoformat()
    store = DataFolder(tmp_path)
    sums = [
        DaySum(today, 1, "dify", "qwen3", requests=4, errors=1, prompt_tokens=100, completion_tokens=50, cost_nanos=2 * 10**9, total_s=8.0),
        DaySum(today, 2, "法务", "bge", requests=1, prompt_tokens=10),
        DaySum(long_ago, 1, "dify", "qwen3", requests=7),
    ]
    store.usage.write([], sums)
    store.close()

    told = json.loads(moorage("usage", "--json", data=tmp_path).stdout)
    assert told["by"] == "key" and told["until"] == today
    assert told["usage"][0] == {
        "name": "dify", "requests": 4, "errors": 1, "cancelled": 0, "prompt_tokens": 100, "completion_tokens": 50, "cost": 2.0, "mean_s": 2.0,
    }  # fmt: skip
    assert [line["name"] for line in told["usage"]] == ["dify", "法务"]
    assert [
        line["requests"]
        for line in json.loads(moorage("usage", "--by", "model", "--since", "200d", "--json", data=tmp_path).stdout)["usage"]
    ] == [11, 1]
    shown = moorage("usage", "--by", "day", "--since", "200d", "--key", "dify", data=tmp_path).stdout
    assert shown.splitlines()[0].startswith("DAY") and long_ago in shown and "法务" not in shown


def test_a_list_by_something_else_and_a_day_that_is_none_are_said(tmp_path: Path) -> None:
    assert "'team'" in moorage("usage", "--by", "team", data=tmp_path).stderr
    assert "no span of days" in moorage("usage", "--since", "soon", data=tmp_path).stderr
    assert moorage("usage", data=tmp_path).stdout == ""
