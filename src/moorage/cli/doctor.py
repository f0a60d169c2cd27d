"""``moorage doctor``: why a model server failed, and whether this machine is fit for one."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer

from moorage.cli import options as o
from moorage.cli import show
from moorage.core.errors import Language
from moorage.engines.doctor import Diagnosis, Finding, diagnose, diagnosis_data, log_lines, read_log
from moorage.engines.machine import Check, Host, LocalHost, check_data, check_machine, check_reach, container_log

_WORDS = {
    "cause": ("Cause", "原因"),
    "likely": ("Likely cause", "很可能的原因"),
    "possible": ("Possible cause (by its words only)", "可能的原因（仅凭措辞）"),
    "wrapper": ("Something failed, but this log does not hold why", "发生了故障，但此日志中没有原因"),
    "unknown": ("No known failure. The first line that looks like an error", "没有已知故障。首个疑似错误的行"),
    "fine": ("No failure found", "未发现故障"),
    "empty": ("The log holds no lines", "日志为空"),
    "running": ("the server started", "服务已启动"),
    "earlier": ("The last start went well; an earlier one failed", "最近一次启动成功；更早的一次失败"),
    "at": ("Stage", "阶段"),
    "line": ("Line", "行"),
    "do": ("What to do", "处理办法"),
    "others": ("Also seen", "另外发现"),
    "notes": ("Harmless", "无害"),
    "more": ("More", "参考"),
}

_MARKS = {"ok": "✓", "warning": "!", "error": "✗", "unknown": "?"}
_Log = Annotated[
    str | None,
    typer.Argument(
        help="A log file; - for standard input; container:NAME; or a server's address. Without it: this machine. 日志文件、-、container:名称或服务地址；省略则检查本机",
        show_default=False,
    ),
]
_Port = Annotated[int, typer.Option("--port", min=1, max=65535, help="The port a server is to have on this machine. 服务端口")]


def doctor(log: _Log = None, port: _Port = 8000, json: o.Json = False) -> None:
    """Name why a model server failed, or check the machine. 诊断模型服务。

    Of a log: the root cause, the line that shows it, and what to do; wrappers such as "Engine core initialization failed" are never the cause.
    Of an address: whether it answers, and whether a container such as Dify's reaches it. Of this machine: driver, memory, Docker, proxies, names.
    """
    host = LocalHost()
    if log is None or o.is_address(log):
        _show_checks(check_reach(host, log) if log else check_machine(host, port), json)
        return
    found = diagnose(_lines(log, host))
    show.data(diagnosis_data(found, show.language()), json, lambda: _text(found, show.language()))


def _lines(log: str, host: Host) -> Iterable[str]:
    if log.startswith("container:"):
        return container_log(host, log.removeprefix("container:"))
    return log_lines(sys.stdin.buffer) if log == "-" else read_log(Path(log))


def _show_checks(checks: Sequence[Check], json: bool) -> None:
    language = show.language()
    found = {
        "ready": not any(check.state == "error" for check in checks),
        "checks": [check_data(check, language) for check in checks],
    }
    show.data(found, json, lambda: "\n".join(_check_lines(checks, language)))


def _check_lines(checks: Sequence[Check], language: Language) -> Iterator[str]:
    for check in checks:
        yield f"{_MARKS[check.state]} {check.name}: {check.say(language)}"
        if check.fix and check.state != "ok":
            yield f"    $ {check.fix}"


def _text(diagnosis: Diagnosis, language: Language) -> str:
    parts = [_say("earlier", language)] if diagnosis.earlier else []
    if diagnosis.cause:
        title = "cause" if diagnosis.cause.certainty == "certain" else diagnosis.cause.certainty
        parts.append(_finding(diagnosis.cause, title, diagnosis.step, language))
    elif diagnosis.wrapper:
        parts.append(_finding(diagnosis.wrapper, "wrapper", diagnosis.step, language))
    elif diagnosis.first_error and not diagnosis.started:
        parts.append(f"{_say('unknown', language)}:\n  {diagnosis.first_error.number}: {diagnosis.first_error.text}")
    elif not diagnosis.lines:
        parts.append(_say("empty", language) + ".")
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
