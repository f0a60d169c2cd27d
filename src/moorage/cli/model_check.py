"""``moorage model check``: command lines of vLLM, checked and mended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from moorage.cli import options as o
from moorage.cli import show
from moorage.cli.plan_page import bars, rows, say
from moorage.engines.vllm import check as checking
from moorage.engines.vllm.version import installed

if TYPE_CHECKING:
    from moorage.stack.forecast import Forecast

_MARKS = {"error": "✗", "warning": "!", "note": "·"}
_VERDICTS = {"fits": "✓", "may_fit": "!", "too_much": "✗", "no_cache": "✗", "too_few_cards": "✗", "shorter": "+", "plan": "+"}
_Version = Annotated[
    str | None,
    typer.Option(
        "--version", help="The vLLM to check for (the image's tag, or the installed one, when not given). vLLM 版本", show_default=False
    ),
]


def check(
    command: Annotated[str, typer.Argument(help="A `vllm serve` or `docker run` line, in quotes; - reads it. 命令行；- 表示标准输入")] = "",
    version: _Version = None,
    gpus: Annotated[
        str | None,
        typer.Option("--gpus", help="The cards it will run on, e.g. 2x4090; this machine's when not given. 显卡", show_default=False),
    ] = None,
    files: Annotated[
        str | None,
        typer.Option(
            "--files", help="Where the model's files are, when the line's own name does not lead there. 模型目录", show_default=False
        ),
    ] = None,
    explain_flag: Annotated[str, typer.Option("--explain", help="Explain one flag instead. 解释一个参数", show_default=False)] = "",
    data: o.Data = None,
    config: o.Config = None,
    json: o.Json = False,
) -> None:
    """Say what is wrong with a vLLM command line, and print the mended one. 检查并修正 vLLM 命令。

    Reads lines from other times and versions: renamed flags get their name of this version, those that are gone are left out, each with a reason.
    Where the model's files are here and the cards are known, it says what the command will use of each card and whether it starts.
    """
    from moorage.stack.flagwords import explain_flag as explain_words
    from moorage.stack.planner import forecast_command
    from moorage.stack.shapes import flag_data, forecast_data
    from moorage.wiring import load

    language = show.language()
    if explain_flag:
        words = explain_words(explain_flag, version)
        show.data(flag_data(words, language), json, lambda: words.flag.say(language))
        return
    checked = checking.check(_read(command), version, installed())
    made = forecast_command(checked, gpus, files, load({"data": data}, config)[0].settings.data)
    found = {**checking.checked_data(checked, language), "forecast": forecast_data(made, language)}
    show.data(found, json, lambda: checked.line)
    if not json:
        _talk(checked, made)


def _talk(checked: checking.Checked, made: Forecast) -> None:
    show.talk(f"vLLM {checked.at}")
    for remark in checked.remarks:
        show.talk(f"  {_MARKS[remark.weight]} {remark.say(show.language())}")
    if made.plan:
        show.talk(f"\n{bars(made.plan)}\n\n{rows(made.plan)}\n")
    for notice in made.notices:
        show.talk(f"  {_VERDICTS.get(notice.code, '·')} {say(notice)}")


def _read(command: str) -> str:
    if command == "-":
        import sys

        return sys.stdin.read(checking.COMMAND_LIMIT + 1)
    if not command.strip():
        raise typer.BadParameter("give a command line in quotes, or - to read one", param_hint="COMMAND")
    return command
