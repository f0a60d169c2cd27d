"""What real starts taught the planner, one JSON object a line in the data folder. Rows are plain mappings: what they mean is the planner's."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import cast

_FILE = "lessons.jsonl"
_MOST_BYTES = 4 * 2**20


def read_lessons(folder: Path) -> list[Mapping[str, object]]:
    """The rows kept, oldest first. Lines that are no objects are passed over."""
    path = folder / _FILE
    if not path.is_file() or path.stat().st_size > _MOST_BYTES:
        return []
    rows: list[Mapping[str, object]] = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            value: object = json.loads(line)
        except ValueError:
            continue
        if isinstance(value, dict):
            rows.append(cast("Mapping[str, object]", value))
    return rows


def keep_lesson(folder: Path, row: Mapping[str, object]) -> Path:
    """Adds a row; the folder is made where it is missing. Returns the file."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / _FILE
    line = json.dumps(dict(row), ensure_ascii=False) + "\n"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.write(descriptor, line.encode())
    finally:
        os.close(descriptor)
    return path
