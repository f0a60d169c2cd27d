"""Log lines without what is put before them: colours, container names, clock times, process names, levels."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from moorage.engines.doctor.envelope import unwrapped

Level = Literal["debug", "info", "warning", "error", ""]

LINE_LIMIT = 8000
_LEVELS_WRITTEN = "DEBUG|INFO|WARNING|WARN|ERROR|CRITICAL|FATAL"
_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\[\d{1,2}m|\[0m")
_CLOCK = r"\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?|\d\d-\d\d \d\d:\d\d:\d\d|\d\d:\d\d:\d\d(?:[.,]\d+)?"
_BEFORE = re.compile(
    r"\s*(?:"
    r"[\w.-]{1,60}\s{0,12}\|(?=\s)"  # docker compose
    rf"|\[?(?:{_CLOCK})(?: (?:[DTPE]P\d+ ?)+)?\]?"  # SGLang names its ranks here
    r"|(?:stdout|stderr) [FP](?=\s)"  # containerd
    r"|\[pod/[^\]\s]{1,200}\]|\[\d+,\d+\]<std(?:err|out)>:|\[default\d+\]:"  # kubectl, mpirun, torchrun
    r"|[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d [\w.-]+ [\w.@/-]+(?:\[\d+\])?:"  # syslog
    r"|[\w.-]{1,60} [\w.@/-]{1,60}\[\d+\]:"  # syslog, after its clock
    r"|\((?:\w[\w .=-]*?)?\bpid=\d+[^)]{0,80}\)"
    r"|\[rank\d+\]:"
    r"|\[[\w./<>-]+\.(?:py|cpp|cc|cu|h|go|rs):\d+\]"
    r"|[\w./-]+\.py:\d+\]"
    r"|[\w:]{1,80}: [\w./-]{1,120}\.rs:\d+:"  # Rust's tracing: text_embeddings_router: router/src/lib.rs:166:
    r"|\[(?:Main)?Thread[\w-]{0,30}\]"
    r"|(?:time|ts|source|caller)=(?:\"[^\"]{0,200}\"|\S{1,200})"  # Go: Ollama
    rf"|[\w.]{{1,80}} \d{{1,8}} (?=(?:{_LEVELS_WRITTEN})\b)"  # Xinference: name and process
    rf"|level=(?:{_LEVELS_WRITTEN}|{_LEVELS_WRITTEN.lower()})\b"
    rf"|(?:{_LEVELS_WRITTEN})\b:?(?=\s)(?: +\|)?"
    rf"|(?:\| *)?\[?(?i:{_LEVELS_WRITTEN})\](?: \(\w{{1,30}}\))?|\| *(?:{_LEVELS_WRITTEN}) *\|"
    r"|[\w.]{1,80}:[\w<>]{1,60}:\d+ -(?=\s)"  # loguru
    r"|(?:DEBG|ERRO|INFO) '[^']{1,80}' std(?:err|out) output:"  # supervisor
    r"|Warning:(?=\s)"
    r"|-(?=\s)"
    r")\s*"
)
_AFTER = re.compile(r" \[repeated \d+x across cluster\](?: \(Ray deduplicates logs.*)?$")
_LEVEL = re.compile(rf"\b(?i:({_LEVELS_WRITTEN}))\b")
_GLOG = re.compile(r"\s*\[?([IWEF])\d{3,4} \d\d:\d\d:\d\d[.\d]*")  # PyTorch's C++ side
_GLOG_LEVELS: dict[str, Level] = {"I": "info", "W": "warning", "E": "error", "F": "error"}
_NCCL_TALK = re.compile(r"^(?!.*\bNCCL WARN\b).*\bNCCL INFO\b")
_LEVELS: dict[str, Level] = {
    "DEBUG": "debug", "INFO": "info", "WARNING": "warning", "WARN": "warning", "ERROR": "error", "CRITICAL": "error", "FATAL": "error",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line: its place (from 1), what it says, and at which level ('' where it does not tell)."""

    number: int
    text: str
    level: Level


class LeftOut(str):
    """Stands in a log for so many lines that were not read."""

    lines: int = 0

    @classmethod
    def of(cls, lines: int) -> LeftOut:
        made = cls()
        made.lines = lines
        return made


def read_lines(lines: Iterable[str]) -> Iterator[LogLine]:
    """The lines that say something. Of a very long one the two ends are kept."""
    number = 0
    for raw in lines:
        number += raw.lines if isinstance(raw, LeftOut) else 1
        for part in unwrapped(raw).splitlines():
            text, level = bare(part)
            if text:
                yield LogLine(number, text, level)


def bare(raw: str) -> tuple[str, Level]:
    """What a line says, and its level."""
    text = _AFTER.sub("", _ANSI.sub("", clip(raw)).strip())
    start = 0
    while (match := _BEFORE.match(text, start)) and match.end() > start:
        start = match.end()
    level = _LEVEL.search(text, 0, start)
    if level:
        return text[start:].strip(), _LEVELS[level[1].upper()]
    if glog := _GLOG.match(text, start):
        return text[start:].strip(), _GLOG_LEVELS[glog[1]]
    return text[start:].strip(), "info" if _NCCL_TALK.search(text) else ""


def plain(raw: str) -> str:
    """A line as it stands, without colours and without the middle of a very long one."""
    return _ANSI.sub("", clip(raw)).rstrip()


def clip(text: str, limit: int = LINE_LIMIT) -> str:
    """The text, or its two ends where it is longer than ``limit``."""
    return text if len(text) <= limit else f"{text[: limit // 2]} … {text[-limit // 2 :]}"
