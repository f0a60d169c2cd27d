"""``moorage.yaml``, the stack file: which models, which knowledge, which apps, behind which door. Three lines are enough:

knowledge:
  handbook: ./docs
models: {llm: "http://localhost:8000/v1"}
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from moorage.core.errors import PathNotFound, SettingInvalid
from moorage.core.settings import SETTINGS, Setting

FILE_NAME = "moorage.yaml"
SECTIONS = ("models", "knowledge", "apps", "gateway", "store")
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


@dataclass(frozen=True, slots=True)
class KnowledgeEntry:
    """A knowledge base that the stack file names, and the folder it mirrors."""

    name: str
    folder: Path


@dataclass(frozen=True, slots=True)
class StackFile:
    """What a stack file says. ``values`` are raw values by setting name, to be resolved with flags and variables."""

    path: Path | None = None
    values: Mapping[str, object] = field(default_factory=dict[str, object])
    knowledge: tuple[KnowledgeEntry, ...] = ()


def find(folder: Path) -> Path | None:
    """The stack file of ``folder``, if it has one."""
    path = folder / FILE_NAME
    return path if path.is_file() else None


def read(path: Path) -> StackFile:
    """Reads and checks a stack file. ``${NAME}`` in a value is taken from the environment. Paths are relative to the file.

    Raises PathNotFound or SettingInvalid; the message names the line's key and the nearest known one.
    """
    import yaml

    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as e:
        raise PathNotFound(path=str(path)) from e
    except (OSError, UnicodeDecodeError) as e:
        raise SettingInvalid(name="config", value=str(path), source="file", reason=str(e), advice="Give a readable UTF-8 YAML file.") from e
    try:
        loaded = cast(object, yaml.safe_load(text))
    except yaml.YAMLError as e:
        raise SettingInvalid(name="config", value=str(path), source="file", reason=" ".join(str(e).split()), advice="Mend the YAML.") from e
    return _check(_mapping(loaded if loaded is not None else {}, "the file", path), path)


def _check(top: Mapping[str, object], path: Path) -> StackFile:
    flat = _flatten(top, path)
    known = {s.file: s for s in SETTINGS}
    values: dict[str, object] = {}
    for key, raw in flat.items():
        setting = known.get(key)
        if setting is None:
            near = difflib.get_close_matches(key, [*known, *SECTIONS], n=1)
            advice = f"Did you mean {near[0]}?" if near else f"Known sections: {', '.join(SECTIONS)}."
            shown = "***" if near and near[0] in known and known[near[0]].secret else raw
            raise SettingInvalid(name=key, value=shown, source=str(path), reason="there is no such setting", advice=advice)
        values[setting.name] = _relative(setting, raw, path)
    return StackFile(path, values, _knowledge(top.get("knowledge"), path))


def _flatten(top: Mapping[str, object], path: Path) -> dict[str, object]:
    """Dotted keys of everything but ``knowledge`` and ``apps``, which are lists of things and not settings."""
    flat: dict[str, object] = {}
    for key, value in top.items():
        if key in ("knowledge", "apps"):
            continue
        if key == "models":
            for name, model in _mapping(value or {}, key, path).items():
                entry = {"url": model} if isinstance(model, str) else _mapping(model or {}, f"models.{name}", path)
                flat.update({f"models.{name}.{k}": _expand(v, path) for k, v in entry.items()})
        elif key in SECTIONS:
            for k, v in _mapping(value or {}, key, path).items():
                flat.update(_leaves(f"{key}.{k}", v, path))
        else:
            flat[key] = _expand(value, path)
    return flat


def _leaves(key: str, value: object, path: Path) -> Iterator[tuple[str, object]]:
    """A key with its value, or those below it where settings lie deeper (``store.s3.endpoint``)."""
    if any(s.file.startswith(f"{key}.") for s in SETTINGS):
        for k, v in _mapping(value or {}, key, path).items():
            yield from _leaves(f"{key}.{k}", v, path)
    else:
        yield key, _expand(value, path)


def _knowledge(raw: object, path: Path) -> tuple[KnowledgeEntry, ...]:
    if raw is None:
        return ()
    entries = {Path(raw).name: raw} if isinstance(raw, str) else _mapping(raw, "knowledge", path)
    found: list[KnowledgeEntry] = []
    for name, value in entries.items():
        folder = value if isinstance(value, str) else _mapping(value, f"knowledge.{name}", path).get("folder")
        if not isinstance(folder, str):
            raise SettingInvalid(
                name=f"knowledge.{name}", value=value, source=str(path), reason="it needs a folder", advice=f"Write `{name}: ./docs`."
            )
        found.append(KnowledgeEntry(name, (path.parent / Path(str(_expand(folder, path))).expanduser()).resolve()))
    return tuple(found)


def _mapping(value: object, key: str, path: Path) -> Mapping[str, object]:
    if isinstance(value, Mapping):
        return {str(k): v for k, v in cast("Mapping[object, object]", value).items()}
    raise SettingInvalid(
        name=key, value=value, source=str(path), reason="it must be a mapping (`key: value` lines)", advice="See docs/configuration.md."
    )


def _expand(value: object, path: Path) -> object:
    if not isinstance(value, str):
        return value

    def variable(match: re.Match[str]) -> str:
        found = os.environ.get(match[1])
        if found is None:
            raise SettingInvalid(
                name=match[0], value="", source=str(path), reason="this environment variable is not set", advice=f"Export {match[1]} first."
            )
        return found

    return _VARIABLE.sub(variable, value)


def _relative(setting: Setting, raw: object, path: Path) -> object:
    if setting.kind is Path and isinstance(raw, str):
        return path.parent / Path(raw).expanduser()
    return raw


def schema() -> dict[str, object]:
    """The JSON Schema (draft 2020-12) of the stack file, for editors."""
    root: dict[str, object] = {}
    for s in SETTINGS:
        place, parts = root, s.file.split(".")
        for part in parts[:-1]:
            holder = cast("dict[str, dict[str, object]]", place).setdefault(
                part, {"type": "object", "additionalProperties": False, "properties": {}}
            )
            place = cast("dict[str, object]", holder["properties"])
        place[parts[-1]] = _rule(s)
    models = cast("dict[str, dict[str, dict[str, object]]]", root)["models"]["properties"]
    for name, rule in models.items():
        models[name] = {"oneOf": [{"type": "string", "description": "the address alone"}, rule]}
    folder = {"type": "string", "description": "the folder of documents, relative to this file"}
    entry = {"oneOf": [folder, {"type": "object", "properties": {"folder": folder}, "required": ["folder"], "additionalProperties": False}]}
    root["knowledge"] = {
        "oneOf": [folder, {"type": "object", "additionalProperties": entry}],
        "description": "knowledge bases: name and folder",
    }
    root["apps"] = {"type": "object", "description": "apps: a prompt, a model and knowledge"}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "moorage.yaml",
        "type": "object",
        "additionalProperties": False,
        "properties": root,
    }


def _rule(s: Setting) -> dict[str, object]:
    kinds: dict[type, str] = {int: "integer", float: "number"}
    rule: dict[str, object] = {"type": kinds.get(s.kind, "string"), "description": f"{s.en} ({s.zh})"}
    if s.default is not None:
        rule["default"] = s.default
    if s.choices:
        rule["enum"] = list(s.choices)
    if s.low is not None:
        rule["minimum"] = s.low
    if s.high is not None:
        rule["maximum"] = s.high
    return rule
