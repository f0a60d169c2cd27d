"""``moorage key``: who may use the API from elsewhere, what they may do and how much of it."""

from __future__ import annotations

from typing import Annotated

import typer

from moorage.cli import options as o
from moorage.cli import show
from moorage.store.key_rules import EVERYTHING, read_rules
from moorage.store.keys import Key
from moorage.wiring import open_home

key_app = typer.Typer(help="API keys. API 密钥。", no_args_is_help=True)
_Name = Annotated[str, typer.Argument(help="A name to recognise the key by. 密钥名称", show_default=False)]


def _rule(flag: str, help: str) -> object:
    return typer.Option(flag, help=help, show_default=False)


_Owner = Annotated[str | None, _rule("--owner", "Whose key it is. 所有者")]
_Team = Annotated[str | None, _rule("--team", "Their team. 团队")]
_Models = Annotated[
    str | None,
    _rule("--models", "Models (and knowledge bases) it may use: names or globs, parted by commas. 可用模型（名称或通配符，逗号分隔）"),
]
_Endpoints = Annotated[
    str | None, _rule("--endpoints", "What it may call, e.g. chat/completions,embeddings: names or globs. 可用接口（名称或通配符）")
]
_Expires = Annotated[str | None, _rule("--expires", "Until when: 30d, 2027-01-31, 2027-01-31T18:00, or never. 有效期")]
_Priority = Annotated[str | None, _rule("--priority", "interactive, or batch (waits behind the others). 优先级：interactive 或 batch")]
_Rpm = Annotated[str | None, _rule("--rpm", "Requests a minute, or none. 每分钟请求数")]
_Tpm = Annotated[str | None, _rule("--tpm", "Tokens a minute, e.g. 100k, or none. 每分钟 token 数")]
_Parallel = Annotated[str | None, _rule("--parallel", "Requests at the same time, or none. 并发请求数")]
_BudgetDay = Annotated[str | None, _rule("--budget-day", "Tokens a day, e.g. 2M, or none. 每日 token 额度")]
_BudgetMonth = Annotated[str | None, _rule("--budget-month", "Tokens a month, or none. 每月 token 额度")]
_SpendDay = Annotated[str | None, _rule("--spend-day", "Money a day, in the currency of the prices, or none. 每日金额上限")]
_SpendMonth = Annotated[str | None, _rule("--spend-month", "Money a month, or none. 每月金额上限")]


@key_app.command()
def create(
    name: _Name,
    models: _Models = None,
    endpoints: _Endpoints = None,
    owner: _Owner = None,
    team: _Team = None,
    expires: _Expires = None,
    priority: _Priority = None,
    rpm: _Rpm = None,
    tpm: _Tpm = None,
    parallel: _Parallel = None,
    budget_day: _BudgetDay = None,
    budget_month: _BudgetMonth = None,
    spend_day: _SpendDay = None,
    spend_month: _SpendMonth = None,
    data: o.Data = None,
    config: o.Config = None,
    json: o.Json = False,
) -> None:
    """Make a key. It is shown this once. Without options it may do everything. 创建密钥（只显示一次）。"""
    rules = read_rules({
        "models": models, "endpoints": endpoints, "owner": owner, "team": team, "expires_at": expires, "priority": priority,
        "requests_per_minute": rpm, "tokens_per_minute": tpm, "parallel": parallel, "day_tokens": budget_day, "month_tokens": budget_month,
        "day_money": spend_day, "month_money": spend_month,
    })  # fmt: skip
    with open_home(data, config=config) as home:
        key = home.keys.create(name, rules)
        show.data({"name": name, "key": key, "rules": rules}, json, lambda: key)


@key_app.command("set")
def set_command(
    name: _Name,
    models: _Models = None,
    endpoints: _Endpoints = None,
    owner: _Owner = None,
    team: _Team = None,
    expires: _Expires = None,
    priority: _Priority = None,
    rpm: _Rpm = None,
    tpm: _Tpm = None,
    parallel: _Parallel = None,
    budget_day: _BudgetDay = None,
    budget_month: _BudgetMonth = None,
    spend_day: _SpendDay = None,
    spend_month: _SpendMonth = None,
    data: o.Data = None,
    config: o.Config = None,
    json: o.Json = False,
) -> None:
    """Change what a key may do; what is not named stays. Holds within a second, also where a gateway runs. 修改密钥的权限与限额。"""
    changes = {
        "models": models, "endpoints": endpoints, "owner": owner, "team": team, "expires_at": expires, "priority": priority,
        "requests_per_minute": rpm, "tokens_per_minute": tpm, "parallel": parallel, "day_tokens": budget_day, "month_tokens": budget_month,
        "day_money": spend_day, "month_money": spend_month,
    }  # fmt: skip
    with open_home(data, config=config) as home:
        key = home.keys.change(name, read_rules(changes, home.keys.get(name).rules))
        show.data(key, json, lambda: _sheet(key))


@key_app.command()
def ls(data: o.Data = None, config: o.Config = None, json: o.Json = False) -> None:
    """List the keys by name and beginning. 列出密钥。"""
    with open_home(data, config=config) as home:
        keys = home.keys.list()
        columns = ("name", "hint", "owner", "team", "models", "limits", "expires", "created_at", "used_at")
        show.data(keys, json, lambda: show.table([_row(key) for key in keys], columns))


@key_app.command("show")
def show_command(name: _Name, data: o.Data = None, config: o.Config = None, json: o.Json = False) -> None:
    """Show what a key may do. 显示密钥的权限与限额。"""
    with open_home(data, config=config) as home:
        key = home.keys.get(name)
        show.data(key, json, lambda: _sheet(key))


@key_app.command()
def rm(name: _Name, data: o.Data = None, config: o.Config = None, json: o.Json = False) -> None:
    """Revoke a key. Holds within a second, also where a gateway runs; answers on their way are finished. 吊销密钥。"""
    with open_home(data, config=config) as home:
        home.keys.delete(name)
        show.data({"removed": name}, json, lambda: "")


_LIMITS = (
    ("requests_per_minute", "requests/min"),
    ("tokens_per_minute", "tokens/min"),
    ("parallel", "parallel"),
    ("day_tokens", "tokens/day"),
    ("month_tokens", "tokens/month"),
    ("day_money", "money/day"),
    ("month_money", "money/month"),
)


def _row(key: Key) -> dict[str, object]:
    rules = key.rules
    limits = ", ".join(f"{value:,} {unit}" for name, unit in _LIMITS if (value := getattr(rules, name)) is not None)
    return {
        "name": key.name, "hint": key.hint, "owner": rules.owner, "team": rules.team, "limits": limits,
        "models": "" if rules.models == EVERYTHING else ",".join(rules.models),
        "endpoints": "" if rules.endpoints == EVERYTHING else ",".join(rules.endpoints),
        "priority": rules.priority, "expires": show.moment(rules.expires_at),
        "created_at": show.moment(key.created_at), "used_at": show.moment(key.used_at),
    }  # fmt: skip


def _sheet(key: Key) -> str:
    """A key for a person: one line a fact; what is not limited is left out."""
    return show.table([{"key": name, "value": value} for name, value in _row(key).items() if value], ("key", "value"))
