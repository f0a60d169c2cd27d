"""``moorage usage``: what was used, by key, model or day."""

from __future__ import annotations

from datetime import date
from typing import Annotated, cast

import typer

from moorage.cli import options as o
from moorage.cli import show
from moorage.core.errors import BadInput
from moorage.store.usage import By, UsageLine, read_span
from moorage.wiring import open_home

_By = Annotated[str, typer.Option("--by", help="One line a key, model or day. 按 key、model 或 day 汇总")]
_Since = Annotated[
    str | None,
    typer.Option("--since", help="From this day on (2026-01-31, or 7d); this month when not given. 起始日期", show_default=False),
]
_Until = Annotated[str | None, typer.Option("--until", help="Up to this day; today when not given. 截止日期", show_default=False)]
_Key = Annotated[str | None, typer.Option("--key", help="Of one key alone. 仅某个密钥", show_default=False)]
_Model = Annotated[str | None, typer.Option("--model", help="Of one model alone. 仅某个模型", show_default=False)]
_COLUMNS = ("requests", "errors", "cancelled", "prompt_tokens", "completion_tokens", "cost", "mean_s")


class UsageByUnknown(BadInput):
    """Usage cannot be listed by {value!r}. Choose key, model or day."""

    zh = "无法按 {value!r} 汇总用量。请选择 key、model 或 day。"


def usage(
    by: _By = "key",
    since: _Since = None,
    until: _Until = None,
    key: _Key = None,
    model: _Model = None,
    data: o.Data = None,
    config: o.Config = None,
    json: o.Json = False,
) -> None:
    """Show what was used: requests, tokens, cost, mean seconds a request. 显示用量。"""
    if by not in ("key", "model", "day"):
        raise UsageByUnknown(value=by)
    span = read_span(since, until, date.today())
    with open_home(data, config=config) as home:
        lines = home.usage.report(cast(By, by), span, key, model)
        answer = {"by": by, "since": span.since.isoformat(), "until": span.until.isoformat(), "usage": lines}
        show.data(answer, json, lambda: show.table([_row(by, line) for line in lines], (by, *_COLUMNS)))


def _row(by: str, line: UsageLine) -> dict[str, object]:
    name = line.name or "-"
    return {
        by: name, "requests": line.requests, "errors": line.errors, "cancelled": line.cancelled, "prompt_tokens": line.prompt_tokens,
        "completion_tokens": line.completion_tokens, "cost": f"{line.cost:.4f}", "mean_s": f"{line.mean_s:.2f}",
    }  # fmt: skip
