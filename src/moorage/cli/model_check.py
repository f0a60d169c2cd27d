"""``moorage model check``: command lines of vLLM, checked and mended."""

from __future__ import annotations

from typing import Annotated

import typer

from moorage.cli import options as o
from moorage.cli import show
from moorage.core.errors import Language
from moorage.engines.vllm import check as checking
from moorage.engines.vllm.explain import Explained, explain
from moorage.engines.vllm.version import installed

_MARKS = {"error": "✗", "warning": "!", "note": "·"}
_Version = Annotated[
    str | None,
    typer.Option(
        "--version", help="The vLLM to check for (the image's tag, or the installed one, when not given). vLLM 版本", show_default=False
    ),
]


def check(
    command: Annotated[str, typer.Argument(help="A `vllm serve` or `docker run` line, in quotes; - reads it. 命令行；- 表示标准输入")] = "",
    version: _Version = None,
    explain_flag: Annotated[str, typer.Option("--explain", help="Explain one flag instead. 解释一个参数", show_default=False)] = "",
    json: o.Json = False,
) -> None:
    """Say what is wrong with a vLLM command line, and print the mended one. 检查并修正 vLLM 命令。

    Reads lines from other times and versions: renamed flags get their name of this version, those that are gone are left out, each with a reason.
    """
    language = show.language()
    if explain_flag:
        found = explain(explain_flag, version)
        show.data(_explained_data(found, language), json, lambda: found.say(language))
        return
    checked = checking.check(_read(command), version, installed())
    show.data(checking.checked_data(checked, language), json, lambda: checked.line)
    if not json:
        show.talk(f"vLLM {checked.at}")
        for remark in checked.remarks:
            show.talk(f"  {_MARKS[remark.weight]} {remark.say(language)}")


def _read(command: str) -> str:
    if command == "-":
        import sys

        return sys.stdin.read(checking.COMMAND_LIMIT + 1)
    if not command.strip():
        raise typer.BadParameter("give a command line in quotes, or - to read one", param_hint="COMMAND")
    return command


def _explained_data(found: Explained, language: Language) -> dict[str, object]:
    return {
        "name": found.name,
        "takes": found.takes,
        "first": str(found.span.first),
        "last": str(found.span.last),
        "version": str(found.at),
        "is_there": found.is_there,
        "instead": found.instead,
        "text": found.say(language),
    }
