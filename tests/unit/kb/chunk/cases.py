"""Reads the text fixtures: ``==== case: name {options}``, the source, ``==== becomes``, what it becomes."""

from __future__ import annotations

import json
from pathlib import Path


def read_cases(name: str) -> list[tuple[str, dict[str, object], str, str]]:
    text = (Path(__file__).parent / "fixtures" / name).read_text(encoding="utf-8")
    cases: list[tuple[str, dict[str, object], str, str]] = []
    for part in text.split("==== case: ")[1:]:
        head, body = part.split("\n", 1)
        source, becomes = body.split("==== becomes\n", 1)
        title, options = head[: head.index("{")].strip(), head[head.index("{") :]
        source = source.replace("\\r", "\r")
        cases.append((title, json.loads(options), source.removesuffix("\n"), becomes.removesuffix("\n")))
    return cases
