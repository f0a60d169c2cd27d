"""The model card: the settings at the head of README.md, for the license and the task that its makers name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import cast

from moorage.models.read.fields import read_bytes

_MOST_HEAD = 64 * 1024


@dataclass(frozen=True, slots=True)
class ModelCard:
    """What a card says of license and task."""

    license: str | None = None
    pipeline: str | None = None


def read_card(folder: Path, model: str) -> ModelCard:
    """The card; empty where there is none that can be read. A card never keeps a model from being read."""
    head = _head(folder, model)
    license = head.get("license")
    name = head.get("license_name")
    named = name if isinstance(name, str) and license == "other" else license
    pipeline = head.get("pipeline_tag")
    return ModelCard(str(named)[:80] if isinstance(named, str) else _license_file(folder), pipeline if isinstance(pipeline, str) else None)


def _head(folder: Path, model: str) -> dict[str, object]:
    import yaml

    data = read_bytes(folder / "README.md", model)
    if data is None or not data.startswith(b"---"):
        return {}
    head = data[3:_MOST_HEAD].split(b"\n---", 1)[0].decode("utf-8", "replace")
    if "&" in head and "*" in head:
        return {}  # anchors can unfold without end, and no card needs them
    try:
        loaded: object = yaml.safe_load(head)
    except (yaml.YAMLError, RecursionError, ValueError):
        return {}
    return cast("dict[str, object]", loaded) if isinstance(loaded, dict) else {}


def _license_file(folder: Path) -> str | None:
    """The first line of a LICENSE file, where it names one of the usual ones."""
    for name in ("LICENSE", "LICENSE.txt", "LICENSE.md"):
        file = folder / name
        if file.is_file():
            with file.open("rb") as stream:
                start = stream.read(400).decode("utf-8", "replace")
            known = {"Apache License": "apache-2.0", "MIT License": "mit", "Permission is hereby granted": "mit"}
            return next((short for words, short in known.items() if words in start), None)
    return None
