"""``moorage key``: who may use the API from elsewhere."""

from __future__ import annotations

from typing import Annotated

import typer

from moorage.cli import options as o
from moorage.cli import show
from moorage.wiring import open_home

key_app = typer.Typer(help="API keys. API 密钥。", no_args_is_help=True)
_Name = Annotated[str, typer.Argument(help="A name to recognise the key by. 密钥名称", show_default=False)]


@key_app.command()
def create(name: _Name, data: o.Data = None, config: o.Config = None, json: o.Json = False) -> None:
    """Make a key. It is shown this once. 创建密钥（只显示一次）。"""
    with open_home(data, config=config) as home:
        key = home.keys.create(name)
        show.data({"name": name, "key": key}, json, lambda: key)


@key_app.command()
def ls(data: o.Data = None, config: o.Config = None, json: o.Json = False) -> None:
    """List the keys by name and beginning. 列出密钥。"""
    with open_home(data, config=config) as home:
        keys = home.keys.list()
        rows = [r for k in keys if isinstance(r := show.plain(k), dict)]
        show.data(keys, json, lambda: show.table(rows, ("name", "hint", "created_at", "used_at")))


@key_app.command()
def rm(name: _Name, data: o.Data = None, config: o.Config = None, json: o.Json = False) -> None:
    """Revoke a key. 吊销密钥。"""
    with open_home(data, config=config) as home:
        home.keys.delete(name)
        show.data({"removed": name}, json, lambda: "")
