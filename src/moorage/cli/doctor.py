"""``moorage doctor``: why a model server failed, and whether this machine is fit for one."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from moorage.cli import options as o
from moorage.cli import show
from moorage.core.errors import Language
from moorage.engines.doctor import Diagnosis, Finding, diagnose, diagnosis_data, log_lines, read_log

_WORDS = {
    "cause": ("Cause", "原因"),
    "likely": ("Likely cause", "很可能的原因"),
    "possible": ("Possible cause (by its words only)", "可能的原因（仅凭措辞）"),
    "wrapper": ("Something failed, but this log does not hold why", "发生了故障，但此日志中没有原因"),
    "unknown": ("No known failure. The first line that looks like an error", "没有已知故障。首个疑似错误的行"),
    "fine": ("No failure found", "未发现故障"),
    "running": ("the server started", "服务已启动"),
    "earlier": ("The last start went well; an earlier one failed", "最近一次启动成功；更早的一次失败"),
    "at": ("Stage", "阶段"),
    "line": ("Line", "行"),
    "do": ("What to do", "处理办法"),
    "others": ("Also seen", "另外发现"),
    "notes": ("Harmless", "无害"),
    "more": ("More", "参考"),
}

_Log = Annotated[
    str | None,
    typer.Argument(help="A log file; - for standard input. Without it: this machine. 日志文件；- 表示标准输入", show_default=False),
]


def doctor(log: _Log = None, json: o.Json = False) -> None:
    """Name why a model server failed, from its log. 诊断模型服务日志。

    Says the root cause, the line that shows it, and what to do. Wrapper errors such as "Engine core initialization failed" are never the cause.
    """
    found = diagnose(_lines(log or "-"))
    show.data(diagnosis_data(found, show.language()), json, lambda: _text(found, show.language()))


def _lines(log: str) -> Iterator[str]:
    return log_lines(sys.stdin.buffer) if log == "-" else read_log(Path(log))


def _text(diagnosis: Diagnosis, language: Language) -> str:
    parts = [_say("earlier", language)] if diagnosis.earlier else []
    if diagnosis.cause:
        title = "cause" if diagnosis.cause.certainty == "certain" else diagnosis.cause.certainty
        parts.append(_finding(diagnosis.cause, title, diagnosis.step, language))
    elif diagnosis.wrapper:
        parts.append(_finding(diagnosis.wrapper, "wrapper", diagnosis.step, language))
    elif diagnosis.first_error and not diagnosis.started:
        parts.append(f"{_say('unknown', language)}:\n  {diagnosis.first_error.number}: {diagnosis.first_error.text}")
    else:
        parts.append(_say("fine", language) + (f" ({_say('running', language)})" if diagnosis.started else "") + ".")
    for name, findings in (("others", diagnosis.others), ("notes", diagnosis.notes)):
        parts += [_say(name, language) + ":"] if findings else []
        parts += [f"  {finding.line.number}: {finding.cause.say(language)} [{finding.cause.id}]" for finding in findings]
    return "\n".join(parts)


def _finding(finding: Finding, title: str, step: str, language: Language) -> str:
    lines = [
        f"{_say(title, language)}: {finding.cause.say(language)} [{finding.cause.id}]",
        f"{_say('at', language)}: {finding.cause.stage} ({step})",
        f"{_say('line', language)} {finding.line.number}: {finding.line.text}",
        f"{_say('do', language)}:",
    ]
    for fix in finding.fixes:
        lines += [f"  {fix.say(language)}"] + ([f"    $ {fix.run}"] if fix.run else [])
    return "\n".join([*lines, f"{_say('more', language)}: {finding.cause.link}"])


def _say(word: str, language: Language) -> str:
    return _WORDS[word][1 if language == "zh" else 0]
