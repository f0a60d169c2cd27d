"""``moorage config``: which settings hold, and why."""

from __future__ import annotations

import json as json_text

import typer

from moorage.cli import options as o
from moorage.cli import show
from moorage.core.stackfile import schema as stack_schema
from moorage.wiring import load

config_app = typer.Typer(help="Settings. 设置。", no_args_is_help=True)


@config_app.command("show")
def show_settings(
    data: o.Data = None,
    config: o.Config = None,
    json: o.Json = False,
) -> None:
    """Show every setting, its value, and which of flag, variable, file or default won. 显示设置及其来源。"""
    resolved, _ = load({"data": data}, config)
    rows = resolved.show()
    show.data(rows, json, lambda: show.table(rows, ("name", "value", "origin", "source", "help")))


@config_app.command()
def schema(json: o.Json = False) -> None:
    """Print the JSON Schema of moorage.yaml, for editors. 输出 moorage.yaml 的 JSON Schema。"""
    show.write(json_text.dumps(stack_schema(), ensure_ascii=False, indent=None if json else 2) + "\n")
